package dns_test

import (
	"strings"
	"testing"

	"mox/dns"
)

// What does not fit into a datagram comes over TCP, in pieces of any size.
func TestStrictResolverLargeCAA(t *testing.T) {
	t.Parallel()
	var l []dns.CAA
	for range 20 {
		l = append(l, dns.CAA{Tag: "issue", Value: "ca.example.net; account=" + strings.Repeat("x", 200)})
	}
	s := startZoneServer(t, &dns.MemResolver{CAA: map[string][]dns.CAA{"large.example.org": l}, AllAuthentic: true})
	r := dns.NewStrictResolver(dns.StrictOptions{Dial: s.dial, TrustAD: true})
	got, res, err := r.LookupCAA(t.Context(), "large.example.org")
	if len(got) != len(l) || !res.Authentic || err != nil {
		t.Errorf("%d records, authentic %v, %v; want %d", len(got), res.Authentic, err, len(l))
	}
}
