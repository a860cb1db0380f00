package dnsbl_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/dnsbl"
)

var zone = dns.Domain{ASCII: "bad.example.com"}

func resolver() *dns.MemResolver {
	return &dns.MemResolver{
		A: map[string][]string{
			// RFC 5782 §2.1.
			"99.2.0.192.bad.example.com.": {"127.0.0.2"},
			// §2.3: several codes, and a bit mask.
			"98.2.0.192.bad.example.com.": {"127.0.1.2", "127.0.1.1", "127.0.1.2"},
			"97.2.0.192.bad.example.com.": {"127.0.0.6"},
			"96.2.0.192.bad.example.com.": {"203.0.113.80"},
			"95.2.0.192.bad.example.com.": {"127.0.0.2", "203.0.113.80"},
			"94.2.0.192.bad.example.com.": {"127.255.255.254"},
			"93.2.0.192.bad.example.com.": {"127.0.0.2", "127.255.255.255"},
			"92.2.0.192.bad.example.com.": {"127.255.254.1"},
			"90.2.0.192.bad.example.com.": {"127.0.0.4"},
			"89.2.0.192.bad.example.com.": {"126.255.255.255"},
			"88.2.0.192.bad.example.com.": {"128.0.0.1"},
			// §2.4.
			"b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example.com.": {"127.0.0.2"},
			// §3.
			"invalid.edu.doms.example.net.":            {"127.0.0.2"},
			"xn--mnchen-3ya.example.doms.example.net.": {"127.0.0.3"},
		},
		AAAA: map[string][]string{
			"91.2.0.192.bad.example.com.": {"::1"},
		},
		TXT: map[string][]string{
			"99.2.0.192.bad.example.com.": {"Dynamic address, see http://bad.example.com?192.0.2.99"},
			"98.2.0.192.bad.example.com.": {"first", "second\r\n250 ok \x1b[0m \xff"},
			"97.2.0.192.bad.example.com.": {strings.Repeat("x", 1_000_000)},
			"91.2.0.192.bad.example.com.": {"text without an address"},
			"b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example.com.": {"Spam received."},
			"invalid.edu.doms.example.net.": {"Host name used in phish"},
		},
		CNAME: map[string]string{
			"87.2.0.192.bad.example.com.": "99.2.0.192.bad.example.com.",
			"86.2.0.192.bad.example.com.": "86.2.0.192.bad.example.com.",
		},
		Fail: []string{"1.2.0.192.bad.example.com", "txt 90.2.0.192.bad.example.com"},
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, ip, zone string
		want           dnsbl.Status
		codes, text    string
		err            error
	}{
		{"listed, RFC 5782 §2.1", "192.0.2.99", "bad.example.com", dnsbl.StatusFail, "127.0.0.2", "Dynamic address, see http://bad.example.com?192.0.2.99", nil},
		{"IPv4-mapped address with a zone", "::ffff:192.0.2.99%eth0", "bad.example.com", dnsbl.StatusFail, "127.0.0.2", "Dynamic address, see http://bad.example.com?192.0.2.99", nil},
		{"IPv6 with a zone, §2.4", "2001:db8:1:2:3:4:567:89ab%eth0", "ugly.example.com", dnsbl.StatusFail, "127.0.0.2", "Spam received.", nil},
		{"IPv4-mapped address", "::ffff:192.0.2.99", "bad.example.com", dnsbl.StatusFail, "127.0.0.2", "Dynamic address, see http://bad.example.com?192.0.2.99", nil},
		{"IPv6, §2.4", "2001:db8:1:2:3:4:567:89ab", "ugly.example.com", dnsbl.StatusFail, "127.0.0.2", "Spam received.", nil},
		{"several sublists, §2.3, and a text with control characters", "192.0.2.98", "bad.example.com", dnsbl.StatusFail, "127.0.1.1 127.0.1.2", "first; second??250 ok ?[0m ?", nil},
		{"bit mask and a text of a megabyte", "192.0.2.97", "bad.example.com", dnsbl.StatusFail, "127.0.0.6", strings.Repeat("x", 1000), nil},
		{"no text to be had", "192.0.2.90", "bad.example.com", dnsbl.StatusFail, "127.0.0.4", "", nil},
		{"near to the codes of errors", "192.0.2.92", "bad.example.com", dnsbl.StatusFail, "127.255.254.1", "", nil},
		{"alias", "192.0.2.87", "bad.example.com", dnsbl.StatusFail, "127.0.0.2", "Dynamic address, see http://bad.example.com?192.0.2.99", nil},
		{"not listed", "192.0.2.100", "bad.example.com", dnsbl.StatusPass, "", "", nil},
		{"not listed, IPv6", "2001:db8::1", "ugly.example.com", dnsbl.StatusPass, "", "", nil},
		{"neither with a text nor with an IPv6 address only, §2.1", "192.0.2.91", "bad.example.com", dnsbl.StatusPass, "", "", nil},
		{"code of a web server, §7", "192.0.2.96", "bad.example.com", dnsbl.StatusPermError, "", "", dnsbl.ErrNotList},
		{"code of a web server among others", "192.0.2.95", "bad.example.com", dnsbl.StatusPermError, "", "", dnsbl.ErrNotList},
		{"code below 127.0.0.0/8", "192.0.2.89", "bad.example.com", dnsbl.StatusPermError, "", "", dnsbl.ErrNotList},
		{"code above 127.0.0.0/8", "192.0.2.88", "bad.example.com", dnsbl.StatusPermError, "", "", dnsbl.ErrNotList},
		{"query through a public resolver", "192.0.2.94", "bad.example.com", dnsbl.StatusTempError, "", "", dnsbl.ErrRefused},
		{"too many queries, among codes", "192.0.2.93", "bad.example.com", dnsbl.StatusTempError, "", "", dnsbl.ErrRefused},
		{"lookup fails", "192.0.2.1", "bad.example.com", dnsbl.StatusTempError, "", "", dnsbl.ErrTemporary},
		{"aliases in a loop", "192.0.2.86", "bad.example.com", dnsbl.StatusTempError, "", "", dnsbl.ErrTemporary},
		{"no zone", "192.0.2.99", "", dnsbl.StatusPermError, "", "", dnsbl.ErrQuery},
		{"name too long", "192.0.2.99", strings.Repeat("a.", 122) + "example", dnsbl.StatusPermError, "", "", dnsbl.ErrQuery},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := dnsbl.Lookup(t.Context(), resolver(), dns.Domain{ASCII: test.zone}, netip.MustParseAddr(test.ip))
			check(t, r, test.want, test.codes, test.text, test.err)
		})
	}
	if r := dnsbl.Lookup(t.Context(), resolver(), zone, netip.Addr{}); r.Status != dnsbl.StatusPermError || !errors.Is(r.Err, dnsbl.ErrQuery) {
		t.Errorf("no address: %+v", r)
	}
}

// TestLookupDomain has the example of RFC 5782 §3.
func TestLookupDomain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, domain string
		want         dnsbl.Status
		codes, text  string
		err          error
	}{
		{"listed", "invalid.edu", dnsbl.StatusFail, "127.0.0.2", "Host name used in phish", nil},
		{"internationalized", "münchen.example", dnsbl.StatusFail, "127.0.0.3", "", nil},
		{"not listed", "valid.edu", dnsbl.StatusPass, "", "", nil},
		{"subdomain is not listed", "www.invalid.edu", dnsbl.StatusPass, "", "", nil},
		{"name too long", strings.Repeat("a.", 120) + "example", dnsbl.StatusPermError, "", "", dnsbl.ErrQuery},
		{"no domain", "", dnsbl.StatusPermError, "", "", dnsbl.ErrQuery},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var domain dns.Domain
			if test.domain != "" {
				var err error
				if domain, err = dns.ParseDomain(test.domain); err != nil {
					t.Fatal(err)
				}
			}
			r := dnsbl.LookupDomain(t.Context(), resolver(), dns.Domain{ASCII: "doms.example.net"}, domain)
			check(t, r, test.want, test.codes, test.text, test.err)
		})
	}
}

func check(t *testing.T, r dnsbl.Result, want dnsbl.Status, codes, text string, err error) {
	t.Helper()
	var got []string
	for _, c := range r.Codes {
		got = append(got, c.String())
	}
	if r.Status != want || strings.Join(got, " ") != codes || r.Explanation != text || !errors.Is(r.Err, err) {
		t.Errorf("got %s %v %q %v, want %s %q %q %v", r.Status, got, r.Explanation, r.Err, want, codes, text, err)
	}
}

// TestNoTextForUnlisted: most addresses are not listed, and cost one query.
func TestNoTextForUnlisted(t *testing.T) {
	t.Parallel()
	r := resolver()
	dnsbl.Lookup(t.Context(), r, zone, netip.MustParseAddr("192.0.2.100"))
	if n := r.Calls("100.2.0.192.bad.example.com"); n != 1 {
		t.Errorf("%d queries", n)
	}
}

// TestSublists selects sublists by values and bit masks (RFC 5782 §2.3, §6).
func TestSublists(t *testing.T) {
	t.Parallel()
	look := func(ip string) dnsbl.Result {
		return dnsbl.Lookup(t.Context(), resolver(), zone, netip.MustParseAddr(ip))
	}
	one, two := netip.MustParsePrefix("127.0.1.1/32"), netip.MustParsePrefix("127.0.0.0/24")
	for _, test := range []struct {
		name string
		got  bool
		want bool
	}{
		{"value", look("192.0.2.98").Has(one), true},
		{"one of several values", look("192.0.2.99").Has(one, two), true},
		{"other value", look("192.0.2.98").Has(two), false},
		{"no value", look("192.0.2.98").Has(), false},
		{"first bit of a mask", look("192.0.2.97").HasBits(2), true},
		{"second bit of a mask", look("192.0.2.97").HasBits(4), true},
		{"other bit", look("192.0.2.97").HasBits(1 | 8), false},
		{"not listed", look("192.0.2.100").HasBits(255), false},
	} {
		if test.got != test.want {
			t.Errorf("%s: %v", test.name, test.got)
		}
	}
}

func TestAuthentic(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{"192.0.2.99", "192.0.2.100"} {
		for _, authentic := range []bool{false, true} {
			r := resolver()
			r.AllAuthentic = authentic
			if got := dnsbl.Lookup(t.Context(), r, zone, netip.MustParseAddr(ip)); got.Authentic != authentic {
				t.Errorf("%s: authentic %v, want %v", ip, got.Authentic, authentic)
			}
		}
	}
}

func TestManyRecords(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{A: map[string][]string{}, TXT: map[string][]string{}}
	const name = "99.2.0.192.bad.example.com."
	for i := range 5000 {
		r.A[name] = append(r.A[name], fmt.Sprintf("127.0.%d.%d", i/250, i%250))
		r.TXT[name] = append(r.TXT[name], "spam")
	}
	got := dnsbl.Lookup(t.Context(), r, zone, netip.MustParseAddr("192.0.2.99"))
	if got.Status != dnsbl.StatusFail || len(got.Codes) != 32 || len(got.Explanation) > 1010 {
		t.Errorf("%s, %d codes, %d bytes", got.Status, len(got.Codes), len(got.Explanation))
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"a", "txt"} {
		synctest.Test(t, func(t *testing.T) {
			r := resolver()
			r.Before = func(ctx context.Context, at, name string) error {
				if at == typ {
					<-ctx.Done()
				}
				return nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			start := time.Now()
			got := dnsbl.Lookup(ctx, r, zone, netip.MustParseAddr("192.0.2.99"))
			// An entry whose text does not come is an entry (RFC 5782 §2.1).
			want := map[string]dnsbl.Status{"a": dnsbl.StatusTempError, "txt": dnsbl.StatusFail}[typ]
			if got.Status != want || got.Explanation != "" || time.Since(start) != 2*time.Second {
				t.Errorf("%s: %+v after %s", typ, got, time.Since(start))
			}
			if typ != "txt" {
				return
			}
			// Nor is it waited for as long as the caller has time.
			start = time.Now()
			got = dnsbl.Lookup(t.Context(), r, zone, netip.MustParseAddr("192.0.2.99"))
			if got.Status != want || time.Since(start) != 3*time.Second {
				t.Errorf("without a deadline: %+v after %s", got, time.Since(start))
			}
		})
	}
}

// TestCheckHealth has the test entries of RFC 5782 §5.
func TestCheckHealth(t *testing.T) {
	t.Parallel()
	const (
		v4listed   = "2.0.0.127.bad.example.com."
		v4unlisted = "1.0.0.127.bad.example.com."
		v6listed   = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bad.example.com."
		v6unlisted = "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bad.example.com."
		domListed  = "test.bad.example.com."
		domNot     = "invalid.bad.example.com."
	)
	v4 := func(ctx context.Context, r dns.Resolver) error { return dnsbl.CheckHealth(ctx, r, zone, dnsbl.IPv4) }
	v6 := func(ctx context.Context, r dns.Resolver) error { return dnsbl.CheckHealth(ctx, r, zone, dnsbl.IPv6) }
	dom := func(ctx context.Context, r dns.Resolver) error { return dnsbl.CheckDomainHealth(ctx, r, zone) }
	for _, test := range []struct {
		name  string
		check func(context.Context, dns.Resolver) error
		a     map[string][]string
		fail  string
		want  error
	}{
		{"IPv4", v4, map[string][]string{v4listed: {"127.0.0.2"}}, "", nil},
		{"IPv6", v6, map[string][]string{v6listed: {"127.0.0.2"}}, "", nil},
		{"domains", dom, map[string][]string{domListed: {"127.0.0.2"}}, "", nil},
		{"empty zone", v4, nil, "", dnsbl.ErrTestEntry},
		{"everything is listed", v4, map[string][]string{v4listed: {"127.0.0.2"}, v4unlisted: {"127.0.0.2"}}, "", dnsbl.ErrTestEntry},
		{"everything has a web server", v4, map[string][]string{v4listed: {"203.0.113.1"}, v4unlisted: {"203.0.113.1"}}, "", dnsbl.ErrNotList},
		{"everything is refused", v4, map[string][]string{v4listed: {"127.255.255.254"}}, "", dnsbl.ErrRefused},
		{"lookup fails", v4, map[string][]string{v4listed: {"127.0.0.2"}}, v4unlisted, dnsbl.ErrTemporary},
		{"entries of the other family", v6, map[string][]string{v4listed: {"127.0.0.2"}}, "", dnsbl.ErrTestEntry},
		{"IPv6, everything is listed", v6, map[string][]string{v6listed: {"127.0.0.2"}, v6unlisted: {"127.0.0.2"}}, "", dnsbl.ErrTestEntry},
		{"domains, everything is listed", dom, map[string][]string{domListed: {"127.0.0.2"}, domNot: {"127.0.0.2"}}, "", dnsbl.ErrTestEntry},
		{"domains, empty zone", dom, nil, "", dnsbl.ErrTestEntry},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &dns.MemResolver{A: test.a}
			if test.fail != "" {
				r.Fail = []string{test.fail}
			}
			r.Before = func(_ context.Context, typ, name string) error {
				if typ != "a" {
					t.Errorf("test with a lookup of %s of %s", typ, name)
				}
				return nil
			}
			if err := test.check(t.Context(), r); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("127.0.0.2", "text", "192.0.2.1")
	f.Add("127.255.255.1", "\r\n", "2001:db8::1")
	f.Add("203.0.113.1", "\x00", "::ffff:192.0.2.1")
	f.Fuzz(func(t *testing.T, code, text, addr string) {
		ip, err := netip.ParseAddr(addr)
		if err != nil {
			return
		}
		name := dnsbl.QueryName(zone, ip)
		if _, err := dns.ParseDomain(name); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		r := &dns.MemResolver{TXT: map[string][]string{name: {text}}}
		if c, err := netip.ParseAddr(code); err == nil && c.Is4() {
			r.A = map[string][]string{name: {code}}
		}
		got := dnsbl.Lookup(t.Context(), r, zone, ip)
		if got.Status == dnsbl.StatusFail && !strings.HasPrefix(code, "127.") {
			t.Errorf("%q is an entry", code)
		}
		if strings.ContainsFunc(got.Explanation, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("explanation %q", got.Explanation)
		}
	})
}
