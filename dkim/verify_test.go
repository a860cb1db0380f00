package dkim

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
)

const testMessage = "From: Joe <joe@example.org>\r\nTo: suzie@example.net\r\nSubject:  a\r\n\tdinner \r\n" +
	"Received: A\r\nReceived: B\r\nReceived: C\r\n\r\nHi.  \r\n\r\nJoe \t.\r\n\r\n"

// testNow is the clock of tests.
func testNow() time.Time { return time.Unix(1_700_000_000, 0) }

// testRecord returns the key record of a key in testdata, with tags put before p=.
func testRecord(t testing.TB, key, tags string) string {
	t.Helper()
	r, err := NewRecord(testKey(t, key).Public())
	if err != nil {
		t.Fatal(err)
	}
	r.Hashes = nil
	return strings.Replace(r.String(), "; p=", tags+"; p=", 1)
}

// testResolver has the keys of testdata for selectors of their name at example.org.
func testResolver(t testing.TB) *dns.MemResolver {
	r := &dns.MemResolver{TXT: map[string][]string{}}
	for _, key := range []string{"rsa1024", "rsa2048", "rsa4096", "ed25519"} {
		r.TXT[key+"._domainkey.example.org"] = []string{testRecord(t, key, "")}
	}
	return r
}

// verifyOne verifies a message with one signature.
func verifyOne(t testing.TB, resolver dns.Resolver, msg string, opts Options) Result {
	t.Helper()
	if opts.Now == nil {
		opts.Now = testNow
	}
	results, err := Verify(context.Background(), resolver, strings.NewReader(msg), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 {
		t.Fatalf("got %d results", len(results))
	}
	return results[0]
}

// check compares status and reason of a result.
func (r Result) check(t testing.TB, what string, status Status, err error) {
	t.Helper()
	if r.Status != status || !errors.Is(r.Err, err) || (r.Err == nil) != (r.Reason() == "") {
		t.Errorf("%s: got %s, %v; want %s, %v", what, r.Status, r.Err, status, err)
	}
	if err != nil && r.Reason() != err.Error() {
		t.Errorf("%s: reason %q", what, r.Reason())
	}
}

// TestVerifySignedByHand has signatures made by the naive signer verified.
func TestVerifySignedByHand(t *testing.T) {
	t.Parallel()
	const base = "v=1; d=example.org; h=from:to; bh=@bh; "
	for _, tc := range []struct {
		section, value, key string
		status              Status
		err                 error
	}{
		{"RFC 6376 §3.3.2", base + "a=rsa-sha256; s=rsa2048", "rsa2048", StatusPass, nil},
		{"RFC 8301 §3.2, 1024 bits", base + "a=rsa-sha256; s=rsa1024", "rsa1024", StatusPass, nil},
		{"RFC 8301 §3.2, 4096 bits", base + "a=rsa-sha256; s=rsa4096", "rsa4096", StatusPass, nil},
		{"RFC 8463 §3", base + "a=ed25519-sha256; s=ed25519", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.4 default", base + "a=ed25519-sha256; s=ed25519", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.4.1, §3.4.4", base + "a=ed25519-sha256; s=ed25519; c=simple/relaxed", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.4.2, §3.4.3", base + "a=ed25519-sha256; s=ed25519; c=relaxed", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.4.2, §3.4.4", base + "a=ed25519-sha256; s=ed25519; c=relaxed/relaxed", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 folded", "v=1;\r\n\td=example.org; h=From :\r\n  To; bh=@bh; a=ed25519-sha256; s=ed25519", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 unknown tags are signed", base + "a=ed25519-sha256; s=ed25519; foo=bar; zz=", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.7 a b= in other tags", base + "a=ed25519-sha256; s=ed25519; x-b=1", "ed25519", StatusNeutral, ErrSyntax},
		{"RFC 6376 §3.7 bh= after", "v=1; d=example.org; h=from; a=ed25519-sha256; s=ed25519; xb=YWJj; bh=@bh", "ed25519", StatusPass, nil},
		{"RFC 6376 §5.4 absent fields", "v=1; d=example.org; h=from:x-none:x-none:to; bh=@bh; a=ed25519-sha256; s=ed25519", "ed25519", StatusPass, nil},
		{"RFC 6376 §5.4 one more", "v=1; d=example.org; h=from:from:to:to:from; bh=@bh; a=ed25519-sha256; s=ed25519", "ed25519", StatusPass, nil},
		{"RFC 6376 §5.4.2 from the bottom", "v=1; d=example.org; h=received:from:received; bh=@bh; a=ed25519-sha256; s=ed25519", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 h= has no case", "v=1; d=example.org; h=FROM:rEcEiVeD; bh=@bh; a=ed25519-sha256; s=ed25519", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 i=", base + "a=ed25519-sha256; s=ed25519; i=joe@sub.example.org", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 d= has no case", "v=1; d=Example.ORG; h=from; bh=@bh; a=ed25519-sha256; s=ED25519", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 l=", base + "a=ed25519-sha256; s=ed25519; l=4", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 l=0", base + "a=ed25519-sha256; s=ed25519; l=0", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 l= all", base + "a=ed25519-sha256; s=ed25519; c=simple/relaxed; l=14", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 l= too long", base + "a=ed25519-sha256; s=ed25519; c=simple/relaxed; l=16", "ed25519", StatusFail, ErrBodyLength},
		{"RFC 6376 §3.5 l= far too long", base + "a=ed25519-sha256; s=ed25519; l=" + strings.Repeat("9", 70), "ed25519", StatusFail, ErrBodyLength},
		{"RFC 6376 §3.5 x=", base + "a=ed25519-sha256; s=ed25519; x=1700000000", "ed25519", StatusPass, nil},
		{"RFC 6376 §6.1.1 x=", base + "a=ed25519-sha256; s=ed25519; x=1699999999", "ed25519", StatusPermerror, ErrExpired},
		{"RFC 6376 §3.5 t= in the future", base + "a=ed25519-sha256; s=ed25519; t=1800000000", "ed25519", StatusPass, nil},
		{"RFC 6376 §3.5 z= is not for checking", base + "a=ed25519-sha256; s=ed25519; z=From:other", "ed25519", StatusPass, nil},
		{"RFC 6376 §6.1.1 v=", "v=2; d=example.org; h=from; bh=@bh; a=ed25519-sha256; s=ed25519", "ed25519", StatusNeutral, ErrVersion},
		{"RFC 6376 §6.1.1 missing", "v=1; d=example.org; h=from; bh=@bh; s=ed25519", "ed25519", StatusPermerror, ErrMissingTag},
		{"RFC 6376 §6.1.1 h=", "v=1; d=example.org; h=to; bh=@bh; a=ed25519-sha256; s=ed25519", "ed25519", StatusPermerror, ErrFromNotSigned},
		{"RFC 6376 §6.1.1 i=", base + "a=ed25519-sha256; s=ed25519; i=@example.com", "ed25519", StatusPermerror, ErrDomainMismatch},
		{"RFC 6376 §6.1.1 unknown algorithm", base + "a=rsa-sha512; s=rsa2048", "rsa2048", StatusNeutral, ErrAlgorithm},
		{"RFC 6376 §3.4 unknown canonicalization", base + "a=rsa-sha256; s=rsa2048; c=nofws", "rsa2048", StatusNeutral, ErrCanonicalization},
		{"RFC 6376 §3.5 q=", base + "a=rsa-sha256; s=rsa2048; q=foo/bar", "rsa2048", StatusNeutral, ErrQuery},
		{"RFC 8301 §3.1", base + "a=rsa-sha1; s=rsa2048", "rsa2048", StatusPolicy, ErrSHA1},
		{"RFC 6376 §6.1.2 no key", base + "a=rsa-sha256; s=other", "rsa2048", StatusPermerror, ErrNoKey},
		{"RFC 6376 §6.1.2 algorithm of the key", base + "a=rsa-sha256; s=ed25519", "rsa2048", StatusPermerror, ErrKeyAlgorithm},
		{"RFC 6376 §6.1.2 algorithm of the key", base + "a=ed25519-sha256; s=rsa2048", "ed25519", StatusPermerror, ErrKeyAlgorithm},
		{"RFC 6376 §6.1.3 other key", base + "a=rsa-sha256; s=rsa2048", "rsa1024", StatusFail, ErrSignature},
		{"RFC 6376 §6.1.3 other body", "v=1; d=example.org; h=from; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; a=ed25519-sha256; s=ed25519", "ed25519", StatusFail, ErrBodyHash},
	} {
		msg := naiveSign(t, testKey(t, tc.key), tc.value, testMessage)
		verifyOne(t, testResolver(t), msg, Options{}).check(t, tc.section, tc.status, tc.err)
	}
}

// TestChanges: what may happen to a signed message, and what not (RFC 6376 §3.4, §5.4).
func TestChanges(t *testing.T) {
	t.Parallel()
	const value = "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from:to:subject:cc:subject; bh=@bh; c="
	for _, tc := range []struct {
		what, old, new  string
		simple, relaxed error // Nil for a pass.
	}{
		{"nothing", "", "", nil, nil},
		{"a field that is not signed", "From: ", "X-New: x\r\nFrom: ", nil, nil},
		{"a field that is not signed", "Received: B", "Received: D", nil, nil},
		{"order of fields", "From: Joe <joe@example.org>\r\nTo: suzie@example.net\r\n", "To: suzie@example.net\r\nFrom: Joe <joe@example.org>\r\n", nil, nil},
		{"case of a name", "Subject:", "SUBJECT:", ErrSignature, nil},
		{"space before the colon", "Subject:", "Subject \t:", ErrSignature, nil},
		{"space after the colon", "Subject:  a", "Subject:a", ErrSignature, nil},
		{"folding", "a\r\n\tdinner", "a dinner", ErrSignature, nil},
		{"space at the end", "dinner \r\n", "dinner\r\n", ErrSignature, nil},
		{"space in a value", "Joe <joe", "Joe\t  <joe", ErrSignature, nil},
		{"space added to a value", "joe@example.org", "joe@example .org", ErrSignature, ErrSignature},
		{"case of a value", "Joe <joe", "joe <joe", ErrSignature, ErrSignature},
		{"a value", "dinner", "lunch", ErrSignature, ErrSignature},
		{"a field gone", "To: suzie@example.net\r\n", "", ErrSignature, ErrSignature},
		{"an absent field added", "To: ", "Cc: eve@example.com\r\nTo: ", ErrSignature, ErrSignature},
		{"an empty absent field added", "To: ", "Cc:\r\nTo: ", ErrSignature, ErrSignature},
		{"a second subject", "To: ", "Subject: x\r\nTo: ", ErrSignature, ErrSignature},
		{"a second From above", "From: ", "From: eve@example.com\r\nFrom: ", ErrNotAllSigned, ErrNotAllSigned},
		{"a second From below", "To: ", "From: eve@example.com\r\nTo: ", ErrNotAllSigned, ErrNotAllSigned},
		{"empty lines at the end", ".\r\n\r\n", ".\r\n\r\n\r\n\r\n", nil, nil},
		{"no line end at the end", ".\r\n\r\n", ".", nil, nil},
		{"space at the end of a line", "Hi.  ", "Hi.", ErrBodyHash, nil},
		{"space in a line", "Joe \t.", "Joe .", ErrBodyHash, nil},
		{"space that was not there", "Joe \t.", "J oe .", ErrBodyHash, ErrBodyHash},
		{"space that is gone", "Joe \t.", "Joe.", ErrBodyHash, ErrBodyHash},
		{"an empty line", "Hi.  \r\n", "Hi.  \r\n\r\n", ErrBodyHash, ErrBodyHash},
		{"text", "Hi.", "Ho.", ErrBodyHash, ErrBodyHash},
		{"text at the end", ".\r\n\r\n", ".\r\n\r\nBuy!\r\n", ErrBodyHash, ErrBodyHash},
		{"bare LF", "Hi.  \r\n", "Hi.  \n", ErrBodyHash, ErrBodyHash},
		{"a line that is no field", "To: ", "Buy now\r\nTo: ", ErrHeader, ErrHeader},
	} {
		for c, want := range map[string]error{"simple/simple": tc.simple, "relaxed/relaxed": tc.relaxed} {
			msg := naiveSign(t, testKey(t, "ed25519"), value+c, testMessage)
			if !strings.Contains(testMessage, tc.old) {
				t.Fatalf("no %q", tc.old)
			}
			sig, rest, _ := strings.Cut(msg, "\r\n")
			r := verifyOne(t, testResolver(t), sig+"\r\n"+strings.Replace(rest, tc.old, tc.new, 1), Options{})
			if !errors.Is(r.Err, want) || (want == nil) != (r.Status == StatusPass) {
				t.Errorf("%s: %s: got %s, %v; want %v", c, tc.what, r.Status, r.Err, want)
			}
		}
	}
}

// TestSignatureFieldChanges: all of the signature field but b= is signed (RFC 6376 §3.7), in
// its canonical form.
func TestSignatureFieldChanges(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		what, old, new  string
		simple, relaxed Status
	}{
		{"nothing", "v=1", "v=1", StatusPass, StatusPass},
		{"space in b=", "; b=", "; b= \r\n\t", StatusPass, StatusPass},
		{"space around b=", "; b=", ";\r\n b=", StatusFail, StatusPass},
		{"name", "DKIM-Signature:", "dkim-signature:", StatusFail, StatusPass},
		{"a tag after b=", "\r\n", "; q=dns/txt\r\n", StatusFail, StatusFail},
		{"semicolon after b=", "\r\n", ";\r\n", StatusFail, StatusFail},
		{"order of tags", "v=1; a=ed25519-sha256", "a=ed25519-sha256; v=1", StatusFail, StatusFail},
		{"a tag unknown", "note=1", "note=2", StatusFail, StatusFail},
		{"folding at a space", "; note", ";\r\n\t note", StatusFail, StatusPass},
		{"folding without space before", "note=1;", "note=1\r\n\t;", StatusFail, StatusFail},
	} {
		for c, want := range map[string]Status{"simple": tc.simple, "relaxed": tc.relaxed} {
			msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh; note=1; c="+c, testMessage)
			r := verifyOne(t, testResolver(t), strings.Replace(msg, tc.old, tc.new, 1), Options{})
			if r.Status != want {
				t.Errorf("%s: %s: got %s, %v; want %s", c, tc.what, r.Status, r.Err, want)
			}
		}
	}
}

// TestSignedSignatures: other DKIM-Signature fields may be signed, with their b=, the own one
// never is (RFC 6376 §3.5 h=, §3.7, §4.2).
func TestSignedSignatures(t *testing.T) {
	t.Parallel()
	key := testKey(t, "ed25519")
	const base = "v=1; a=ed25519-sha256; d=example.org; s=ed25519; bh=@bh; h=from"
	msg := naiveSign(t, key, base, testMessage)
	msg = naiveSign(t, key, base+":dkim-signature:dkim-signature", msg)
	results := verifyString(t, testResolver(t), msg, Options{})
	if len(results) != 2 || results[0].Status != StatusPass || results[1].Status != StatusPass {
		t.Fatalf("got %+v", results)
	}
	// Without the inner signature the outer one fails.
	first, rest, _ := strings.Cut(msg, "\r\n")
	_, rest, _ = strings.Cut(rest, "\r\n")
	verifyOne(t, testResolver(t), first+"\r\n"+rest, Options{}).check(t, "RFC 6376 §3.7", StatusFail, ErrSignature)
}

// TestIndependentSignatures: each signature has its own result, in the order of the header
// (RFC 6376 §4.2, §6.1).
func TestIndependentSignatures(t *testing.T) {
	t.Parallel()
	const base = "v=1; d=example.org; h=from; bh=@bh; "
	msg := testMessage
	msg = naiveSign(t, testKey(t, "rsa2048"), base+"a=rsa-sha256; s=rsa2048; c=relaxed/relaxed", msg)
	msg = naiveSign(t, testKey(t, "rsa1024"), base+"a=rsa-sha256; s=rsa2048", msg)
	msg = naiveSign(t, testKey(t, "ed25519"), base+"a=ed25519-sha256; s=ed25519; l=2", msg)
	msg = "DKIM-Signature: garbage\r\n" + msg
	resolver := testResolver(t)
	results := verifyString(t, resolver, msg, Options{})
	want := []Status{StatusNeutral, StatusPass, StatusFail, StatusPass}
	if len(results) != len(want) {
		t.Fatalf("got %+v", results)
	}
	for i, r := range results {
		if r.Status != want[i] {
			t.Errorf("signature %d: %s, %v", i, r.Status, r.Err)
		}
	}
	if n := resolver.Calls("rsa2048._domainkey.example.org"); n != 1 {
		t.Errorf("%d lookups of one key", n)
	}
	if results := verifyString(t, resolver, testMessage, Options{}); len(results) != 0 {
		t.Errorf("not signed: %+v", results)
	}
}

// TestBrokenMessages: messages without body, without header, cut off (RFC 6376 §3.4.3).
func TestBrokenMessages(t *testing.T) {
	t.Parallel()
	const value = "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from:subject; bh=@bh; c="
	for _, c := range []string{"simple/simple", "relaxed/relaxed"} {
		for _, tail := range []string{"\r\n", "", "\r\n\r\n", "\r\n\r\n\r\n"} {
			signed := naiveSign(t, testKey(t, "ed25519"), value+c, "From: joe@example.org\r\nSubject: x\r\n\r\n")
			msg := strings.TrimRight(signed, "\r\n") + tail
			verifyOne(t, testResolver(t), msg, Options{}).check(t, c+" before "+tail, StatusPass, nil)
		}
	}
	for _, msg := range []string{"", "\r\n", "\n", "\r\nDKIM-Signature: v=1\r\n", "x", "DKIM-Signature"} {
		if results := verifyString(t, testResolver(t), msg, Options{}); len(results) != 0 {
			t.Errorf("%q: %+v", msg, results)
		}
	}
	verifyOne(t, testResolver(t), "DKIM-Signature:", Options{}).check(t, "empty", StatusNeutral, ErrSyntax)
}

// TestKeyRecordRules is what key records say about their use (RFC 6376 §3.6.1, §6.1.2).
func TestKeyRecordRules(t *testing.T) {
	t.Parallel()
	record := testRecord(t, "ed25519", "")
	for _, tc := range []struct {
		section string
		texts   []string
		i       string // Value of i=, or empty.
		status  Status
		err     error
	}{
		{"RFC 6376 §3.6.1", []string{record}, "", StatusPass, nil},
		{"RFC 6376 §6.1.2 step 4, other texts", []string{"v=spf1 -all", record, "x"}, "", StatusPass, nil},
		{"RFC 6376 §6.1.2 step 4, several keys", []string{testRecord(t, "rsa2048", ""), record}, "", StatusPass, nil},
		{"RFC 6376 §6.1.2 step 4, several keys", []string{testRecord(t, "rsa2048", ""), "v=DKIM1; p="}, "", StatusPermerror, ErrKeyAlgorithm},
		{"RFC 6376 §6.1.2 step 5", []string{"v=spf1 -all"}, "", StatusPermerror, ErrKeySyntax},
		{"RFC 6376 §6.1.2 step 5", []string{strings.Replace(record, "DKIM1", "DKIM2", 1)}, "", StatusPermerror, ErrKeySyntax},
		{"RFC 6376 §6.1.2 step 5", []string{strings.Replace(record, "p=", "p=!", 1)}, "", StatusPermerror, ErrKeySyntax},
		{"RFC 6376 §6.1.2 step 6", []string{testRecord(t, "ed25519", "; h=sha1")}, "", StatusPermerror, ErrKeyHash},
		{"RFC 6376 §6.1.2 step 6", []string{testRecord(t, "ed25519", "; h=sha1:SHA256")}, "", StatusPass, nil},
		{"RFC 6376 §6.1.2 step 7", []string{"v=DKIM1; k=ed25519; p="}, "", StatusPermerror, ErrKeyRevoked},
		{"RFC 6376 §6.1.2 step 8", []string{"v=DKIM1; k=foo; p=YWJj"}, "", StatusPermerror, ErrKeyAlgorithm},
		{"RFC 6376 §3.6.1 s=", []string{testRecord(t, "ed25519", "; s=email")}, "", StatusPass, nil},
		{"RFC 6376 §3.6.1 s=", []string{testRecord(t, "ed25519", "; s=foo:*")}, "", StatusPass, nil},
		{"RFC 6376 §3.6.1 s=", []string{testRecord(t, "ed25519", "; s=tlsrpt")}, "", StatusPermerror, ErrKeyService},
		{"RFC 6376 §3.6.1 t=s", []string{testRecord(t, "ed25519", "; t=s")}, "", StatusPass, nil},
		{"RFC 6376 §3.6.1 t=s", []string{testRecord(t, "ed25519", "; t=s")}, "joe@example.org", StatusPass, nil},
		{"RFC 6376 §3.10 t=s", []string{testRecord(t, "ed25519", "; t=foo:s")}, "joe@sub.example.org", StatusPermerror, ErrDomainMismatch},
		{"RFC 6376 §3.10", []string{record}, "joe@sub.example.org", StatusPass, nil},
		{"RFC 6376 §3.6.1 t=y", []string{testRecord(t, "ed25519", "; t=y")}, "", StatusPass, nil},
		{"RFC 6376 §3.6.1 t=y", []string{testRecord(t, "rsa2048", "; t=y")}, "", StatusNeutral, ErrKeyAlgorithm},
		{"RFC 6376 §3.6.1 unknown flags", []string{testRecord(t, "ed25519", "; t=foo:bar-1")}, "", StatusPass, nil},
		{"RFC 6376 §3.6.1 n=, unknown tags", []string{testRecord(t, "ed25519", "; n=a note; foo=bar")}, "", StatusPass, nil},
		{"RFC 6376 §C.2 g= is ignored", []string{testRecord(t, "ed25519", "; g=eve")}, "", StatusPass, nil},
	} {
		value := "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh"
		if tc.i != "" {
			value += "; i=" + tc.i
		}
		msg := naiveSign(t, testKey(t, "ed25519"), value, testMessage)
		resolver := &dns.MemResolver{TXT: map[string][]string{"ed25519._domainkey.example.org": tc.texts}}
		r := verifyOne(t, resolver, msg, Options{})
		r.check(t, tc.section, tc.status, tc.err)
		if testing := strings.Contains(tc.texts[0], "t=y"); r.Testing != testing {
			t.Errorf("%s: testing %v", tc.section, r.Testing)
		}
	}
}

// TestTestingFails: with a key that is being tested, a signature that fails is no worse than
// none (RFC 6376 §3.6.1, t=y).
func TestTestingFails(t *testing.T) {
	t.Parallel()
	resolver := &dns.MemResolver{TXT: map[string][]string{"ed25519._domainkey.example.org": {testRecord(t, "ed25519", "; t=y")}}}
	msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh", testMessage)
	verifyOne(t, resolver, msg+"x", Options{}).check(t, "fail", StatusNeutral, ErrBodyHash)
	verifyOne(t, resolver, msg, Options{}).check(t, "pass", StatusPass, nil)
	verifyOne(t, resolver, msg, Options{TestingIsUnsigned: true}).check(t, "strict", StatusNeutral, ErrTesting)
}

// TestLookup: where keys are (RFC 6376 §3.6.2.1), what DNS says about them, and errors of DNS
// (§6.1.2, steps 2 and 3).
func TestLookup(t *testing.T) {
	t.Parallel()
	key := testKey(t, "ed25519")
	const value = "v=1; a=ed25519-sha256; d=example.org; s=foo.bar; h=from; bh=@bh"
	const name = "foo.bar._domainkey.example.org"
	msg := naiveSign(t, key, value, testMessage)
	records := map[string][]string{name: {testRecord(t, "ed25519", "")}}

	r := verifyOne(t, &dns.MemResolver{TXT: records}, msg, Options{})
	r.check(t, "subdomain selector", StatusPass, nil)
	if r.Authentic || r.Record == nil || r.Record.KeyType != "ed25519" {
		t.Errorf("got %+v", r)
	}
	r = verifyOne(t, &dns.MemResolver{TXT: records, AllAuthentic: true}, msg, Options{})
	r.check(t, "DNSSEC", StatusPass, nil)
	if !r.Authentic {
		t.Errorf("not authentic")
	}
	r = verifyOne(t, &dns.MemResolver{TXT: records, Fail: []string{"txt " + name}}, msg, Options{})
	r.check(t, "server failure", StatusTemperror, ErrKeyUnavailable)
	r = verifyOne(t, &dns.MemResolver{CNAME: map[string]string{name: "key.example.net"},
		TXT: map[string][]string{"key.example.net": records[name]}}, msg, Options{})
	r.check(t, "alias", StatusPass, nil)
	r = verifyOne(t, &dns.MemResolver{AllAuthentic: true}, msg, Options{})
	r.check(t, "no record", StatusPermerror, ErrNoKey)
	if !r.Authentic || r.Record != nil {
		t.Errorf("got %+v", r)
	}

	// RFC 8616 §5: U-labels are looked up as A-labels.
	msg = naiveSign(t, key, "v=1; a=ed25519-sha256; d=b\u00fccher.example; s=s\u00e9l; h=from; bh=@bh", testMessage)
	r = verifyOne(t, &dns.MemResolver{TXT: map[string][]string{"xn--sl-bja._domainkey.xn--bcher-kva.example": records[name]}}, msg, Options{})
	r.check(t, "internationalized", StatusPass, nil)
}

// TestSlowResolver: a lookup that does not end gives a temporary error when the context of
// Results does, and nothing goes on afterwards.
func TestSlowResolver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh", testMessage)
		resolver := &dns.MemResolver{Before: func(ctx context.Context, typ, name string) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		v := NewVerifier(context.Background(), resolver, Options{Now: testNow})
		v.Write([]byte(msg))
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		start := time.Now()
		results := v.Results(ctx)
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("took %s", d)
		}
		if len(results) != 1 {
			t.Fatalf("got %+v", results)
		}
		results[0].check(t, "timeout", StatusTemperror, ErrKeyUnavailable)

		// A message that is broken off.
		v = NewVerifier(context.Background(), resolver, Options{Now: testNow})
		v.Write([]byte(msg[:len(msg)-5]))
		v.Close()
		synctest.Wait()
	})
}

// TestLookupBeginsWithHeader: keys are looked up while the body comes.
func TestLookupBeginsWithHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		resolver := testResolver(t)
		msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh", testMessage)
		header, body, _ := strings.Cut(msg, "\r\n\r\n")
		v := NewVerifier(t.Context(), resolver, Options{Now: testNow})
		v.Write([]byte(header + "\r\n\r\n"))
		synctest.Wait()
		if n := resolver.Calls("ed25519._domainkey.example.org"); n != 1 {
			t.Errorf("%d lookups", n)
		}
		v.Write([]byte(body))
		if results := v.Results(t.Context()); results[0].Status != StatusPass {
			t.Errorf("got %+v", results)
		}
	})
}

// TestPolicy is what Options refuse.
func TestPolicy(t *testing.T) {
	t.Parallel()
	const base = "v=1; a=rsa-sha256; d=example.org; s=rsa1024; h=from:to; bh=@bh"
	for _, tc := range []struct {
		section, value string
		opts           Options
		status         Status
		err            error
	}{
		{"RFC 8301 §3.2", base, Options{Keys: KeyLimits{MinRSABits: 2048}}, StatusPolicy, ErrKeyWeak},
		{"RFC 8301 §3.2", base, Options{Keys: KeyLimits{MinRSABits: 512}}, StatusPass, nil},
		{"RFC 6376 §6.1.1 fields", base, Options{Require: []string{"Subject"}}, StatusPolicy, ErrRequiredNotSigned},
		{"RFC 6376 §6.1.1 fields", base, Options{Require: []string{"TO", "Date"}}, StatusPass, nil},
		{"RFC 6376 §6.1.1 d=", base, Options{RefuseDomain: func(d dns.Domain) bool { return d.ASCII == "example.org" }}, StatusPolicy, ErrDomain},
		{"RFC 6376 §6.1.1 d=", base, Options{RefuseDomain: func(d dns.Domain) bool { return d.ASCII == "org" }}, StatusPass, nil},
		{"RFC 6376 §6.1.3 l=", base + "; l=2", Options{RefuseUnsignedBody: true}, StatusPolicy, ErrUnsignedBody},
		{"RFC 6376 §6.1.3 l=", base + "; l=17", Options{RefuseUnsignedBody: true}, StatusPass, nil},
		{"RFC 6376 §3.5 t=", base + "; t=1700000301", Options{MaxFuture: 5 * time.Minute}, StatusPolicy, ErrFuture},
		{"RFC 6376 §3.5 t=", base + "; t=1700000300", Options{MaxFuture: 5 * time.Minute}, StatusPass, nil},
		{"RFC 6376 §6.1 header", base, Options{MaxHeader: 300}, StatusPolicy, ErrHeaderTooLarge},
	} {
		msg := naiveSign(t, testKey(t, "rsa1024"), tc.value, testMessage)
		verifyOne(t, testResolver(t), msg, tc.opts).check(t, tc.section, tc.status, tc.err)
	}
}

// TestUnsignedBody: what l= leaves unsigned is told (RFC 6376 §6.1.3, §8.2).
func TestUnsignedBody(t *testing.T) {
	t.Parallel()
	for l, want := range map[string]int64{"": 0, "; l=0": 14, "; l=5": 9, "; l=14": 0} {
		msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh; c=relaxed/relaxed"+l, testMessage)
		r := verifyOne(t, testResolver(t), msg, Options{})
		if r.Status != StatusPass || r.UnsignedBody != want {
			t.Errorf("%q: %s, %v, %d octets", l, r.Status, r.Err, r.UnsignedBody)
		}
	}
}

// TestProperties is what is told about signatures that can be read, and to whom they point (RFC 6376 §3.9, §3.11, §6.2;
// RFC 8601 §2.7.1; RFC 6008 §4).
func TestProperties(t *testing.T) {
	t.Parallel()
	join := func(r Result, utf8 bool) string {
		var l []string
		for _, p := range r.Properties(utf8) {
			l = append(l, p.Name+"="+p.Value)
		}
		return strings.Join(l, " ")
	}
	const base = "DKIM-Signature: v=1; h=from; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; "
	msg := base + "a=rsa-sha256; d=b\u00fccher.example; s=sel; b=YWJjYWJjYWJjYWJj\r\n" +
		base + "a=ed25519-sha256; d=sub.example.org; i=\"a b\"@sub.example.org; s=other; b=YWJj YWJjYWJjYWJk\r\n" +
		base + "a=rsa-sha256; d=example.org; s=sel; b=AAAA\r\n" +
		base + "\r\n" + testMessage
	results := verifyString(t, &dns.MemResolver{}, msg, Options{})
	for i, want := range []string{
		"d=b\u00fccher.example s=sel a=rsa-sha256 b=YWJjYWJjYWJjYWJj",
		`d=sub.example.org i=ab@sub.example.org s=other a=ed25519-sha256 b=YWJjYWJjYWJjYWJk`,
		"d=example.org s=sel a=rsa-sha256 b=AAAA",
		"",
	} {
		if got := join(results[i], true); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	// A local part beyond ASCII cannot be said in a field that must be ASCII.
	results = verifyString(t, &dns.MemResolver{}, base+"a=rsa-sha256; d=example.org; i=j\u00f6@example.org; s=sel; b=AAAA\r\n"+testMessage, Options{})
	if got := join(results[0], true); got != "d=example.org i=j\u00f6@example.org s=sel a=rsa-sha256 b=AAAA" {
		t.Errorf("got %q", got)
	}
	if got := join(results[0], false); got != "d=example.org s=sel a=rsa-sha256 b=AAAA" {
		t.Errorf("got %q", got)
	}
	results = verifyString(t, &dns.MemResolver{}, msg, Options{})
	if got := join(results[0], false); !strings.HasPrefix(got, "d=xn--bcher-kva.example ") {
		t.Errorf("got %q", got)
	}
}
