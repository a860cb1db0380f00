package dkim

import (
	"crypto"
	"os"
	"path/filepath"
	"testing"

	"mox/dns"
)

// testKey returns the key of a file in testdata: "rsa1024", "rsa2048", "rsa4096" or "ed25519".
func testKey(tb testing.TB, name string) crypto.Signer {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".pem"))
	if err != nil {
		tb.Fatal(err)
	}
	key, err := ParsePrivateKey(b)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// domain parses a name.
func domain(tb testing.TB, s string) dns.Domain {
	tb.Helper()
	d, err := dns.ParseDomainLax(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}
