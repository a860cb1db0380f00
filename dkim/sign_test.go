package dkim

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mox/dns"
	"mox/smtp"
)

// testSigner returns a Signer for example.org with both kinds of keys.
func testSigner(t testing.TB, change func(*SignerOptions)) *Signer {
	t.Helper()
	opts := SignerOptions{
		Domain: domain(t, "example.org"),
		Selectors: []Selector{
			{Name: domain(t, "rsa2048"), Key: testKey(t, "rsa2048")},
			{Name: domain(t, "ed25519"), Key: testKey(t, "ed25519")},
		},
		Now: testNow,
	}
	if change != nil {
		change(&opts)
	}
	s, err := NewSigner(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// each returns a change of all selectors.
func each(f func(*Selector)) func(*SignerOptions) {
	return func(o *SignerOptions) {
		for i := range o.Selectors {
			f(&o.Selectors[i])
		}
	}
}

// TestSign signs messages in many ways; all must verify, also after the changes that a
// canonicalization allows.
func TestSign(t *testing.T) {
	t.Parallel()
	messages := map[string]string{
		"usual":     testMessage,
		"no body":   "From: joe@example.org\r\n\r\n",
		"no end":    "From: joe@example.org\r\n",
		"UTF-8":     "From: j\u00f6@b\u00fccher.example\r\nSubject: \u00e4\r\n\r\n\u00fc \r\n",
		"binary":    "From: joe@example.org\r\n\r\n\x00\r\r\n\n \n",
		"two From":  "From: joe@example.org\r\nFrom: eve@example.org\r\n\r\nx\r\n",
		"no line":   "From: joe@example.org\r\n\r\nx",
		"a list":    "From: joe@example.org\r\nList-Id: <a>\r\nSender: b\r\n\r\nx",
		"signed":    "DKIM-Signature: x\r\nFrom: joe@example.org\r\n\r\nx",
		"odd names": "From : joe@example.org\r\nSUBJECT: x\r\nX!#$%&'*+-.^_`|~: y\r\n\r\nx",
	}
	for name, msg := range messages {
		for _, hc := range []Canonicalization{"", Simple, Relaxed} {
			for _, bc := range []Canonicalization{"", Simple, Relaxed} {
				signer := testSigner(t, each(func(s *Selector) { s.Header, s.Body = hc, bc }))
				fields, err := signer.Sign(iotest.OneByteReader(strings.NewReader(msg)))
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for _, r := range verifyString(t, testResolver(t), string(fields)+msg, Options{Now: testNow}) {
					if r.Status == StatusPass {
						n++
					}
				}
				if n != 2 {
					t.Errorf("%s, %s/%s: %d signatures pass", name, hc, bc, n)
				}
			}
		}
	}
}

// TestSignedField is what a signature says by default (RFC 6376 §3.5, §5.4).
func TestSignedField(t *testing.T) {
	t.Parallel()
	signer := testSigner(t, func(o *SignerOptions) {
		o.Selectors[0].Lifetime = time.Hour
		o.Identity = &Identity{Localpart: smtp.Localpart("joe"), HasLocalpart: true, Domain: domain(t, "sub.example.org")}
	})
	fields, err := signer.Sign(strings.NewReader("Received: x\r\nReceived: y\r\nTo: a\r\nTo: b\r\nfrom: joe@example.org\r\nList-Id: a\r\nContent-Type: text/plain\r\nX-A: b\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	header := ParseHeader(fields)
	if n := len(header.Fields()); n != 2 || !bytes.HasSuffix(fields, []byte("\r\n")) || header.Malformed() {
		t.Fatalf("%d fields in %q", n, fields)
	}
	s, err := ParseSignature(header.Fields()[0].Raw)
	if err != nil {
		t.Fatal(err)
	}
	if s.Algorithm != RSASHA256 || s.Header != Relaxed || s.Body != Relaxed || s.Length != WholeBody || !s.Time.Equal(testNow()) ||
		!s.Expires.Equal(testNow().Add(time.Hour)) || s.Domain.ASCII != "example.org" || s.Selector.ASCII != "rsa2048" || s.AUID().String() != "joe@sub.example.org" {
		t.Errorf("got %+v", s)
	}
	// Present fields are signed and sealed, absent ones sealed, others left alone.
	for name, want := range map[string]int{
		"From": 2, "To": 3, "Cc": 1, "Subject": 1, "Date": 1, "Message-ID": 1, "Reply-To": 1, "Content-Type": 2, "MIME-Version": 1,
		"List-Id": 1, "Sender": 0, "Received": 0, "Return-Path": 0, "X-A": 0, "DKIM-Signature": 0,
	} {
		if n := s.Signs(name); n != want {
			t.Errorf("h= has %s %d times, want %d", name, n, want)
		}
	}
	if s, err = ParseSignature(header.Fields()[1].Raw); err != nil || s.Algorithm != Ed25519SHA256 || !s.Expires.IsZero() || s.Selector.ASCII != "ed25519" {
		t.Errorf("got %+v, %v", s, err)
	}
}

// TestOversigning: fields added to a signed message break it, whether they were absent or not
// (RFC 6376 §5.4, §8.15).
func TestOversigning(t *testing.T) {
	t.Parallel()
	msg := "From: joe@example.org\r\nTo: suzie@example.net\r\nSubject: a\r\n\r\nx\r\n"
	fields, err := testSigner(t, nil).Sign(strings.NewReader(msg))
	if err != nil {
		t.Fatal(err)
	}
	for _, added := range append(DefaultOversigned(), "reply-to", "CONTENT-TYPE") {
		for _, r := range verifyString(t, testResolver(t), added+": x\r\n"+string(fields)+msg, Options{Now: testNow}) {
			if r.Status != StatusFail || !errors.Is(r.Err, ErrSignature) {
				t.Errorf("%s added: %s, %v", added, r.Status, r.Err)
			}
		}
	}
	for _, added := range []string{"List-Id", "Sender", "Received", "X-Spam", "List-Unsubscribe"} {
		for _, r := range verifyString(t, testResolver(t), added+": x\r\n"+string(fields)+msg, Options{Now: testNow}) {
			if r.Status != StatusPass {
				t.Errorf("%s added: %s, %v", added, r.Status, r.Err)
			}
		}
	}
}

// TestSignBodyLength: l= is signed when asked for, and lets text be added (RFC 6376 §5.3.1).
func TestSignBodyLength(t *testing.T) {
	t.Parallel()
	signer := testSigner(t, each(func(s *Selector) { s.BodyLength = true }))
	fields, err := signer.Sign(strings.NewReader(testMessage))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range verifyString(t, testResolver(t), string(fields)+testMessage+"More.\r\n", Options{Now: testNow}) {
		if r.Status != StatusPass || r.Signature.Length != 14 || r.UnsignedBody != 9 {
			t.Errorf("%s, %v, l=%d, %d unsigned", r.Status, r.Err, r.Signature.Length, r.UnsignedBody)
		}
	}
}

// TestSignInternationalized: domains are U-labels if and only if the header has UTF-8
// (RFC 8616 §5).
func TestSignInternationalized(t *testing.T) {
	t.Parallel()
	d := domain(t, "b\u00fccher.example")
	signer := testSigner(t, func(o *SignerOptions) {
		o.Domain = d
		o.Identity = &Identity{Domain: d}
		o.Selectors = o.Selectors[1:]
	})
	resolver := &dns.MemResolver{TXT: map[string][]string{"ed25519._domainkey.xn--bcher-kva.example": {testRecord(t, "ed25519", "")}}}
	for msg, want := range map[string]string{
		"From: j\u00f6@b\u00fccher.example\r\n\r\n": "d=b\u00fccher.example; s=ed25519; i=@b\u00fccher.example;",
		"From: joe@example.org\r\n\r\n\u00e4":       "d=xn--bcher-kva.example; s=ed25519;\r\n\ti=@xn--bcher-kva.example;",
	} {
		fields, err := signer.Sign(strings.NewReader(msg))
		if err != nil {
			t.Fatal(err)
		}
		if unfolded := strings.ReplaceAll(string(fields), "\r\n\t", " "); !strings.Contains(unfolded, strings.ReplaceAll(want, "\r\n\t", " ")) {
			t.Errorf("got %q", fields)
		}
		verifyOne(t, resolver, string(fields)+msg, Options{}).check(t, want, StatusPass, nil)
	}
}

// TestSignRefusals: messages that cannot be signed so that all readers agree on what was.
func TestSignRefusals(t *testing.T) {
	t.Parallel()
	signer := testSigner(t, func(o *SignerOptions) { o.MaxHeader = 1000 })
	for msg, want := range map[string]error{
		"":                            ErrHeader,
		"\r\nFrom: a\r\n":             ErrHeader,
		"To: a\r\n\r\n":               ErrHeader, // RFC 6376 §5.4.
		"From: a\r\nnonsense\r\n\r\n": ErrHeader,
		"From: a\nTo: b\n\n":          ErrHeader, // RFC 6376 §5.3.
		"From: a\rTo: b\r\n\r\n":      ErrHeader,
		"From: a\r\nX: " + strings.Repeat("x", 1000) + "\r\n\r\n": ErrHeaderTooLarge,
	} {
		if fields, err := signer.Sign(strings.NewReader(msg)); !errors.Is(err, want) || !errors.Is(err, ErrSign) || fields != nil {
			t.Errorf("%.30q: got %q, %v", msg, fields, err)
		}
	}
	if _, err := signer.Sign(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reader: %v", err)
	}
	broken := testSigner(t, func(o *SignerOptions) { o.Selectors[1].Key = brokenKey{o.Selectors[1].Key} })
	if fields, err := broken.Sign(strings.NewReader(testMessage)); !errors.Is(err, io.ErrClosedPipe) || !errors.Is(err, ErrSign) || fields != nil {
		t.Errorf("key: got %q, %v", fields, err)
	}
}

// brokenKey is a key that cannot sign.
type brokenKey struct{ crypto.Signer }

func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, io.ErrClosedPipe
}

// weakKey has a public key of 1000 bits.
type weakKey struct{ crypto.Signer }

func (k weakKey) Public() crypto.PublicKey {
	pub := *k.Signer.Public().(*rsa.PublicKey)
	n := *pub.N
	pub.N = n.Rsh(&n, uint(n.BitLen()-1000))
	return &pub
}

// TestSignerOptions: what cannot work is refused when the Signer is made.
func TestSignerOptions(t *testing.T) {
	t.Parallel()
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := SignerOptions{Domain: domain(t, "example.org"), Selectors: []Selector{{Name: domain(t, "sel"), Key: testKey(t, "rsa1024")}}}
	if _, err := NewSigner(good); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(o *SignerOptions){
		"no domain":                     func(o *SignerOptions) { o.Domain = dns.Domain{} },
		"a top level":                   func(o *SignerOptions) { o.Domain = domain(t, "org") },
		"RFC 6376 §3.5 i= elsewhere":    func(o *SignerOptions) { o.Identity = &Identity{Domain: domain(t, "example.com")} },
		"no selector":                   func(o *SignerOptions) { o.Selectors = nil },
		"no name":                       func(o *SignerOptions) { o.Selectors[0].Name = dns.Domain{} },
		"no key":                        func(o *SignerOptions) { o.Selectors[0].Key = nil },
		"other key":                     func(o *SignerOptions) { o.Selectors[0].Key = ecKey },
		"RFC 8301 §3.2 weak key":        func(o *SignerOptions) { o.Selectors[0].Key = weakKey{o.Selectors[0].Key} },
		"canonicalization":              func(o *SignerOptions) { o.Selectors[0].Body = "nofws" },
		"RFC 6376 §5.4 From not signed": func(o *SignerOptions) { o.Selectors[0].Signed = []string{"To"} },
		"no field name":                 func(o *SignerOptions) { o.Selectors[0].Signed = []string{"From", "a b"} },
		"field name with a colon":       func(o *SignerOptions) { o.Selectors[0].Oversigned = []string{"From", "a:"} },
		"RFC 6376 §5.4 its own field":   func(o *SignerOptions) { o.Selectors[0].Oversigned = []string{"From", "dkim-signature"} },
		"field name for no list":        func(o *SignerOptions) { o.Selectors[0].Oversigned = []string{"From", "a;b"} },
	} {
		opts := good
		opts.Selectors = append([]Selector(nil), good.Selectors...)
		change(&opts)
		if _, err := NewSigner(opts); !errors.Is(err, ErrSign) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
