package dkim

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"mox/dns"
)

// TestStatuses: each reason has a status of RFC 8601 §2.7.1, of which only that of a key server that does not answer is
// temporary (RFC 6376 §3.9, §6.3), and says itself in a few words that are safe in a header.
func TestStatuses(t *testing.T) {
	t.Parallel()
	temporary := 0
	for _, v := range verdicts() {
		switch v.status {
		case StatusFail, StatusPolicy, StatusNeutral, StatusPermerror:
		case StatusTemperror:
			temporary++
			if !errors.Is(v.err, ErrKeyUnavailable) {
				t.Errorf("%v is temporary", v.err)
			}
		default:
			t.Errorf("%v has status %q", v.err, v.status)
		}
		reason := Result{Err: v.err}.Reason()
		if reason == "" || len(reason) > 60 || strings.ContainsAny(reason, "\r\n\"\\;") {
			t.Errorf("reason %q", reason)
		}
	}
	if temporary != 1 {
		t.Errorf("%d temporary reasons", temporary)
	}
}

// TestOutput: domain and result are told of signatures that pass and of those that cannot be verified now; what cannot be
// read has no domain to trust (RFC 6376 §3.9, §3.11). The identity is that of d= without i= (RFC 6376 §6.1.1).
func TestOutput(t *testing.T) {
	t.Parallel()
	key := testKey(t, "ed25519")
	const base = "v=1; a=ed25519-sha256; d=example.org; h=from; bh=@bh; s=ed25519"
	failing := &dns.MemResolver{Fail: []string{"ed25519._domainkey.example.org"}}
	for _, tc := range []struct {
		what, value string
		resolver    dns.Resolver
		status      Status
		err         error
		auid        string
	}{
		{"passes", base, testResolver(t), StatusPass, nil, "@example.org"},
		{"passes with i=", base + "; i=joe@sub.example.org", testResolver(t), StatusPass, nil, "joe@sub.example.org"},
		{"key server does not answer", base, failing, StatusTemperror, ErrKeyUnavailable, "@example.org"},
		{"no key", base, &dns.MemResolver{}, StatusPermerror, ErrNoKey, "@example.org"},
	} {
		r := verifyOne(t, tc.resolver, naiveSign(t, key, tc.value, testMessage), Options{})
		r.check(t, tc.what, tc.status, tc.err)
		if s := r.Signature; s == nil || s.Domain.ASCII != "example.org" || s.AUID().String() != tc.auid {
			t.Errorf("%s: signature %+v", tc.what, s)
		}
	}
	r := verifyOne(t, testResolver(t), "DKIM-Signature: d=example.org\r\n"+testMessage, Options{})
	r.check(t, "unreadable", StatusPermerror, ErrMissingTag)
	if r.Signature != nil {
		t.Errorf("unreadable: %+v", r.Signature)
	}
}

// TestKeyOfSignature: the key is that of q=, d= and s= together, and of nothing else (RFC 6376 §3.6, §3.6.2). The domain
// of i= or of From has no say in it.
func TestKeyOfSignature(t *testing.T) {
	t.Parallel()
	record := testRecord(t, "ed25519", "")
	msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; i=@sub.example.org; q=dns/txt; s=sel; h=from; bh=@bh", testMessage)
	for name, want := range map[string]error{
		"sel._domainkey.example.org":     nil,
		"sel._domainkey.sub.example.org": ErrNoKey,
		"sel._domainkey.org":             ErrNoKey,
		"_domainkey.example.org":         ErrNoKey,
		"sel.example.org":                ErrNoKey,
		"example.org":                    ErrNoKey,
	} {
		r := verifyOne(t, &dns.MemResolver{TXT: map[string][]string{name: {record}}}, msg, Options{})
		if !errors.Is(r.Err, want) {
			t.Errorf("key at %s: %v, want %v", name, r.Err, want)
		}
	}
}

// TestSeveralKeys: strings of one record are joined, several records of a selector are a mistake that is borne
// (RFC 6376 §3.6.2.2).
func TestSeveralKeys(t *testing.T) {
	t.Parallel()
	msg := naiveSign(t, testKey(t, "rsa2048"), "v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=@bh", testMessage)
	record := testRecord(t, "rsa2048", "")
	for _, tc := range []struct {
		what  string
		texts []string
		err   error
	}{
		{"one", []string{record}, nil},
		{"the other is no key", []string{"v=spf1 -all", record}, nil},
		{"the other is of another", []string{testRecord(t, "rsa1024", ""), record}, nil},
		{"the strings of one apart", []string{record[:255], record[255:]}, ErrKeySyntax},
		{"joined with a space in k=", []string{strings.Replace(record, "; p=", "; k=r sa; p=", 1)}, ErrKeySyntax},
		{"all of others", []string{testRecord(t, "rsa1024", ""), testRecord(t, "rsa4096", "")}, ErrSignature},
	} {
		r := verifyOne(t, &dns.MemResolver{TXT: map[string][]string{"sel._domainkey.example.org": tc.texts}}, msg, Options{})
		if !errors.Is(r.Err, tc.err) || (tc.err == nil) != (r.Status == StatusPass) {
			t.Errorf("%s: %s, %v; want %v", tc.what, r.Status, r.Err, tc.err)
		}
	}
}

// TestInvalidInput: what others may read in another way is neither signed nor verified (RFC 6376 §3.8, §8.15).
func TestInvalidInput(t *testing.T) {
	t.Parallel()
	const from = "From: joe@example.org\r\n"
	for _, tc := range []struct {
		what, header string
		sign, verify error
	}{
		{"valid", from + "To: a\r\n", nil, nil},
		{"valid, folded", from + "To:\r\n a\r\n", nil, nil},
		{"a line that is no field", from + "nonsense\r\n", ErrHeader, ErrHeader},
		{"a name with a space", from + "a b: c\r\n", ErrHeader, ErrHeader},
		{"no name", from + ": c\r\n", ErrHeader, ErrHeader},
		{"begun by folding", " a\r\n" + from, ErrHeader, ErrHeader},
		{"a line end that is hidden", from + "To: a\nFrom: eve@example.org\r\n", ErrHeader, ErrNotAllSigned},
	} {
		if _, err := testSigner(t, nil).Sign(strings.NewReader(tc.header + "\r\nx\r\n")); !errors.Is(err, tc.sign) || (err == nil) != (tc.sign == nil) {
			t.Errorf("%s: signing: %v", tc.what, err)
		}
		// A signature of From alone, over a header which it cannot vouch for.
		msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; d=example.org; s=ed25519; h=from; bh=@bh", from+"\r\nx\r\n")
		field, _, _ := strings.Cut(msg, "From:")
		if strings.HasPrefix(tc.header, " ") {
			field = "" // It would be folded otherwise.
			if results := verifyString(t, testResolver(t), tc.header+msg, Options{Now: testNow}); len(results) != 1 || !errors.Is(results[0].Err, tc.verify) {
				t.Errorf("%s: %+v", tc.what, results)
			}
			continue
		}
		r := verifyOne(t, testResolver(t), field+tc.header+"\r\nx\r\n", Options{})
		if !errors.Is(r.Err, tc.verify) || (tc.verify == nil) != (r.Status == StatusPass) {
			t.Errorf("%s: verifying: %s, %v", tc.what, r.Status, r.Err)
		}
	}
}

// TestRecommendedFields: the core of a message is signed by default, so that a replay has to have it (RFC 6376 §5.4.1),
// and nothing that changes on the way (RFC 6376 §5.4, §8.12).
func TestRecommendedFields(t *testing.T) {
	t.Parallel()
	names := append(DefaultOversigned(), DefaultSigned()...)
	signs := func(name string) bool { return (&Signature{SignedFields: names}).Signs(name) > 0 }
	for _, name := range []string{
		"From", "Reply-To", "Subject", "Date", "To", "Cc", "In-Reply-To", "References", "List-Id", "List-Help", "List-Unsubscribe",
		"List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Message-ID", "MIME-Version", "Content-Type",
	} {
		if !signs(name) {
			t.Errorf("%s is not signed", name)
		}
	}
	for _, name := range []string{
		"Return-Path", "Received", "DKIM-Signature", "Bcc", "Comments", "Keywords", "Delivered-To", "Authentication-Results", "ARC-Seal",
	} {
		if signs(name) {
			t.Errorf("%s is signed", name)
		}
	}
}

// TestInserted: fields go in front of all others, those of other signers stay as they are and count as before, and with
// keys of both types each has its own selector and the same domain (RFC 6376 §4.2, §5.6; RFC 8463 §5, §6).
func TestInserted(t *testing.T) {
	t.Parallel()
	msg := naiveSign(t, testKey(t, "rsa1024"), "v=1; a=rsa-sha256; d=example.org; s=rsa1024; h=from; bh=@bh", testMessage)
	fields, err := testSigner(t, nil).Sign(strings.NewReader(msg))
	if err != nil {
		t.Fatal(err)
	}
	results := verifyString(t, testResolver(t), string(fields)+msg, Options{Now: testNow})
	for i, want := range []string{"rsa2048 rsa-sha256", "ed25519 ed25519-sha256", "rsa1024 rsa-sha256"} {
		r := results[i]
		if got := r.Signature.Selector.ASCII + " " + string(r.Signature.Algorithm); got != want || r.Status != StatusPass || r.Signature.Domain.ASCII != "example.org" {
			t.Errorf("signature %d: %s, %s, %v; want %s", i, got, r.Status, r.Err, want)
		}
	}
	// A change breaks all, but the result of each is its own: the last does not sign Subject.
	changed := strings.Replace(msg, "Subject:", "Subject: free", 1)
	results = verifyString(t, testResolver(t), string(fields)+changed, Options{Now: testNow})
	for i, want := range []Status{StatusFail, StatusFail, StatusPass} {
		if results[i].Status != want {
			t.Errorf("changed: signature %d: %s, %v", i, results[i].Status, results[i].Err)
		}
	}
}

// TestParentDomains: a domain signs for what is below it, and for nothing else (RFC 6376 §3.10); whom to believe that is
// for Options to say (RFC 6376 §8.14).
func TestParentDomains(t *testing.T) {
	t.Parallel()
	registry := Options{RefuseDomain: func(d dns.Domain) bool { return d.ASCII == "co.example" }}
	for _, tc := range []struct {
		d, i string
		opts Options
		err  error
	}{
		{"example.org", "example.org", Options{}, nil},
		{"example.org", "a.b.example.org", Options{}, nil},
		{"co.example", "victim.co.example", Options{}, nil},
		{"co.example", "victim.co.example", registry, ErrDomain},
		{"b.example.org", "a.example.org", Options{}, ErrDomainMismatch},
		{"example.org", "evilexample.org", Options{}, ErrDomainMismatch},
		{"sub.example.org", "example.org", Options{}, ErrDomainMismatch},
	} {
		msg := naiveSign(t, testKey(t, "ed25519"), "v=1; a=ed25519-sha256; h=from; bh=@bh; s=sel; d="+tc.d+"; i=@"+tc.i, testMessage)
		resolver := &dns.MemResolver{TXT: map[string][]string{"sel._domainkey." + tc.d: {testRecord(t, "ed25519", "")}}}
		if r := verifyOne(t, resolver, msg, tc.opts); !errors.Is(r.Err, tc.err) || (tc.err == nil) != (r.Status == StatusPass) {
			t.Errorf("d=%s i=@%s: %s, %v; want %v", tc.d, tc.i, r.Status, r.Err, tc.err)
		}
	}
}

// TestNothingGoesOn: however a Verifier is left, its lookups end with Close, which the end of a test in a bubble waits
// for (RFC 6376 §8.4).
func TestNothingGoesOn(t *testing.T) {
	t.Parallel()
	msg := ""
	for _, selector := range []string{"a", "b", "c"} {
		msg += signatureField("s=" + selector)
	}
	msg += testMessage
	hanging := &dns.MemResolver{Before: func(ctx context.Context, typ, name string) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	for what, leave := range map[string]func(t *testing.T, v *Verifier, cancel func()){
		"closed before the header": func(t *testing.T, v *Verifier, _ func()) { v.Close() },
		"closed twice within the body": func(t *testing.T, v *Verifier, _ func()) {
			v.Write([]byte(msg))
			v.Close()
			v.Close()
		},
		"closed while the header comes": func(t *testing.T, v *Verifier, _ func()) {
			v.Write([]byte(msg[:50]))
			v.Close()
			v.Write([]byte(msg[50:]))
		},
		"context ended": func(t *testing.T, v *Verifier, cancel func()) {
			v.Write([]byte(msg))
			cancel()
		},
		"results after Close": func(t *testing.T, v *Verifier, _ func()) {
			v.Write([]byte(msg))
			v.Close()
			for _, r := range v.Results(context.Background()) {
				r.check(t, "results after Close", StatusTemperror, ErrKeyUnavailable)
			}
		},
		"results with a context that has ended": func(t *testing.T, v *Verifier, _ func()) {
			v.Write([]byte(msg))
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			results := v.Results(ctx)
			if len(results) != 3 {
				t.Fatalf("%d results", len(results))
			}
			for _, r := range results {
				r.check(t, "ended", StatusTemperror, ErrKeyUnavailable)
			}
			v.Write([]byte("more")) // Nothing comes of it.
			if again := v.Results(context.Background()); len(again) != 3 {
				t.Errorf("again: %+v", again)
			}
		},
		"closed from elsewhere": func(t *testing.T, v *Verifier, _ func()) {
			v.Write([]byte(msg))
			go v.Close()
			if results := v.Results(context.Background()); len(results) != 3 {
				t.Errorf("%d results", len(results))
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				v := NewVerifier(ctx, hanging, Options{Now: testNow})
				leave(t, v, cancel)
				synctest.Wait()
				cancel()
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader([]byte(msg))))
		if _, err := Verify(context.Background(), hanging, r, Options{}); !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("reader that fails: %v", err)
		}
	})
}
