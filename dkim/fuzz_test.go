package dkim

import (
	"bytes"
	"context"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"mox/dns"
	"mox/internal/corpus"
)

// FuzzTagList: names are unique, and offsets are those of the values.
func FuzzTagList(f *testing.F) {
	f.Add([]byte(rfc6376Key))
	f.Add([]byte(rfc8463RSAKey))
	f.Add([]byte(crlf(rfc6376Field)[len("DKIM-Signature:"):]))
	f.Add([]byte("i=1; a=rsa-sha256; t=12345; cv=none;\r\n d=example.org; s=sel; b=YWJj"))
	f.Add([]byte("a=b;a=c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseTagList(b)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, tag := range l {
			if seen[tag.Name] || !isTagName(tag.Name) || strings.Contains(tag.Value, ";") || trimFWS(string(b[tag.Start:tag.End])) != tag.Value {
				t.Fatalf("tag %+v of %q", tag, b)
			}
			seen[tag.Name] = true
		}
	})
}

// FuzzSignature: what is parsed can be composed, and parsed to the same again.
func FuzzSignature(f *testing.F) {
	f.Add([]byte(crlf(rfc6376Field)))
	for _, msg := range []string{rfc6376Message, rfc8463Message} {
		for _, field := range ParseHeader([]byte(crlf(msg))).Fields() {
			f.Add(field.Raw)
		}
	}
	for _, changes := range [][]string{
		{"i=j\u00f6=20@b\u00fc.example.org"}, {"z=From:a=20b|To:", "l=10"}, {"t=1", "x=99999999999999999999"},
		{"d=b\u00fccher.example", "q=a/b:dns/txt"}, {"c=relaxed", `i="a b"@example.org`}, {"l=" + strings.Repeat("9", 76)},
	} {
		f.Add([]byte(signatureField(changes...)))
	}
	f.Add([]byte("ARC-Message-Signature: i=3; a=rsa-sha256; d=example.org; s=sel; h=from; bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=; b=YWJj\r\n"))
	f.Fuzz(func(t *testing.T, field []byte) {
		s, err := ParseSignature(field)
		if err != nil {
			if v := verdictOf(err); v.status != StatusNeutral && v.status != StatusPermerror {
				t.Fatalf("status %s for %v", v.status, err)
			}
			return
		}
		checkRoundTrip(t, s)
		if _, err := s.HeaderHash(ParseHeader(field), field, 0); err != nil {
			t.Fatalf("hash of %q: %v", field, err)
		}
	})
}

// FuzzRecord: what is parsed can be composed, and parsed to the same again.
func FuzzRecord(f *testing.F) {
	f.Add(rfc6376Key)
	f.Add(rfc8463RSAKey)
	f.Add(rfc8463Ed25519Key)
	f.Add("v=DKIM1; h=sha1:sha256; k=rsa; n=note=20x; s=email:*; t=y:s; g=*; p=")
	f.Add("k=foo; p=YWJj")
	f.Add("v=spf1 -all")
	f.Fuzz(func(t *testing.T, txt string) {
		r, err := ParseRecord(txt)
		if err != nil {
			return
		}
		checkRecord(t, r)
		r.Usable(RSASHA256, KeyLimits{})
		r.Verify(Ed25519SHA256, [32]byte{}, []byte("x"), KeyLimits{})
	})
}

// FuzzBody: hashes are those of the slow canonicalization, whatever the pieces.
func FuzzBody(f *testing.F) {
	f.Add([]byte("Hi.\r\n\r\nWe lost  the game. \t\r\n\r\n\r\n"), uint64(1))
	f.Add([]byte("\r\n \r\n\t\r\n"), uint64(2))
	f.Add([]byte(strings.Repeat("0123456789abcdef ", 20)+"\r\n\r\n"), uint64(3))
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		checkBody(t, string(body), rand.New(rand.NewPCG(seed, 0)))
	})
}

// FuzzVerifier: a message in random pieces has the results that it has in one piece, and
// what mox signs verifies.
func FuzzVerifier(f *testing.F) {
	f.Add([]byte(crlf(rfc6376Message)), uint64(1))
	f.Add([]byte(crlf(rfc8463Message)), uint64(2))
	f.Add([]byte(testMessage), uint64(3))
	f.Add([]byte(naiveSign(f, testKey(f, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from:to:dkim-signature; bh=@bh; l=3", testMessage)), uint64(4))
	f.Add([]byte(signatureField("a=rsa-sha1")+signatureField("x=1")+signatureField("c=a/b")+testMessage), uint64(5))
	for i, m := range corpus.Real(f) {
		if i%20 == 0 && len(m.Data) < 10000 {
			f.Add(m.CRLF(), uint64(i))
		}
	}
	for i, m := range corpus.Torture(f) {
		if i%10 == 0 && len(m.Data) < 10000 {
			f.Add(m.Data, uint64(i))
		}
	}
	resolver := testResolver(f)
	for name, texts := range rfcResolver().TXT {
		resolver.TXT[name] = texts
	}
	signer := testSigner(f, func(o *SignerOptions) { o.Selectors = o.Selectors[1:] })
	f.Fuzz(func(t *testing.T, msg []byte, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		opts := Options{Now: testNow, MaxHeader: 1 << 16, MaxSignatures: 1 + rnd.IntN(5)}
		whole := verifyPieces(resolver, msg, opts, func() int { return len(msg) })
		pieces := verifyPieces(resolver, msg, opts, func() int { return 1 + rnd.IntN(1+rnd.IntN(200)) })
		if !reflect.DeepEqual(whole, pieces) {
			t.Fatalf("in one piece %+v, in several %+v", whole, pieces)
		}
		for _, r := range whole {
			if (r.Err == nil) != (r.Status == StatusPass) || r.Status == StatusNone {
				t.Fatalf("got %+v", r)
			}
			for _, p := range append(r.Properties(true), r.Properties(false)...) {
				if strings.ContainsAny(p.Value, "\x00\r\n") || p.Value == "" {
					t.Fatalf("property %q", p)
				}
			}
		}
		fields, err := signer.Sign(bytes.NewReader(msg))
		if err != nil {
			return
		}
		signed := append(fields, msg...)
		results := verifyPieces(resolver, signed, Options{Now: testNow}, func() int { return 1 + rnd.IntN(1+rnd.IntN(200)) })
		if len(results) == 0 || results[0].Status != StatusPass {
			t.Fatalf("signed %q: %+v", signed, results)
		}
	})
}

// verifyPieces verifies a message written in pieces.
func verifyPieces(resolver dns.Resolver, msg []byte, opts Options, size func() int) []Result {
	v := NewVerifier(context.Background(), resolver, opts)
	defer v.Close()
	for p := msg; len(p) > 0; {
		n := min(len(p), size())
		v.Write(bytes.Clone(p[:n]))
		p = p[n:]
	}
	return v.Results(context.Background())
}
