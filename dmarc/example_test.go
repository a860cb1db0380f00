package dmarc_test

import (
	"context"
	"fmt"

	"mox/dmarc"
	"mox/dns"
)

// A message from a subdomain, with a signature of the domain above and one of a mailing list, and
// then one without a signature that counts.
func ExampleVerifier_Verify() {
	verifier := dmarc.Verifier{Resolver: &dns.MemResolver{TXT: map[string][]string{
		"_dmarc.example.com.": {"v=DMARC1; p=reject; aspf=s; rua=mailto:dmarc-feedback@example.com"},
	}}}
	header := []byte("From: Sender <sender@child.example.com>\r\nSubject: here's a sample\r\n\r\n")
	spf := dmarc.Identifier{Domain: dns.Domain{ASCII: "lists.example.net"}, Status: dmarc.StatusPass}
	dkim := []dmarc.Identifier{
		{Domain: dns.Domain{ASCII: "example.com"}, Status: dmarc.StatusPass},
		{Domain: dns.Domain{ASCII: "lists.example.net"}, Status: dmarc.StatusPass},
	}
	for _, signatures := range [][]dmarc.Identifier{dkim, dkim[1:]} {
		r := verifier.Verify(context.Background(), dmarc.ParseAuthors(header), spf, signatures)
		fmt.Printf("%s, to apply: %s, record at %s\n", r.Status, r.Apply, r.Found.Domain)
	}
	// Output:
	// pass, to apply: none, record at example.com
	// fail, to apply: reject, record at example.com
}

func ExampleRecord_String() {
	r := dmarc.NewRecord(dmarc.PolicyQuarantine)
	r.SubdomainPolicy = dmarc.PolicyReject
	r.AggregateReports = []dmarc.URI{{Address: "mailto:dmarc-feedback@example.com", MaxSize: 10 << 20, Limited: true}}
	fmt.Println(r)
	// Output:
	// v=DMARC1; p=quarantine; sp=reject; rua=mailto:dmarc-feedback@example.com!10m
}
