package msgauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	peer "github.com/emersion/go-msgauth/dkim"

	"mox/dkim"
	"mox/dns"
)

const (
	signingDomain = "example.org"
	selector      = "sel"
	size          = 1 << 20
)

// message returns a message whose body is lines of words, some with space at their end.
func message() []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("From: <joe@example.org>\r\nTo: <suzie@example.net>\r\nSubject: a long story\r\n" +
		"Date: Fri, 11 Jul 2003 21:00:37 -0700\r\nMessage-ID: <1@example.org>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n")
	const letters = "etaoinshrdlucmfwypvbgkjqxz"
	for line := 0; b.Len() < size; line++ {
		for n := 0; n < 68; {
			k := 1 + rnd.IntN(9)
			for range k {
				b.WriteByte(letters[rnd.IntN(len(letters))])
			}
			b.WriteByte(' ')
			n += k + 1
		}
		if line%10 != 0 {
			b.Truncate(b.Len() - 1)
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// setup is a key with what both sides need to sign and verify with it.
type setup struct {
	key      crypto.Signer
	resolver *dns.MemResolver
	record   string
}

func newSetup(b *testing.B, rsa bool) setup {
	b.Helper()
	var s setup
	var err error
	if rsa {
		s.key, err = dkim.GenerateRSA(2048)
	} else {
		s.key, err = dkim.GenerateEd25519()
	}
	if err != nil {
		b.Fatal(err)
	}
	record, err := dkim.NewRecord(s.key.Public())
	if err != nil {
		b.Fatal(err)
	}
	s.record = record.String()
	s.resolver = &dns.MemResolver{TXT: map[string][]string{selector + "._domainkey." + signingDomain: {s.record}}}
	return s
}

func (s setup) moxSigner(b *testing.B, c dkim.Canonicalization) *dkim.Signer {
	b.Helper()
	domain, err := dns.ParseDomain(signingDomain)
	if err != nil {
		b.Fatal(err)
	}
	name, err := dns.ParseDomain(selector)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := dkim.NewSigner(dkim.SignerOptions{
		Domain:    domain,
		Selectors: []dkim.Selector{{Name: name, Key: s.key, Header: c, Body: c}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return signer
}

func (s setup) lookup(name string) ([]string, error) {
	if strings.TrimSuffix(name, ".") != selector+"._domainkey."+signingDomain {
		return nil, fmt.Errorf("unexpected lookup of %s", name)
	}
	return []string{s.record}, nil
}

var (
	canonicalizations = [...]dkim.Canonicalization{dkim.Simple, dkim.Relaxed}
	keys              = [...]string{"rsa2048", "ed25519"}
)

// BenchmarkVerify verifies one message with one signature that both sides must accept.
func BenchmarkVerify(b *testing.B) {
	msg := message()
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			sha256.Sum256(msg)
		}
	})
	for _, c := range canonicalizations {
		for i, key := range keys {
			s := newSetup(b, i == 0)
			fields, err := s.moxSigner(b, c).Sign(bytes.NewReader(msg))
			if err != nil {
				b.Fatal(err)
			}
			signed := append(fields, msg...)
			b.Run(fmt.Sprintf("%s/%s/mox", c, key), func(b *testing.B) {
				b.SetBytes(int64(len(signed)))
				b.ReportAllocs()
				for b.Loop() {
					results, err := dkim.Verify(context.Background(), s.resolver, bytes.NewReader(signed), dkim.Options{})
					if err != nil || len(results) != 1 || results[0].Status != dkim.StatusPass {
						b.Fatal(results, err)
					}
				}
			})
			b.Run(fmt.Sprintf("%s/%s/go-msgauth", c, key), func(b *testing.B) {
				b.SetBytes(int64(len(signed)))
				b.ReportAllocs()
				for b.Loop() {
					results, err := peer.VerifyWithOptions(bytes.NewReader(signed), &peer.VerifyOptions{LookupTXT: s.lookup})
					if err != nil || len(results) != 1 || results[0].Err != nil {
						b.Fatal(results, err)
					}
				}
			})
		}
	}
}

// BenchmarkSign makes one signature.
func BenchmarkSign(b *testing.B) {
	msg := message()
	for _, c := range canonicalizations {
		for i, key := range keys {
			s := newSetup(b, i == 0)
			b.Run(fmt.Sprintf("%s/%s/mox", c, key), func(b *testing.B) {
				signer := s.moxSigner(b, c)
				b.SetBytes(int64(len(msg)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := signer.Sign(bytes.NewReader(msg)); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("%s/%s/go-msgauth", c, key), func(b *testing.B) {
				options := &peer.SignOptions{
					Domain: signingDomain, Selector: selector, Signer: s.key,
					HeaderCanonicalization: peer.Canonicalization(c), BodyCanonicalization: peer.Canonicalization(c),
				}
				b.SetBytes(int64(len(msg)))
				b.ReportAllocs()
				for b.Loop() {
					signer, err := peer.NewSigner(options)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := signer.Write(msg); err != nil {
						b.Fatal(err)
					}
					if err := signer.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
