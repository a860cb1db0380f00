package spf_test

import (
	"context"
	"fmt"
	"net/netip"

	"mox/dns"
	"mox/smtp"
	"mox/spf"
)

func ExampleCheckMailFrom() {
	resolver := &dns.MemResolver{
		TXT: map[string][]string{"example.org": {"v=spf1 mx -all exp=why.example.org"}, "why.example.org": {"%{i} is no server of %{d}."}},
	}
	res := spf.CheckMailFrom(context.Background(), resolver, spf.Args{
		RemoteIP: netip.MustParseAddr("192.0.2.1"),
		Hello:    "client.example.net",
		MailFrom: smtp.Path{Localpart: "user", IPDomain: dns.IPDomain{Domain: dns.Domain{ASCII: "example.org"}}},
		Explain:  true,
	})
	fmt.Println(res.Status, res.Mechanism)
	fmt.Println(res.Explanation)
	// Output:
	// fail all
	// 192.0.2.1 is no server of example.org.
}

func ExampleRecord_String() {
	r := spf.Record{Directives: []spf.Directive{
		{Mechanism: spf.MX},
		{Mechanism: spf.IP4, Prefix: netip.MustParsePrefix("192.0.2.0/24")},
		{Qualifier: spf.QualifierSoftfail, Mechanism: spf.All},
	}}
	fmt.Println(r.String())
	// Output: v=spf1 mx ip4:192.0.2.0/24 ~all
}
