package dnsbl_test

import (
	"context"
	"fmt"
	"net/netip"

	"mox/dns"
	"mox/dnsbl"
)

func ExampleLookup() {
	resolver := &dns.MemResolver{
		A: map[string][]string{
			"2.0.0.127.bad.example.com.":  {"127.0.0.2"},
			"99.2.0.192.bad.example.com.": {"127.0.0.2"},
		},
		TXT: map[string][]string{"99.2.0.192.bad.example.com.": {"Dynamic address"}},
	}
	ctx := context.Background()
	list, err := dns.ParseDomain("bad.example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("health:", dnsbl.CheckHealth(ctx, resolver, list, dnsbl.IPv4))
	for _, ip := range []string{"192.0.2.99", "192.0.2.100"} {
		r := dnsbl.Lookup(ctx, resolver, list, netip.MustParseAddr(ip))
		fmt.Println(ip, r.Status, r.Codes, r.Explanation)
	}
	// Output:
	// health: <nil>
	// 192.0.2.99 fail [127.0.0.2] Dynamic address
	// 192.0.2.100 pass []
}
