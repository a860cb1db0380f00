package arc_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"strings"

	"mox/arc"
	"mox/authres"
	"mox/dkim"
	"mox/dns"
)

// A message comes in, and is handed on with a set of our own.
func Example() {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	record, _ := dkim.NewRecord(key.Public())
	resolver := &dns.MemResolver{TXT: map[string][]string{"2026a._domainkey.example.org": {record.String()}}}
	domain, _ := dns.ParseDomain("example.org")
	selector, _ := dns.ParseDomainLax("2026a")
	msg := "From: a@example.com\r\nSubject: hello\r\n\r\nHello.\r\n"

	found, _ := arc.Verify(context.Background(), resolver, strings.NewReader(msg), arc.Options{})
	ip := netip.MustParseAddr("192.0.2.1")
	results := authres.Results{AuthservID: "mx.example.org", Methods: []authres.Result{found.AuthResult(ip)}}

	sealer, err := arc.NewSealer(arc.SealerOptions{Domain: domain, Selector: selector, Key: key})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := sealer.NewMessage()
	m.Write([]byte(msg))
	fields, err := m.Fields(found.Status, results)
	if err != nil {
		fmt.Println(err)
		return
	}

	next, _ := arc.Verify(context.Background(), resolver, strings.NewReader(string(fields)+msg), arc.Options{})
	fmt.Println(found.Status, next.Status, next.Sets[0].Seal.Domain)
	// Output: none pass example.org
}
