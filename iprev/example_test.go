package iprev_test

import (
	"context"
	"fmt"
	"net/netip"

	"mox/dns"
	"mox/iprev"
)

func ExampleLookup() {
	resolver := &dns.MemResolver{
		PTR: map[string][]string{"192.0.2.200": {"mail-router.example.net."}},
		A:   map[string][]string{"mail-router.example.net.": {"192.0.2.200"}},
	}
	for _, ip := range []string{"192.0.2.200", "192.0.2.201"} {
		r := iprev.Lookup(context.Background(), resolver, netip.MustParseAddr(ip))
		fmt.Printf("iprev=%s policy.iprev=%s (%s)\n", r.Status, ip, r.Name)
	}
	// Output:
	// iprev=pass policy.iprev=192.0.2.200 (mail-router.example.net)
	// iprev=permerror policy.iprev=192.0.2.201 ()
}
