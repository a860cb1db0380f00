package dkim

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"mox/dns"
)

// rfc6376Field is the field of the example at the end of RFC 6376 §3.5.
const rfc6376Field = `DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=brisbane;
   c=simple; q=dns/txt; i=@eng.example.net;
   t=1117574938; x=1118006938;
   h=from:to:subject:date;
   z=From:foo@eng.example.net|To:joe@example.com|
    Subject:demo=20run|Date:July=205,=202005=203:44:08=20PM=20-0700;
   bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=;
   b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR
`

// TestSignatureExample parses the example of RFC 6376 §3.5.
func TestSignatureExample(t *testing.T) {
	t.Parallel()
	s, err := ParseSignature([]byte(crlf(rfc6376Field)))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Signature) != 48 || len(s.base64Signature) != 64 {
		t.Errorf("signature of %d bytes", len(s.Signature))
	}
	s.Signature, s.base64Signature = nil, ""
	want := &Signature{
		Algorithm:    RSASHA256,
		BodyHash:     []byte("12345678901234567890123456789012"),
		Header:       Simple,
		Body:         Simple,
		Domain:       dns.Domain{ASCII: "example.net"},
		SignedFields: []string{"from", "to", "subject", "date"},
		Identity:     &Identity{Domain: dns.Domain{ASCII: "eng.example.net"}},
		Length:       WholeBody,
		QueryMethods: []string{"dns/txt"},
		Selector:     dns.Domain{ASCII: "brisbane"},
		Time:         time.Unix(1117574938, 0),
		Expires:      time.Unix(1118006938, 0),
		CopiedFields: []string{"From:foo@eng.example.net", "To:joe@example.com", "Subject:demo run", "Date:July 5, 2005 3:44:08 PM -0700"},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

// signatureField returns a field whose tags are changed: each is a whole tag that replaces
// the one of its name or is added, or "-name" for one that is left out.
func signatureField(changes ...string) string {
	tags := []string{
		"v=1", "a=rsa-sha256", "d=example.org", "s=sel", "h=from:to",
		"bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=", "b=YWJj",
	}
next:
	for _, c := range changes {
		name, _, _ := strings.Cut(strings.TrimPrefix(c, "-"), "=")
		for i, tag := range tags {
			if n, _, _ := strings.Cut(tag, "="); n == name {
				if c[0] == '-' {
					tags = append(tags[:i:i], tags[i+1:]...)
				} else {
					tags[i] = c
				}
				continue next
			}
		}
		tags = append(tags, c)
	}
	return "DKIM-Signature: " + strings.Join(tags, "; ") + "\r\n"
}

// TestParseSignature goes through the tags of RFC 6376 §3.5.
func TestParseSignature(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		section string
		changes []string
		err     error
	}{
		{"RFC 6376 §3.5", nil, nil},
		{"RFC 6376 §3.5 unknown tags are ignored", []string{"foo=bar", "V=2"}, nil},
		{"RFC 6376 §3.2", []string{"foo=1", "Foo=1"}, nil},
		{"RFC 6376 §2.8 white space", []string{"h=from\r\n :\tto ", "v=\t1\r\n "}, nil},
		{"RFC 6376 §2.8 a line end without space after it", []string{"h=from:\r\nto"}, ErrSyntax},
		{"RFC 6376 §2.8 a bare LF is none", []string{"h=from:\n to"}, ErrSyntax},
		{"RFC 6376 §2.8 a bare CR is none", []string{"h=from:\r to"}, ErrSyntax},
		{"RFC 6376 §2.9 a local part may be quoted", []string{`i="a@b\"=20c"@example.org`}, nil},
		{"RFC 6376 §2.9 a quote without end", []string{`i="a@example.org`}, ErrSyntax},
		{"RFC 6376 §2.9 no control characters", []string{`i="a=0D=0Ab"@example.org`}, ErrSyntax},
		{"RFC 8463 §4.1 a=", []string{"a=ed25519-sha256"}, nil},
		{"RFC 8463 §4.1 a=", []string{"a=ed-25519-sha256"}, ErrSyntax},
		{"RFC 8616 §3 U-labels", []string{"s=s\u00e9l", "d=\u00fc.example"}, nil},
		{"RFC 8616 §3 no U-label", []string{"d=\u0488.example"}, ErrSyntax},
		{"RFC 8616 §3 names of tags are ASCII", []string{"\u00fc=1"}, ErrSyntax},
		{"RFC 8616 §3 names of fields are ASCII", []string{"h=from:\u00fc"}, ErrSyntax},
		{"RFC 6376 §3.2 duplicates", []string{"foo=1; foo=1"}, ErrSyntax},
		{"RFC 6376 §3.2 duplicates", []string{"to=1; d=example.org"}, ErrSyntax},

		{"RFC 6376 §3.5 v=", []string{"v= 1"}, nil},
		{"RFC 6376 §3.5 v=", []string{"-v"}, ErrMissingTag},
		{"RFC 6376 §6.1.1 v=", []string{"v=2"}, ErrVersion},
		{"RFC 6376 §6.1.1 v=", []string{"v=1.0"}, ErrVersion},
		{"RFC 6376 §6.1.1 v=", []string{"v=01"}, ErrVersion},
		{"RFC 6376 §6.1.1 v=", []string{"v="}, ErrVersion},

		{"RFC 6376 §3.5 a=", []string{"-a"}, ErrMissingTag},
		{"RFC 6376 §3.5 a=", []string{"a=RSA-SHA256"}, nil},
		{"RFC 6376 §3.5 a=", []string{"a=foo-bar"}, nil}, // Known by Check only.
		{"RFC 6376 §3.5 a=", []string{"a=rsa"}, ErrSyntax},
		{"RFC 6376 §3.5 a=", []string{"a="}, ErrSyntax},
		{"RFC 6376 §3.5 a=", []string{"a=rsa-"}, ErrSyntax},
		{"RFC 6376 §3.5 a=", []string{"a=rsa-sha256 x"}, ErrSyntax},
		{"RFC 6376 §3.5 a=", []string{"a=rsa-sha-256"}, ErrSyntax},

		{"RFC 6376 §3.5 b=", []string{"-b"}, ErrMissingTag},
		{"RFC 6376 §3.5 b=", []string{"b=YW\r\n\tJj "}, nil},
		{"RFC 6376 §3.5 b=", []string{"b="}, ErrSyntax},
		{"RFC 6376 §3.5 b=", []string{"b=!"}, ErrSyntax},
		{"RFC 6376 §3.5 bh=", []string{"-bh"}, ErrMissingTag},
		{"RFC 6376 §3.5 bh=", []string{"bh=YWJj"}, ErrSyntax}, // Not the size of the hash.
		{"RFC 6376 §3.5 bh=", []string{"bh="}, ErrSyntax},

		{"RFC 6376 §3.5 c=", []string{"c=relaxed"}, nil},
		{"RFC 6376 §3.5 c=", []string{"c=Relaxed/SIMPLE"}, nil},
		{"RFC 6376 §3.5 c=", []string{"c=foo/bar"}, nil}, // Known by Check only.
		{"RFC 6376 §3.5 c=", []string{"c="}, ErrSyntax},
		{"RFC 6376 §3.5 c=", []string{"c=simple/"}, ErrSyntax},
		{"RFC 6376 §3.5 c=", []string{"c=simple/simple/simple"}, ErrSyntax},

		{"RFC 6376 §3.5 d=", []string{"-d"}, ErrMissingTag},
		{"RFC 6376 §3.5 d=", []string{"d=EXAMPLE.org"}, nil},
		{"RFC 8616 §5 d=", []string{"d=\u00fc.example"}, nil},
		{"RFC 6376 §3.5 d=", []string{"d="}, ErrSyntax},
		{"RFC 6376 §3.5 d=", []string{"d=org"}, ErrSyntax},
		{"RFC 6376 §3.5 d=", []string{"d=example.org."}, ErrSyntax},
		{"RFC 6376 §3.5 d=", []string{"d=.example.org"}, ErrSyntax},
		{"RFC 6376 §3.5 d=", []string{"d=exa mple.org"}, ErrSyntax},
		{"RFC 6376 §3.5 d=", []string{"d=[127.0.0.1]"}, ErrSyntax},

		{"RFC 6376 §3.5 h=", []string{"-h"}, ErrMissingTag},
		{"RFC 6376 §3.5 h=", []string{"h= From \r\n\t: To"}, nil},
		{"RFC 6376 §3.5 h=", []string{"h=from:from:x-y_z"}, nil},
		{"RFC 6376 §3.5 h= must not be empty", []string{"h="}, ErrSyntax},
		{"RFC 6376 §3.5 h=", []string{"h=from:"}, ErrSyntax},
		{"RFC 6376 §3.5 h=", []string{"h=from::to"}, ErrSyntax},
		{"RFC 6376 §3.5 h=", []string{"h=from:t o"}, ErrSyntax},
		{"RFC 6376 §6.1.1 h= must have From", []string{"h=to:subject"}, ErrFromNotSigned},
		{"RFC 6376 §6.1.1 h= must have From", []string{"h=x-from:froms"}, ErrFromNotSigned},

		{"RFC 6376 §3.5 i=", []string{"i=@example.org"}, nil},
		{"RFC 6376 §3.5 i=", []string{"i=joe@sub.example.org"}, nil},
		{"RFC 6376 §3.5 i=", []string{"i=joe=20doe=40x@example.org"}, ErrSyntax},
		{"RFC 6376 §3.5 i=", []string{`i="joe=20doe=40x"@example.org`}, nil},
		{"RFC 6376 §3.10 i=", []string{"i=joe@a.b.c.example.org"}, nil},
		{"RFC 8616 §5 i=", []string{"i=j\u00f6@example.org"}, nil},
		{"RFC 6376 §6.1.1 i=", []string{"i=joe@example.com"}, ErrDomainMismatch},
		{"RFC 6376 §6.1.1 i=", []string{"i=joe@badexample.org"}, ErrDomainMismatch},
		{"RFC 6376 §6.1.1 i=", []string{"d=sub.example.org", "i=joe@example.org"}, ErrDomainMismatch},
		{"RFC 6376 §3.5 i=", []string{"i="}, ErrSyntax},
		{"RFC 6376 §3.5 i=", []string{"i=example.org"}, ErrSyntax},
		{"RFC 6376 §3.5 i=", []string{"i=joe@"}, ErrSyntax},
		{"RFC 6376 §3.5 i=", []string{"i=joe=4@example.org"}, ErrSyntax},
		{"RFC 6376 §3.5 i=", []string{"i=a..b@example.org"}, ErrSyntax},

		{"RFC 6376 §3.5 l=", []string{"l=0"}, nil},
		{"RFC 6376 §3.5 l= 76 digits", []string{"l=" + strings.Repeat("9", 76)}, nil},
		{"RFC 6376 §3.5 l= 77 digits", []string{"l=" + strings.Repeat("9", 77)}, ErrSyntax},
		{"RFC 6376 §3.5 l=", []string{"l="}, ErrSyntax},
		{"RFC 6376 §3.5 l=", []string{"l=-1"}, ErrSyntax},
		{"RFC 6376 §3.5 l=", []string{"l=+1"}, ErrSyntax},
		{"RFC 6376 §3.5 l=", []string{"l=1x"}, ErrSyntax},
		{"RFC 6376 §3.5 l=", []string{"l=1 2"}, ErrSyntax},

		{"RFC 6376 §3.5 q=", []string{"q=dns/txt"}, nil},
		{"RFC 6376 §3.5 q=", []string{"q=foo : dns/txt"}, nil},
		{"RFC 6376 §3.5 q= with arguments", []string{"q=foo/a=3Ab\r\n\t=3B:dns/txt"}, nil},
		{"RFC 6376 §3.5 q=", []string{"q="}, ErrSyntax},
		{"RFC 6376 §3.5 q=", []string{"q=dns/txt:"}, ErrSyntax},
		{"RFC 6376 §3.5 q=", []string{"q=dns/txt:a b"}, ErrSyntax},
		{"RFC 6376 §3.5 q=", []string{"q=dns/txt:1x"}, ErrSyntax},
		{"RFC 6376 §3.5 q=", []string{"q=dns/txt:foo/=3a"}, ErrSyntax},

		{"RFC 6376 §3.5 s=", []string{"-s"}, ErrMissingTag},
		{"RFC 6376 §3.1 s=", []string{"s=march2005.reykjavik"}, nil},
		{"RFC 6376 §3.1 s=", []string{"s=20260101"}, nil},
		{"RFC 6376 §3.1 s=", []string{"s="}, ErrSyntax},
		{"RFC 6376 §3.1 s=", []string{"s=a..b"}, ErrSyntax},
		{"RFC 6376 §3.1 s=", []string{"s=a b"}, ErrSyntax},
		{"RFC 6376 §3.1 s=", []string{"s=a/b"}, ErrSyntax},

		{"RFC 6376 §3.5 t=", []string{"t=0"}, nil},
		{"RFC 6376 §3.5 t= longer than 12 digits is infinite", []string{"t=" + strings.Repeat("9", 30)}, nil},
		{"RFC 6376 §3.5 t=", []string{"t="}, ErrSyntax},
		{"RFC 6376 §3.5 t=", []string{"t=now"}, ErrSyntax},
		{"RFC 6376 §3.5 x=", []string{"x=1"}, nil},
		{"RFC 6376 §3.5 x= after t=", []string{"t=1", "x=2"}, nil},
		{"RFC 6376 §3.5 x= after t=", []string{"t=2", "x=2"}, ErrSyntax},
		{"RFC 6376 §3.5 x= after t=", []string{"t=3", "x=2"}, ErrSyntax},
		{"RFC 6376 §3.5 x=", []string{"x=-1"}, ErrSyntax},

		{"RFC 6376 §3.5 z=", []string{"z=From:a=20b|To:|\r\n Subject: x y"}, nil},
		{"RFC 6376 §3.5 z=", []string{"z="}, ErrSyntax},
		{"RFC 6376 §3.5 z=", []string{"z=From"}, ErrSyntax},
		{"RFC 6376 §3.5 z=", []string{"z=From:a||To:b"}, ErrSyntax},
		{"RFC 6376 §3.5 z=", []string{"z=From:=xx"}, ErrSyntax},
	} {
		field := signatureField(tc.changes...)
		s, err := ParseSignature([]byte(field))
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %q: got error %v, want %v", tc.section, tc.changes, err, tc.err)
		}
		if tc.err == nil && s != nil {
			checkRoundTrip(t, s)
		}
	}
	for _, field := range []string{"", "\r\n", "From: v=1\r\n", "DKIM-Signature\r\n", signatureField() + "From: x\r\n", " " + signatureField()} {
		if _, err := ParseSignature([]byte(field)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: got error %v", field, err)
		}
	}
}

// checkRoundTrip composes a signature, in both spellings of domains, and parses it again.
func checkRoundTrip(t *testing.T, s *Signature) {
	t.Helper()
	for _, utf8 := range []bool{false, true} {
		field := s.AppendField(nil, utf8)
		got, err := ParseSignature(field)
		if err != nil {
			t.Fatalf("composed %q: %v", field, err)
		}
		want := *s
		want.base64Signature = got.base64Signature
		if !reflect.DeepEqual(got, &want) {
			t.Fatalf("composed %q: got %+v, want %+v", field, got, &want)
		}
	}
}

// TestDefaults is what absent tags mean (RFC 6376 §3.5, §6.1.1).
func TestDefaults(t *testing.T) {
	t.Parallel()
	s, err := ParseSignature([]byte(signatureField()))
	if err != nil {
		t.Fatal(err)
	}
	if s.Header != Simple || s.Body != Simple {
		t.Errorf("c= %s/%s", s.Header, s.Body)
	}
	if s.AUID().String() != "@example.org" {
		t.Errorf("i= %s", s.AUID())
	}
	if s.Length != WholeBody || !s.Time.IsZero() || !s.Expires.IsZero() || s.QueryMethods != nil {
		t.Errorf("got %+v", s)
	}
	if s, err = ParseSignature([]byte(signatureField("c=relaxed"))); err != nil || s.Header != Relaxed || s.Body != Simple {
		t.Errorf("c=relaxed: %+v, %v", s, err)
	}
}

// TestCheckSignature is what may be unknown in a well-formed signature.
func TestCheckSignature(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for _, tc := range []struct {
		section string
		changes []string
		err     error
	}{
		{"RFC 6376 §3.3", nil, nil},
		{"RFC 8463 §3", []string{"a=ed25519-sha256"}, nil},
		{"RFC 8301 §3.1", []string{"a=rsa-sha1", "bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="}, ErrSHA1},
		{"RFC 6376 §3.3.4", []string{"a=rsa-sha512"}, ErrAlgorithm},
		{"RFC 6376 §3.3.4", []string{"a=ed25519-sha1"}, ErrAlgorithm},
		{"RFC 6376 §3.4", []string{"c=foo/simple"}, ErrCanonicalization},
		{"RFC 6376 §3.4", []string{"c=simple/nowsp"}, ErrCanonicalization},
		{"RFC 6376 §3.5 q=", []string{"q=foo:dns/txt"}, nil},
		{"RFC 6376 §3.5 q= has no case", []string{"q=DNS/txt"}, nil},
		{"RFC 6376 §3.5 q=", []string{"q=dns"}, ErrQuery},
		{"RFC 6376 §3.5 q=", []string{"q=http/rest"}, ErrQuery},
		{"RFC 6376 §3.5 x=", []string{"x=1000"}, nil},
		{"RFC 6376 §6.1.1 x=", []string{"x=999"}, ErrExpired},
		{"RFC 6376 §3.5 x= longer than 12 digits is infinite", []string{"x=" + strings.Repeat("9", 40)}, nil},
	} {
		s, err := ParseSignature([]byte(signatureField(tc.changes...)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(now); !errors.Is(err, tc.err) {
			t.Errorf("%s: %q: got error %v, want %v", tc.section, tc.changes, err, tc.err)
		}
	}
}

// TestARCMessageSignature is RFC 8617 §4.1.2: i= is the instance, and v= is unknown.
func TestARCMessageSignature(t *testing.T) {
	t.Parallel()
	arc := func(changes ...string) string {
		return "ARC-Message-Signature" + strings.TrimPrefix(signatureField(changes...), "DKIM-Signature")
	}
	for _, changes := range [][]string{{"-v", "i=3"}, {"v=7", "i=3"}} {
		s, err := ParseSignature([]byte(arc(changes...)))
		if err != nil || s.Instance != 3 || s.Identity != nil {
			t.Fatalf("got %+v, %v", s, err)
		}
		checkRoundTrip(t, s)
		if !bytes.HasPrefix(s.AppendField(nil, false), []byte("ARC-Message-Signature: i=3; a=")) {
			t.Errorf("composed %q", s.AppendField(nil, false))
		}
	}
	for _, tc := range []struct {
		change string
		err    error
	}{{"-v", ErrMissingTag}, {"i=0", ErrSyntax}, {"i=@example.org", ErrSyntax}, {"i=1000", ErrSyntax}} {
		if _, err := ParseSignature([]byte(arc(tc.change))); !errors.Is(err, tc.err) {
			t.Errorf("%s: %v", tc.change, err)
		}
	}
}

// TestFolding: lines of a composed field keep to 78 characters (RFC 5322 §2.1.1).
func TestFolding(t *testing.T) {
	t.Parallel()
	s, err := ParseSignature([]byte(signatureField("h="+strings.Repeat("from:message-id:", 30)+"to",
		"b="+strings.Repeat("YWJj", 171), "z=Subject:"+strings.Repeat("=20abc", 100), "i="+strings.Repeat("joe.", 14)+"joe@example.org")))
	if err != nil {
		t.Fatal(err)
	}
	field := s.AppendField(nil, false)
	for line := range strings.SplitSeq(strings.TrimSuffix(string(field), "\r\n"), "\r\n") {
		if len(line) > 78 || strings.TrimSpace(line) == "" {
			t.Errorf("line %q", line)
		}
	}
	checkRoundTrip(t, s)
}
