package iprev_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/iprev"
)

func resolver() *dns.MemResolver {
	return &dns.MemResolver{
		PTR: map[string][]string{
			"192.0.2.1":  {"mail.example.org."},
			"192.0.2.2":  {"liar.example.org."},
			"192.0.2.3":  {"liar.example.org.", "mail.example.org.", "alias.example.org.", "MAIL.example.org."},
			"192.0.2.4":  {"gone.example.org."},
			"192.0.2.5":  {"broken.example.org."},
			"192.0.2.6":  {"broken.example.org.", "six.example.org."},
			"192.0.2.7":  {"bad name.example.org.", "-.example.org."},
			"192.0.2.8":  {"broken.example.org.", "liar.example.org."},
			"192.0.2.9":  {"loop.example.org."},
			"192.0.2.10": {"xn--mnchen-3ya.example."},
			"192.0.2.11": {"under_score.example.org."},
			"192.0.2.12": {"v6only.example.org."},
			"2001:db8::1": {
				"mail.example.org.",
			},
			"2001:db8::2": {"v4only.example.org."},
		},
		A: map[string][]string{
			"mail.example.org.":        {"192.0.2.1", "192.0.2.3"},
			"liar.example.org.":        {"198.51.100.1"},
			"six.example.org.":         {"192.0.2.6"},
			"v4only.example.org.":      {"192.0.2.99"},
			"xn--mnchen-3ya.example.":  {"192.0.2.10"},
			"under_score.example.org.": {"192.0.2.11"},
		},
		AAAA: map[string][]string{
			"mail.example.org.":   {"2001:db8::1"},
			"v6only.example.org.": {"::ffff:192.0.2.12"},
		},
		CNAME: map[string]string{
			"alias.example.org.": "mail.example.org.",
			"loop.example.org.":  "loop.example.org.",
		},
		Fail: []string{"broken.example.org", "ptr 192.0.2.200"},
	}
}

// TestLookup has the results of RFC 8601 §2.7.3 for the algorithm of §3.
func TestLookup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, ip string
		want     iprev.Status
		names    string
		err      error
	}{
		{"name and address agree", "192.0.2.1", iprev.StatusPass, "mail.example.org", nil},
		{"IPv6", "2001:db8::1", iprev.StatusPass, "mail.example.org", nil},
		{"IPv4-mapped address", "::ffff:192.0.2.1", iprev.StatusPass, "mail.example.org", nil},
		{"some of the names agree, one through an alias", "192.0.2.3", iprev.StatusPass, "mail.example.org alias.example.org", nil},
		{"one name fails, another agrees", "192.0.2.6", iprev.StatusPass, "six.example.org", nil},
		{"internationalized name", "192.0.2.10", iprev.StatusPass, "xn--mnchen-3ya.example", nil},
		{"underscore in the name", "192.0.2.11", iprev.StatusPass, "under_score.example.org", nil},
		{"name has another address", "192.0.2.2", iprev.StatusFail, "", iprev.ErrNoMatch},
		{"name does not exist", "192.0.2.4", iprev.StatusFail, "", iprev.ErrNoMatch},
		{"name has addresses of the other family only", "2001:db8::2", iprev.StatusFail, "", iprev.ErrNoMatch},
		{"IPv4-mapped address in an AAAA record", "192.0.2.12", iprev.StatusFail, "", iprev.ErrNoMatch},
		{"no name", "192.0.2.99", iprev.StatusPermError, "", iprev.ErrNoName},
		{"names that are none", "192.0.2.7", iprev.StatusPermError, "", iprev.ErrNoName},
		{"reverse lookup fails", "192.0.2.200", iprev.StatusTempError, "", iprev.ErrTemporary},
		{"forward lookup fails", "192.0.2.5", iprev.StatusTempError, "", iprev.ErrTemporary},
		{"forward lookup fails, another name has another address", "192.0.2.8", iprev.StatusTempError, "", iprev.ErrTemporary},
		{"aliases in a loop", "192.0.2.9", iprev.StatusTempError, "", iprev.ErrTemporary},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := iprev.Lookup(t.Context(), resolver(), netip.MustParseAddr(test.ip))
			if r.Status != test.want || !errors.Is(r.Err, test.err) {
				t.Errorf("got %s, %v, want %s, %v", r.Status, r.Err, test.want, test.err)
			}
			if got := join(r.Names); got != test.names {
				t.Errorf("names %q, want %q", got, test.names)
			}
			if first, _, _ := strings.Cut(test.names, " "); r.Name.ASCII != first {
				t.Errorf("name %q, want %q", r.Name.ASCII, first)
			}
		})
	}
	if r := iprev.Lookup(t.Context(), resolver(), netip.Addr{}); r.Status != iprev.StatusPermError || r.Err == nil {
		t.Errorf("without an address: %+v", r)
	}
}

func join(l []dns.Domain) string {
	var s []string
	for _, d := range l {
		s = append(s, d.ASCII)
	}
	return strings.Join(s, " ")
}

// TestManyNames has an address with a thousand names: RFC 8601 §3 demands that the number of names that
// are looked up is limited.
func TestManyNames(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{PTR: map[string][]string{}, A: map[string][]string{}}
	for i := range 1000 {
		name := fmt.Sprintf("n%d.example.org.", i)
		r.PTR["192.0.2.1"] = append(r.PTR["192.0.2.1"], name, name)
		r.A[name] = []string{"192.0.2.1"}
	}
	got := iprev.Lookup(t.Context(), r, netip.MustParseAddr("192.0.2.1"))
	if got.Status != iprev.StatusPass || len(got.Claimed) != 10 || !got.Truncated {
		t.Errorf("got %s, %d names, truncated %v", got.Status, len(got.Claimed), got.Truncated)
	}
	if n := r.Calls("a n10.example.org"); n != 0 {
		t.Errorf("the eleventh name was looked up")
	}
	if n := r.Calls("a n9.example.org") + r.Calls("aaaa n9.example.org"); n != 1 {
		t.Errorf("the tenth name was looked up %d times", n)
	}
}

// TestAuthentic has a result authentic only if both directions are.
func TestAuthentic(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		ip          string
		inauthentic string
		want        bool
	}{
		{"all authentic", "192.0.2.1", "", true},
		{"reverse lookup is not", "192.0.2.1", "ptr 192.0.2.1", false},
		{"forward lookup is not", "192.0.2.1", "a mail.example.org", false},
		{"that of another name is not", "192.0.2.3", "a liar.example.org", true},
		{"no name", "192.0.2.99", "", true},
		{"no name, not authentic", "192.0.2.99", "ptr 192.0.2.99", false},
		{"no match", "192.0.2.2", "", true},
		{"no match, not authentic", "192.0.2.2", "liar.example.org", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := resolver()
			r.AllAuthentic = true
			if test.inauthentic != "" {
				r.Inauthentic = []string{test.inauthentic}
			}
			if got := iprev.Lookup(t.Context(), r, netip.MustParseAddr(test.ip)); got.Authentic != test.want {
				t.Errorf("authentic %v, want %v (%s)", got.Authentic, test.want, got.Status)
			}
		})
	}
}

// TestTimeout has names whose name servers do not answer. The lookups run side by side, so that the slow ones
// do not take the time of the others.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		names []string
		want  iprev.Status
	}{
		{"none answers", []string{"slow1.example.org.", "slow2.example.org."}, iprev.StatusTempError},
		{"another confirms", []string{"slow1.example.org.", "quick.example.org."}, iprev.StatusPass},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &dns.MemResolver{
					PTR: map[string][]string{"192.0.2.1": test.names},
					A:   map[string][]string{"quick.example.org.": {"192.0.2.1"}},
					Before: func(ctx context.Context, typ, name string) error {
						if strings.HasPrefix(name, "slow") {
							<-ctx.Done()
						}
						return nil
					},
				}
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				got := iprev.Lookup(ctx, r, netip.MustParseAddr("192.0.2.1"))
				if got.Status != test.want {
					t.Errorf("got %s, %v", got.Status, got.Err)
				}
				if test.want == iprev.StatusTempError && !errors.Is(got.Err, context.DeadlineExceeded) {
					t.Errorf("error %v does not tell of the deadline", got.Err)
				}
				if d := time.Since(start); d != 3*time.Second {
					t.Errorf("took %s", d)
				}
			})
		})
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("mail.example.org.", "192.0.2.1")
	f.Add("..", "x")
	f.Add("xn--a.example\x00", "::1")
	f.Fuzz(func(t *testing.T, name, addr string) {
		r := &dns.MemResolver{PTR: map[string][]string{"192.0.2.1": {name}}}
		if ip, err := netip.ParseAddr(addr); err == nil && ip.Is4() {
			r.A = map[string][]string{strings.ToLower(name): {addr}}
		}
		got := iprev.Lookup(t.Context(), r, netip.MustParseAddr("192.0.2.1"))
		if (got.Status == iprev.StatusPass) != (got.Err == nil) || (got.Status == iprev.StatusPass) != slices.Contains(got.Names, got.Name) {
			t.Errorf("%+v", got)
		}
		if got.Status == iprev.StatusPass && addr != "192.0.2.1" {
			t.Errorf("passes with %q", addr)
		}
	})
}
