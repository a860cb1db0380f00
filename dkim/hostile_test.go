package dkim

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mox/dns"
)

// TestManySignatures: of 500 signatures ten are evaluated, and their number of lookups and
// results is bounded (RFC 6376 §6.1, §8.4).
func TestManySignatures(t *testing.T) {
	t.Parallel()
	resolver := testResolver(t)
	for i := range 500 {
		resolver.TXT[fmt.Sprintf("s%d._domainkey.example.org", i)] = []string{testRecord(t, "ed25519", "")}
	}
	msg := testMessage
	for i := range 500 {
		value := fmt.Sprintf("v=1; a=ed25519-sha256; d=example.org; s=s%d; h=from; bh=@bh; l=%d", i, i%15)
		msg = strings.TrimSuffix(naiveSign(t, testKey(t, "ed25519"), value, testMessage), testMessage) + msg
	}
	results := verifyString(t, resolver, msg, Options{Now: testNow})
	pass, lookups := 0, 0
	for _, r := range results {
		if r.Status == StatusPass {
			pass++
		} else {
			r.check(t, "others", StatusPolicy, ErrTooMany)
		}
	}
	for i := range 500 {
		lookups += resolver.Calls(fmt.Sprintf("s%d._domainkey.example.org", i))
	}
	if pass != 10 || lookups != 10 || len(results) != 100 {
		t.Errorf("%d pass of %d, %d lookups", pass, len(results), lookups)
	}
	// Those that cannot be read do not count.
	msg = naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh", testMessage)
	results = verifyString(t, resolver, strings.Repeat("DKIM-Signature: v=1\r\n", 50)+msg, Options{Now: testNow})
	if len(results) != 51 || results[50].Status != StatusPass {
		t.Errorf("behind garbage: %+v", results[50])
	}
}

// TestLargeHeader: a header of 10 MB is not kept, and its signatures are refused.
//
// It is not parallel because it looks at what the process allocates.
func TestLargeHeader(t *testing.T) {
	msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh", testMessage)
	for what, filler := range map[string]string{
		"many fields":     strings.Repeat("X: y\r\n", 10<<20/6),
		"one field":       "X: " + strings.Repeat("y", 10<<20) + "\r\n",
		"a folded field":  "X: y\r\n" + strings.Repeat(" y\r\n", 10<<20/4),
		"many signatures": strings.Repeat("DKIM-Signature: v=1\r\n", 10<<20/21),
	} {
		var before, after runtime.MemStats
		big := []byte(strings.Replace(msg, "\r\nFrom:", "\r\n"+filler+"From:", 1))
		runtime.ReadMemStats(&before)
		v := NewVerifier(context.Background(), testResolver(t), Options{Now: testNow})
		for p := big; len(p) > 0; {
			n := min(len(p), 1000)
			v.Write(p[:n])
			p = p[n:]
		}
		results := v.Results(context.Background())
		v.Close()
		runtime.ReadMemStats(&after)
		if len(results) == 0 || len(results) > maxResults {
			t.Fatalf("%s: %d results", what, len(results))
		}
		for _, r := range results {
			r.check(t, what, StatusPolicy, ErrHeaderTooLarge)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 20*DefaultMaxHeader {
			t.Errorf("%s: %d bytes allocated", what, n)
		}
	}
}

// TestCrowdedSignature: what one signature makes the verifier allocate is bounded by the size of its field.
//
// It is not parallel because it looks at what the process allocates.
func TestCrowdedSignature(t *testing.T) {
	const size = 900 << 10
	many := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for what, tc := range map[string]struct {
		field  string
		status Status
		err    error
	}{
		"names":          {signatureField("h=from" + many(":x")), StatusPermerror, ErrNoKey},
		"distinct names": {signatureField("h=from" + distinct(":x", size)), StatusPermerror, ErrNoKey},
		"methods":        {signatureField("q=dns/txt" + many(":x")), StatusPermerror, ErrNoKey},
		"copied fields":  {signatureField("z=" + many("x:|") + "x:"), StatusPermerror, ErrNoKey},
		"tags":           {signatureField(strings.TrimPrefix(distinct("=;x", size), "=;") + "="), StatusNeutral, ErrSyntax},
		"one tag":        {signatureField("foo=" + many("x ") + "x"), StatusPermerror, ErrNoKey},
		"folding":        {signatureField("b=" + many("\r\n ") + "YWJj"), StatusPermerror, ErrNoKey},
		"fields":         {signatureField("h=from"+many(":x")[:size/2]) + many("x:\r\n")[:75_000], StatusPermerror, ErrNoKey},
	} {
		var before, after runtime.MemStats
		msg := tc.field + testMessage
		runtime.ReadMemStats(&before)
		r := verifyOne(t, &dns.MemResolver{}, msg, Options{})
		runtime.ReadMemStats(&after)
		r.check(t, what, tc.status, tc.err)
		if n := after.TotalAlloc - before.TotalAlloc; n > 48*DefaultMaxHeader {
			t.Errorf("%s: %d bytes allocated", what, n)
		}
	}
}

// distinct returns some size of text of a prefix and distinct words.
func distinct(prefix string, size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(prefix + strconv.FormatInt(int64(i), 36))
	}
	return b.String()
}

// TestManyNames: a signature that names a hundred thousand fields takes no time that grows
// with their square.
func TestManyNames(t *testing.T) {
	t.Parallel()
	msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh", testMessage)
	msg = strings.Replace(msg, "h=from", "h=from"+strings.Repeat(":x", 100_000), 1)
	msg = strings.Replace(msg, "\r\nFrom", "\r\n"+strings.Repeat("x:\r\n", 15_000)+"From", 1)
	verifyOne(t, testResolver(t), msg, Options{}).check(t, "names", StatusFail, ErrSignature)

	msg = strings.Replace(msg, "\r\nFrom", "\r\n"+strings.Repeat("x:\r\n", 15_000)+"From", 1)
	verifyOne(t, testResolver(t), msg, Options{}).check(t, "fields", StatusPermerror, ErrHeader)
}

// publicRecord returns a key record for an RSA key with a modulus of some bits that nobody has
// the private key of.
func publicRecord(t *testing.T, bits, exponent int) string {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n.Add(n, big.NewInt(12345)), E: exponent})
	if err != nil {
		t.Fatal(err)
	}
	return "v=DKIM1; p=" + base64.StdEncoding.EncodeToString(der)
}

// hugeExponent returns a key record for an RSA key with an exponent as long as a modulus.
func hugeExponent(t *testing.T) string {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	der, err := asn1.Marshal(struct{ N, E *big.Int }{n.Add(n, big.NewInt(12345)), new(big.Int).Add(n, big.NewInt(2))})
	if err != nil {
		t.Fatal(err)
	}
	return "v=DKIM1; p=" + base64.StdEncoding.EncodeToString(der)
}

// TestHostileKeys: keys that are weak, large or no keys at all, with odd exponents, in records that are malformed
// (RFC 8301 §3.2; RFC 6376 §8.8, §8.13).
func TestHostileKeys(t *testing.T) {
	t.Parallel()
	msg := naiveSign(t, testKey(t, "rsa2048"), "v=1; a=rsa-sha256; d=example.org; s=rsa2048; h=from; bh=@bh", testMessage)
	good := testRecord(t, "rsa2048", "")
	p := good[strings.Index(good, "p="):]
	for _, tc := range []struct {
		what   string
		texts  []string
		status Status
		err    error
	}{
		{"512 bits", []string{publicRecord(t, 512, 65537)}, StatusPolicy, ErrKeyWeak},
		{"1023 bits", []string{publicRecord(t, 1023, 65537)}, StatusPolicy, ErrKeyWeak},
		{"4096 bits", []string{publicRecord(t, 4096, 65537)}, StatusFail, ErrSignature},
		{"8192 bits", []string{publicRecord(t, 8192, 65537)}, StatusFail, ErrSignature},
		{"8193 bits", []string{publicRecord(t, 8193, 65537)}, StatusPolicy, ErrKeyTooLarge},
		{"16384 bits", []string{publicRecord(t, 16384, 65537)}, StatusPolicy, ErrKeyTooLarge},
		{"1 Mbit", []string{publicRecord(t, 1<<20, 65537)}, StatusPermerror, ErrKeySyntax},
		{"exponent 1", []string{publicRecord(t, 2048, 1)}, StatusFail, ErrSignature},
		{"even exponent", []string{publicRecord(t, 2048, 2)}, StatusFail, ErrSignature},
		{"large exponent", []string{publicRecord(t, 2048, 1<<31-1)}, StatusFail, ErrSignature},
		{"an exponent of 64 bits", []string{hugeExponent(t)}, StatusPermerror, ErrKeySyntax},
		{"megabytes", []string{"v=DKIM1; n=" + strings.Repeat("x", 5<<20) + "; " + p}, StatusPermerror, ErrKeySyntax},
		{"megabytes of p=", []string{"v=DKIM1; p=" + strings.Repeat("A", 5<<20)}, StatusPermerror, ErrKeySyntax},
		{"megabytes of flags", []string{"v=DKIM1; t=" + strings.Repeat("y:", 5<<20) + "y; " + p}, StatusPermerror, ErrKeySyntax},
		{"many tags", []string{strings.Repeat("a=b;", 1000) + p}, StatusPermerror, ErrKeySyntax},
		{"many texts", append(slices.Repeat([]string{"x"}, 1000), good), StatusPermerror, ErrKeySyntax},
		{"duplicated tags", []string{"v=DKIM1; p=; " + p}, StatusPermerror, ErrKeySyntax},
		{"garbage", []string{"v=DKIM1; p=\x00\xff=!"}, StatusPermerror, ErrKeySyntax},
		{"of the other type", []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}, StatusPermerror, ErrKeyAlgorithm},
	} {
		resolver := &dns.MemResolver{TXT: map[string][]string{"rsa2048._domainkey.example.org": tc.texts}}
		verifyOne(t, resolver, msg, Options{}).check(t, tc.what, tc.status, tc.err)
	}
	// An even modulus must not upset the arithmetic.
	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	resolver := &dns.MemResolver{TXT: map[string][]string{"rsa2048._domainkey.example.org": {"p=" + base64.StdEncoding.EncodeToString(der)}}}
	verifyOne(t, resolver, msg, Options{}).check(t, "even modulus", StatusFail, ErrSignature)
}

// TestSignaturesAlike: signatures that begin alike do not make header.b longer than people can use, nor is more of
// them compared (RFC 6008 §4).
func TestSignaturesAlike(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("YWJj", 110_000)
	msg := ""
	for _, end := range []string{"YWJj", "YWJk"} {
		msg += strings.TrimSuffix(signatureField("b="+long+end), "\r\n") + "\r\n"
	}
	results := verifyString(t, &dns.MemResolver{}, msg+testMessage, Options{})
	if len(results) != 2 {
		t.Fatalf("%d results", len(results))
	}
	for _, r := range results {
		r.check(t, "alike", StatusPermerror, ErrNoKey)
		if p := r.Properties(false); p[len(p)-1].Name != "b" || len(p[len(p)-1].Value) != 64 {
			t.Errorf("header.b %q", p[len(p)-1].Value)
		}
	}
}

// TestMalformedSignatures: whatever stands in the field, a message has a result, and a good signature is none the worse
// (RFC 6376 §8.9, §6.1).
func TestMalformedSignatures(t *testing.T) {
	t.Parallel()
	good := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh", testMessage)
	label := strings.Repeat("a", 63) + "."
	for what, tc := range map[string]struct {
		field  string
		status Status
		err    error
	}{
		"empty":                 {"DKIM-Signature:\r\n", StatusNeutral, ErrSyntax},
		"NUL":                   {signatureField("x-y=\x00"), StatusNeutral, ErrSyntax},
		"no UTF-8":              {signatureField("foo=\xff\xfe"), StatusNeutral, ErrSyntax},
		"no value":              {signatureField("b="), StatusNeutral, ErrSyntax},
		"a thousand tags":       {signatureField(strings.Repeat("a;", 1000)), StatusNeutral, ErrSyntax},
		"a line feed in i=":     {signatureField(`i="=0AX:y"@example.org`), StatusNeutral, ErrSyntax},
		"a long algorithm":      {signatureField("a=rsa-" + strings.Repeat("x", 100_000)), StatusNeutral, ErrAlgorithm},
		"a domain too long":     {signatureField("d=" + strings.Repeat(label, 4) + "org"), StatusNeutral, ErrSyntax},
		"no name for a key":     {signatureField("s="+strings.TrimSuffix(strings.Repeat(label, 3), "."), "d="+label+"org"), StatusPermerror, ErrNoKey},
		"an onion":              {signatureField("d=example.onion"), StatusPermerror, ErrNoKey},
		"an address":            {signatureField("d=[192.0.2.1]"), StatusNeutral, ErrSyntax},
		"a signature of a byte": {signatureField("d=example.org", "s=rsa2048", "b=YQ=="), StatusFail, ErrBodyHash},
		"l= of 76 digits":       {signatureField("s=rsa2048", "l="+strings.Repeat("9", 76)), StatusFail, ErrBodyLength},
	} {
		results := verifyString(t, testResolver(t), tc.field+good, Options{Now: testNow})
		if len(results) != 2 {
			t.Fatalf("%s: %d results", what, len(results))
		}
		results[0].check(t, what, tc.status, tc.err)
		results[1].check(t, what+": the other", StatusPass, nil)
		if s := results[0].Err.Error(); len(s) > 1000 || strings.ContainsAny(s, "\x00\r\n") {
			t.Errorf("%s: error %q", what, s)
		}
	}
}

// TestConstantMemory: what is allocated for a message does not depend on its size.
//
// It is not parallel because it looks at what the process allocates.
func TestConstantMemory(t *testing.T) {
	signer := testSigner(t, nil)
	allocated := func(size int) uint64 {
		msg := benchMessage(size)
		fields, err := signer.Sign(bytes.NewReader(msg))
		if err != nil {
			t.Fatal(err)
		}
		signed := append(fields, msg...)
		var before, after runtime.MemStats
		least := ^uint64(0)
		for range 5 {
			runtime.ReadMemStats(&before)
			if _, err := signer.Sign(bytes.NewReader(msg)); err != nil {
				t.Fatal(err)
			}
			if _, err := Verify(context.Background(), testResolver(t), bytes.NewReader(signed), Options{Now: testNow}); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		return least
	}
	small, large := allocated(100<<10), allocated(8<<20)
	if large > small+256<<10 {
		t.Errorf("%d bytes allocated for 100 KB, %d for 8 MB", small, large)
	}
}

// TestSplitter: where the header ends, whatever the pieces.
func TestSplitter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		msg, header, body string
		tooLarge          bool
	}{
		{"a: b\r\n\r\nc", "a: b\r\n", "c", false},
		{"a: b\n\nc", "a: b\n", "c", false},
		{"a: b\r\n\nc", "a: b\r\n", "c", false},
		{"a: b\r\n\r\r\n\r\nc", "a: b\r\n\r\r\n", "c", false},
		{"\r\nc", "", "c", false},
		{"\n", "", "", false},
		{"", "", "", false},
		{"a: b", "a: b", "", false},
		{"a: b\r\n", "a: b\r\n", "", false},
		{"a: b\r\n\r", "a: b\r\n\r", "", false},
		{"a: 45678\r\n\r\nc", "a: 45678\r\n", "c", false}, // Exactly as large as allowed.
		{"a: 456789\r\n\r\nc", "a: 456789\r", "", true},
		{"a: b\r\nc: d\r\n\r\ne", "a: b\r\nc: d", "", true},
		{strings.Repeat("x", 100), strings.Repeat("x", 10), "", true},
	} {
		for size := 1; size < len(tc.msg)+2; size++ {
			var header, body strings.Builder
			headers := 0
			tooLarge := false
			s := &Splitter{Max: 10,
				Header: func(h []byte, t bool) { header.Write(h); tooLarge = t; headers++ },
				Body:   func(p []byte) { body.Write(p) },
			}
			for p := []byte(tc.msg); len(p) > 0; {
				n := min(size, len(p))
				s.Write(bytes.Clone(p[:n]))
				p = p[n:]
			}
			s.Close()
			s.Close()
			s.Write([]byte("more"))
			if headers != 1 || header.String() != tc.header || body.String() != tc.body || tooLarge != tc.tooLarge {
				t.Errorf("%q in pieces of %d: %d headers, %q, %q, %v", tc.msg, size, headers, header.String(), body.String(), tooLarge)
			}
		}
	}
}

// TestSplitterWithoutCallbacks: what nobody wants to know is left out.
func TestSplitterWithoutCallbacks(t *testing.T) {
	t.Parallel()
	for _, msg := range []string{"", "a: b", "a: b\r\n\r\nbody", strings.Repeat("x", 100)} {
		var header, body strings.Builder
		withHeader := &Splitter{Max: 20, Header: func(h []byte, _ bool) { header.Write(h) }}
		withBody := &Splitter{Max: 20, Body: func(p []byte) { body.Write(p) }}
		for _, s := range []*Splitter{withHeader, withBody} {
			if n, err := s.Write([]byte(msg)); n != len(msg) || err != nil {
				t.Errorf("%q: %d, %v", msg, n, err)
			}
			s.Close()
		}
		h, b, _ := strings.Cut(msg, "\r\n\r\n")
		if want := min(len(h), 20); len(strings.TrimSpace(header.String())) != want || body.String() != b {
			t.Errorf("%q: header %q, body %q", msg, header.String(), body.String())
		}
	}
}

// TestHeaderSelect: fields are counted from the bottom (RFC 6376 §5.4.2).
func TestHeaderSelect(t *testing.T) {
	t.Parallel()
	h := ParseHeader([]byte("A: 1\r\nB: 2\r\na: 3\r\nA : 4\r\nC: 5\r\n"))
	for _, tc := range []struct {
		names  string
		except int
		want   string
	}{
		{"a", -1, " 4"},
		{"A:a", -1, " 4 3"},
		{"a:b:A:c:a:a:a", -1, " 4 2 3 5 1"},
		{"a:a:a", 3, " 3 1"},
		{"a:a:a", 2, " 4 1"},
		{"a:a:a", 0, " 4 3"},
		{"b:b", 1, ""},
		{"x:y:x", -1, ""},
	} {
		got := ""
		for f := range h.Select(strings.Split(tc.names, ":"), tc.except) {
			got += string(f.Value)
		}
		if got != tc.want {
			t.Errorf("%s without %d: got %q, want %q", tc.names, tc.except, got, tc.want)
		}
	}
	if h.Malformed() || h.Count("a") != 3 || h.Count("x") != 0 {
		t.Errorf("got %+v", h)
	}
	if !ParseHeader([]byte("A: 1\r\nx\r\n")).Malformed() || !ParseHeader([]byte(" x\r\n")).Malformed() {
		t.Errorf("lines that are no fields")
	}
}

// TestHashOfField: a field without b= cannot be hashed as the signature.
func TestHashOfField(t *testing.T) {
	t.Parallel()
	h := NewHeaderHasher(Relaxed)
	if err := h.SignatureField([]byte("ARC-Seal: i=1; a=x\r\n")); !errors.Is(err, ErrMissingTag) {
		t.Errorf("got %v", err)
	}
	if err := h.SignatureField([]byte("ARC-Seal: i=1; i=2; b=\r\n")); !errors.Is(err, ErrSyntax) {
		t.Errorf("got %v", err)
	}
}
