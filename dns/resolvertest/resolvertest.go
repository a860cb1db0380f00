// Package resolvertest has the tests that every dns.Resolver must pass.
package resolvertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mox/dns"
)

// Test runs the suite. For each subtest newResolver is called to make a resolver that
// answers from zone, in which fields other than Before are set, and Before possibly by
// the suite later. Lookups that zone fails must fail temporarily.
func Test(t *testing.T, newResolver func(t *testing.T, zone *dns.MemResolver) dns.Resolver) {
	t.Run("Records", func(t *testing.T) { testRecords(t, newResolver) })
	t.Run("Names", func(t *testing.T) { testNames(t, newResolver) })
	t.Run("NotFound", func(t *testing.T) { testNotFound(t, newResolver) })
	t.Run("Temporary", func(t *testing.T) { testTemporary(t, newResolver) })
	t.Run("Aliases", func(t *testing.T) { testAliases(t, newResolver) })
	t.Run("Authentic", func(t *testing.T) { testAuthentic(t, newResolver) })
	t.Run("TTL", func(t *testing.T) { testTTL(t, newResolver) })
	t.Run("Large", func(t *testing.T) { testLarge(t, newResolver) })
	t.Run("Context", func(t *testing.T) { testContext(t, newResolver) })
	t.Run("Ownership", func(t *testing.T) { testOwnership(t, newResolver) })
	t.Run("Concurrent", func(t *testing.T) { testConcurrent(t, newResolver) })
}

// lookup is a lookup of a kind, of a name, that returns what it found as text.
type lookup struct {
	name   string
	lookup func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error)
}

// lookups returns a lookup of each kind.
func lookups() []lookup {
	return []lookup{
		{"LookupCNAME", func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error) {
			return r.LookupCNAME(ctx, name)
		}},
		{"LookupIP ip", lookupIP("ip")},
		{"LookupIP ip4", lookupIP("ip4")},
		{"LookupIP ip6", lookupIP("ip6")},
		{"LookupMX", func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error) {
			l, res, err := r.LookupMX(ctx, name)
			return text(l), res, err
		}},
		{"LookupNS", func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error) {
			l, res, err := r.LookupNS(ctx, name)
			slices.SortFunc(l, func(a, b net.NS) int { return strings.Compare(a.Host, b.Host) })
			return text(l), res, err
		}},
		{"LookupSRV", func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error) {
			l, res, err := r.LookupSRV(ctx, name)
			return text(l), res, err
		}},
		{"LookupCAA", func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error) {
			l, res, err := r.LookupCAA(ctx, name)
			return text(l), res, err
		}},
		{"LookupTXT", func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error) {
			l, res, err := r.LookupTXT(ctx, name)
			slices.Sort(l)
			return text(l), res, err
		}},
		{"LookupTLSA", func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error) {
			l, res, err := r.LookupTLSA(ctx, 0, "", name)
			return text(l), res, err
		}},
	}
}

func lookupIP(network string) func(context.Context, dns.Resolver, string) (string, dns.Result, error) {
	return func(ctx context.Context, r dns.Resolver, name string) (string, dns.Result, error) {
		l, res, err := r.LookupIP(ctx, network, name)
		slices.SortFunc(l, netip.Addr.Compare)
		return text(l), res, err
	}
}

func text[T any](l []T) string {
	if len(l) == 0 {
		return ""
	}
	return fmt.Sprint(l)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func fullZone() *dns.MemResolver {
	tlsa := dns.TLSA{Usage: 3, Selector: 1, MatchType: 1, CertAssoc: []byte{1, 2, 3}}
	return &dns.MemResolver{
		A:    map[string][]string{"host.example.org": {"192.0.2.1", "192.0.2.2"}, "v4.example.org": {"192.0.2.4"}, "user+tag=a/b:c-.-d._spf.example.org": {"127.0.0.2"}},
		AAAA: map[string][]string{"host.example.org": {"2001:db8::1"}, "v6.example.org": {"2001:db8::6"}},
		MX:   map[string][]net.MX{"host.example.org": {{Host: "b.example.org", Pref: 20}, {Host: "a.example.org", Pref: 10}}, "null.example.org": {{Host: "."}}},
		NS:   map[string][]string{"host.example.org": {"ns1.example.org", "ns2.example.org"}},
		SRV: map[string][]net.SRV{
			"host.example.org":        {{Target: "b.example.org", Port: 993, Priority: 20}, {Target: "a.example.org", Port: 143, Priority: 10, Weight: 5}},
			"_pop3s._tcp.example.org": {{Target: "."}},
		},
		CAA: map[string][]dns.CAA{"host.example.org": {{Critical: true, Tag: "issue", Value: "ca.example.net; x=y"}}},
		TXT: map[string][]string{
			"host.example.org": {"v=spf1 -all", "other"}, "_dmarc.example.org": {"v=DMARC1; p=none"},
			"user+tag=a/b:c-.-d._spf.example.org": {"octets"}, "userxtagxaxbxcx.xd._spf.example.org": {"stand-in"},
		},
		TLSA: map[string][]dns.TLSA{"_25._tcp.mx.example.org": {tlsa}, "host.example.org": {tlsa}},
		PTR:  map[string][]string{"192.0.2.1": {"host.example.org"}, "2001:db8::1": {"host.example.org"}},
		CNAME: map[string]string{
			"alias.example.org": "host.example.org", "alias2.example.org": "alias.example.org", "dangling.example.org": "nothing.example.org",
			"loop1.example.org": "loop2.example.org", "loop2.example.org": "loop1.example.org",
		},
	}
}

type newResolverFunc func(t *testing.T, zone *dns.MemResolver) dns.Resolver

var hostTexts = map[string]string{
	"LookupIP ip":  "[192.0.2.1 192.0.2.2 2001:db8::1]",
	"LookupIP ip4": "[192.0.2.1 192.0.2.2]",
	"LookupIP ip6": "[2001:db8::1]",
	"LookupMX":     "[{a.example.org. 10} {b.example.org. 20}]",
	"LookupNS":     "[{ns1.example.org.} {ns2.example.org.}]",
	"LookupSRV":    "[{a.example.org. 143 10 5} {b.example.org. 993 20 0}]",
	"LookupCAA":    `[128 issue "ca.example.net; x=y"]`,
	"LookupTXT":    "[other v=spf1 -all]",
	"LookupTLSA":   "[dane-ee(3) spki(1) sha2-256(1) 010203]",
}

func testRecords(t *testing.T, newResolver newResolverFunc) {
	ctx := t.Context()
	r := newResolver(t, fullZone())
	for _, l := range lookups() {
		if want := hostTexts[l.name]; want != "" {
			if got, _, err := l.lookup(ctx, r, "host.example.org"); got != want || err != nil {
				t.Errorf("%s: %s, %v, want %s", l.name, got, err, want)
			}
		}
	}
	if l, _, err := r.LookupIP(ctx, "ip", "v4.example.org"); len(l) != 1 || l[0] != addr("192.0.2.4") || err != nil {
		t.Errorf("addresses of IPv4-only host: %v, %v", l, err)
	}
	if l, _, err := r.LookupIP(ctx, "ip", "v6.example.org"); len(l) != 1 || l[0] != addr("2001:db8::6") || err != nil {
		t.Errorf("addresses of IPv6-only host: %v, %v", l, err)
	}
	if _, _, err := r.LookupIP(ctx, "tcp", "host.example.org"); err == nil {
		t.Error("network tcp of LookupIP is accepted")
	}
	// RFC 7505 §3.
	if l, _, err := r.LookupMX(ctx, "null.example.org"); len(l) != 1 || l[0].Host != "." || l[0].Pref != 0 || err != nil {
		t.Errorf("null MX: %v, %v", l, err)
	}
	// RFC 2782: there is no such service.
	if l, _, err := r.LookupSRV(ctx, "_pop3s._tcp.example.org"); len(l) != 1 || l[0] != (net.SRV{Target: "."}) || err != nil {
		t.Errorf("SRV of no service: %v, %v", l, err)
	}
	if l, _, err := r.LookupTLSA(ctx, 25, "tcp", "mx.example.org."); len(l) != 1 || err != nil {
		t.Errorf("TLSA of a service: %v, %v", l, err)
	}
	for _, ip := range []string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"} {
		if l, _, err := r.LookupAddr(ctx, addr(ip)); len(l) != 1 || l[0] != "host.example.org." || err != nil {
			t.Errorf("names of %s: %v, %v", ip, l, err)
		}
	}
}

func testNames(t *testing.T, newResolver newResolverFunc) {
	ctx := t.Context()
	r := newResolver(t, fullZone())
	for _, name := range []string{"host.example.org", "host.example.org.", "HOST.Example.ORG", "Host.example.org."} {
		if l, _, err := r.LookupTXT(ctx, name); len(l) != 2 || err != nil {
			t.Errorf("%q: %v, %v", name, l, err)
		}
	}
	if l, _, err := r.LookupTXT(ctx, "_dmarc.example.org"); len(l) != 1 || err != nil {
		t.Errorf("name with underscore: %v, %v", l, err)
	}
	// Labels may have other octets than those of hosts (RFC 2181 §11), as SPF makes them of local parts.
	for _, name := range []string{"user+tag=a/b:c-.-d._spf.example.org", "User+Tag=a/b:c-.-d._spf.example.org."} {
		if l, _, err := r.LookupTXT(ctx, name); !slices.Equal(l, []string{"octets"}) || err != nil {
			t.Errorf("%q: %v, %v", name, l, err)
		}
		if ips, _, err := r.LookupIP(ctx, "ip4", name); !slices.Equal(ips, []netip.Addr{addr("127.0.0.2")}) || err != nil {
			t.Errorf("addresses of %q: %v, %v", name, ips, err)
		}
	}
	if _, _, err := r.LookupIP(ctx, "ip4", "user+other.example.org"); !dns.IsNotFound(err) {
		t.Errorf("addresses of a name that there is not: %v", err)
	}
	long := strings.Repeat("a", 63)
	for _, name := range []string{
		"", ".", "..", "host..example.org", ".host.example.org", "host.example.org..", "a b.example.org", "a\x00.example.org", "+..example.org", "xn--+.example.org", "a+\x80.example.org",
		long + "a.example.org", strings.Repeat(long+".", 4) + "org",
		"hidden.onion", // RFC 7686 §2.
		"host",         // No search list.
	} {
		for _, l := range lookups() {
			if got, _, err := l.lookup(ctx, r, name); got != "" || !dns.IsNotFound(err) || dns.IsTemporary(err) {
				t.Errorf("%s of %q: %v, %v; must not be found", l.name, name, got, err)
			}
		}
	}
}

func testNotFound(t *testing.T, newResolver newResolverFunc) {
	ctx := t.Context()
	r := newResolver(t, fullZone())
	for _, l := range lookups() {
		for _, name := range []string{"nothing.example.org", "v4.example.org", "v6.example.org"} {
			if strings.HasPrefix(l.name, "LookupIP") && name != "nothing.example.org" {
				continue
			}
			for range 2 {
				got, _, err := l.lookup(ctx, r, name)
				if got != "" || !dns.IsNotFound(err) || dns.IsTemporary(err) {
					t.Errorf("%s of %s: %v, %v; must not be found", l.name, name, got, err)
				}
				if e, ok := errors.AsType[*dns.Error](err); !ok || strings.TrimSuffix(e.Name, ".") != name {
					t.Errorf("%s of %s: error %v without name", l.name, name, err)
				}
			}
		}
	}
	if _, _, err := r.LookupIP(ctx, "ip6", "v4.example.org"); !dns.IsNotFound(err) {
		t.Errorf("IPv6 addresses of IPv4-only host: %v", err)
	}
	if l, _, err := r.LookupAddr(ctx, addr("192.0.2.77")); len(l) != 0 || !dns.IsNotFound(err) {
		t.Errorf("names of an address without: %v, %v", l, err)
	}
}

func testTemporary(t *testing.T, newResolver newResolverFunc) {
	ctx := t.Context()
	zone := fullZone()
	zone.CNAME["is-alias.example.org"] = "host.example.org"
	zone.Fail = []string{"all.example.org", "cname is-alias.example.org", "ptr 192.0.2.1", "a half.example.org"}
	zone.AAAA["half.example.org"] = []string{"2001:db8::7"}
	r := newResolver(t, zone)
	for _, l := range lookups() {
		got, res, err := l.lookup(ctx, r, "all.example.org")
		if got != "" || !dns.IsTemporary(err) || dns.IsNotFound(err) || res.Authentic {
			t.Errorf("%s: %v, %+v, %v; must fail temporarily", l.name, got, res, err)
		}
	}
	if _, _, err := r.LookupCNAME(ctx, "is-alias.example.org"); !dns.IsTemporary(err) {
		t.Errorf("LookupCNAME: %v; must fail temporarily", err)
	}
	if _, _, err := r.LookupAddr(ctx, addr("192.0.2.1")); !dns.IsTemporary(err) {
		t.Errorf("LookupAddr: %v; must fail temporarily", err)
	}
	if l, _, err := r.LookupIP(ctx, "ip", "half.example.org"); len(l) != 0 || !dns.IsTemporary(err) {
		t.Errorf("LookupIP where one family fails: %v, %v; must fail temporarily", l, err)
	}
	if l, _, err := r.LookupIP(ctx, "ip6", "half.example.org"); len(l) != 1 || err != nil {
		t.Errorf("LookupIP of the family that does not fail: %v, %v", l, err)
	}
}

func testAliases(t *testing.T, newResolver newResolverFunc) {
	ctx := t.Context()
	r := newResolver(t, fullZone())
	for _, l := range lookups() {
		if l.name == "LookupCNAME" {
			continue
		}
		for _, name := range []string{"alias.example.org", "alias2.example.org"} {
			if got, _, err := l.lookup(ctx, r, name); got != hostTexts[l.name] || err != nil {
				t.Errorf("%s of %s: %v, %v", l.name, name, got, err)
			}
		}
		if got, _, err := l.lookup(ctx, r, "dangling.example.org"); got != "" || !dns.IsNotFound(err) {
			t.Errorf("%s of an alias of nothing: %v, %v", l.name, got, err)
		}
		if got, _, err := l.lookup(ctx, r, "loop1.example.org"); got != "" || err == nil {
			t.Errorf("%s of an alias of itself: %v, %v", l.name, got, err)
		}
	}
	for name, want := range map[string]string{
		"alias.example.org": "host.example.org.", "alias2.example.org": "alias.example.org.", "dangling.example.org": "nothing.example.org.", "loop1.example.org": "loop2.example.org.",
	} {
		if got, _, err := r.LookupCNAME(ctx, name); got != want || err != nil {
			t.Errorf("LookupCNAME of %s: %v, %v, want %s", name, got, err, want)
		}
	}
}

func testAuthentic(t *testing.T, newResolver newResolverFunc) {
	ctx := t.Context()
	zone := fullZone()
	zone.AllAuthentic = true
	zone.A["unsigned.example.org"] = []string{"192.0.2.9"}
	zone.CNAME["into-unsigned.example.org"] = "unsigned.example.org"
	zone.CNAME["out-of-unsigned.example.org"] = "host.example.org"
	zone.Inauthentic = []string{"unsigned.example.org", "out-of-unsigned.example.org", "aaaa v4.example.org", "ptr 192.0.2.1"}
	r := newResolver(t, zone)
	check := func(what string, res dns.Result, want bool) {
		t.Helper()
		if res.Authentic != want {
			t.Errorf("%s: authentic is %v", what, res.Authentic)
		}
	}
	for range 2 { // Again, for those that remember.
		for _, l := range lookups() {
			_, res, _ := l.lookup(ctx, r, "host.example.org")
			check(l.name, res, true)
			_, res, _ = l.lookup(ctx, r, "nothing.example.org")
			check(l.name+" of nothing", res, true)
			_, res, _ = l.lookup(ctx, r, "unsigned.example.org")
			check(l.name+" of unsigned name", res, false)
			if l.name != "LookupCNAME" {
				_, res, _ = l.lookup(ctx, r, "alias2.example.org")
				check(l.name+" of alias", res, true)
				_, res, _ = l.lookup(ctx, r, "into-unsigned.example.org")
				check(l.name+" of alias of unsigned name", res, false)
				_, res, _ = l.lookup(ctx, r, "out-of-unsigned.example.org")
				check(l.name+" of unsigned alias", res, false)
			}
		}
		// DANE needs to know whether the first step is safe (RFC 7672 §2.1.3).
		_, res, _ := r.LookupCNAME(ctx, "into-unsigned.example.org")
		check("signed alias of unsigned name", res, true)
		_, res, _ = r.LookupCNAME(ctx, "out-of-unsigned.example.org")
		check("unsigned alias", res, false)
		_, res, _ = r.LookupIP(ctx, "ip", "v4.example.org")
		check("addresses where one family is not authentic", res, false)
		_, res, _ = r.LookupAddr(ctx, addr("192.0.2.1"))
		check("unsigned names of address", res, false)
		_, res, _ = r.LookupAddr(ctx, addr("2001:db8::1"))
		check("names of address", res, true)
	}
}

func testTTL(t *testing.T, newResolver newResolverFunc) {
	ctx := t.Context()
	zone := fullZone()
	zone.TTL = 100 * time.Second
	r := newResolver(t, zone)
	for _, l := range lookups() {
		for _, name := range []string{"host.example.org", "nothing.example.org"} {
			_, res, _ := l.lookup(ctx, r, name)
			if res.TTL <= 0 || res.TTL > zone.TTL {
				t.Errorf("%s of %s: TTL is %v, want %v", l.name, name, res.TTL, zone.TTL)
			}
		}
	}
}

// An answer that is too large for a datagram.
func testLarge(t *testing.T, newResolver newResolverFunc) {
	var l []string
	for i := range 40 {
		l = append(l, fmt.Sprintf("%03d%s", i, strings.Repeat("x", 600)))
	}
	r := newResolver(t, &dns.MemResolver{TXT: map[string][]string{"large.example.org": l}, AllAuthentic: true, TTL: time.Minute})
	got, res, err := r.LookupTXT(t.Context(), "large.example.org")
	slices.Sort(got)
	if err != nil || !slices.Equal(got, l) {
		t.Errorf("%d records, %v", len(got), err)
	}
	if !res.Authentic || res.TTL != time.Minute {
		t.Errorf("result %+v", res)
	}
}

func testContext(t *testing.T, newResolver newResolverFunc) {
	zone := fullZone()
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release)
	asked := make(chan struct{}, 100)
	zone.Before = func(ctx context.Context, typ, name string) error {
		asked <- struct{}{}
		select {
		case <-hold:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r := newResolver(t, zone)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := r.LookupTXT(ctx, "host.example.org")
	if !errors.Is(err, context.Canceled) || !dns.IsTemporary(err) {
		t.Errorf("lookup with an ended context: %v", err)
	}

	for _, l := range lookups() {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, _, err := l.lookup(ctx, r, "host.example.org")
			done <- err
		}()
		<-asked
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || !dns.IsTemporary(err) {
			t.Errorf("%s: after the context has ended: %v", l.name, err)
		}
	}
	release()
	if l, _, err := r.LookupTXT(t.Context(), "host.example.org"); len(l) != 2 || err != nil {
		t.Errorf("lookup after another was cancelled: %v, %v", l, err)
	}
}

// What is returned belongs to the caller.
func testOwnership(t *testing.T, newResolver newResolverFunc) {
	ctx := t.Context()
	r := newResolver(t, fullZone())
	for range 2 {
		l1, _, err1 := r.LookupTXT(ctx, "host.example.org")
		l2, _, err2 := r.LookupMX(ctx, "host.example.org")
		l3, _, err3 := r.LookupIP(ctx, "ip4", "host.example.org")
		l4, _, err4 := r.LookupTLSA(ctx, 0, "", "host.example.org")
		l5, _, err5 := r.LookupSRV(ctx, "host.example.org")
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		clear(l1)
		clear(l2)
		clear(l3)
		clear(l5)
		clear(l4[0].CertAssoc)
	}
	for _, l := range lookups() {
		if got, _, _ := l.lookup(ctx, r, "host.example.org"); got != hostTexts[l.name] {
			t.Errorf("%s: %s after a caller has changed what it got", l.name, got)
		}
	}
}

func testConcurrent(t *testing.T, newResolver newResolverFunc) {
	r := newResolver(t, fullZone())
	var wg sync.WaitGroup
	for range 4 {
		for _, l := range lookups() {
			wg.Go(func() {
				if got, _, _ := l.lookup(t.Context(), r, "host.example.org"); got != hostTexts[l.name] {
					t.Errorf("%s: %s", l.name, got)
				}
				if _, _, err := l.lookup(t.Context(), r, "nothing.example.org"); !dns.IsNotFound(err) {
					t.Errorf("%s: %v", l.name, err)
				}
			})
		}
	}
	wg.Wait()
}
