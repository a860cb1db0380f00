package dkim

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestCanonicalizationExamples is RFC 6376 §3.4.5, examples 1 to 3.
func TestCanonicalizationExamples(t *testing.T) {
	t.Parallel()
	header := "A: X\r\nB : Y\t\r\n\tZ  \r\n"
	body := " C \r\nD \t E\r\n\r\n\r\n"
	for _, tc := range []struct {
		hc, bc       Canonicalization
		header, body string
	}{
		{Relaxed, Relaxed, "a:X\r\nb:Y Z\r\n", " C\r\nD E\r\n"},
		{Simple, Simple, header, " C \r\nD \t E\r\n"},
		{Relaxed, Simple, "a:X\r\nb:Y Z\r\n", " C \r\nD \t E\r\n"},
	} {
		var got []byte
		for _, f := range ParseHeader([]byte(header)).Fields() {
			got = AppendHeaderField(got, f.Raw, tc.hc)
		}
		if string(got) != tc.header {
			t.Errorf("header %s: %q", tc.hc, got)
		}
		if sum := bodyIn(tc.bc, []byte(body), 100); sum != sha256.Sum256([]byte(tc.body)) {
			t.Errorf("body %s", tc.bc)
		}
	}
}

// TestHeaderCanonicalization is RFC 6376 §3.4.1 and §3.4.2.
func TestHeaderCanonicalization(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ field, simple, relaxed string }{
		{"SUBJect: AbC\r\n", "SUBJect: AbC\r\n", "subject:AbC\r\n"},
		{"Subject:\r\n", "Subject:\r\n", "subject:\r\n"},
		{"Subject:  \t \r\n", "Subject:  \t \r\n", "subject:\r\n"},
		{"Subject \t: a\r\n", "Subject \t: a\r\n", "subject:a\r\n"},
		{"Subject: a\r\n b\r\n\t c \r\n", "Subject: a\r\n b\r\n\t c \r\n", "subject:a b c\r\n"},
		{"Subject:\r\n a\r\n", "Subject:\r\n a\r\n", "subject:a\r\n"},
		{"Subject: a \t b\r\n", "Subject: a \t b\r\n", "subject:a b\r\n"},
		{"Subject: a: b\r\n", "Subject: a: b\r\n", "subject:a: b\r\n"},
		{"Subject: \xc3\x84 \xff\r\n", "Subject: \xc3\x84 \xff\r\n", "subject:\xc3\x84 \xff\r\n"},
		// A bare CR is text, not white space.
		{"Subject: a\rb\r\n", "Subject: a\rb\r\n", "subject:a\rb\r\n"},
		// Each field ends in one CRLF (RFC 6376 §3.7), the last of a header without body too.
		{"Subject: a", "Subject: a\r\n", "subject:a\r\n"},
	} {
		if got := AppendHeaderField(nil, []byte(tc.field), Simple); string(got) != tc.simple {
			t.Errorf("%q simple: %q", tc.field, got)
		}
		if got := AppendHeaderField(nil, []byte(tc.field), Relaxed); string(got) != tc.relaxed {
			t.Errorf("%q relaxed: %q", tc.field, got)
		}
	}
}

// TestBodyCanonicalization is RFC 6376 §3.4.3 and §3.4.4, each body in pieces of all sizes.
func TestBodyCanonicalization(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ body, simple, relaxed string }{
		{"", "\r\n", ""},
		{"\r\n", "\r\n", ""},
		{"\r\n\r\n\r\n", "\r\n", ""},
		{"a", "a\r\n", "a\r\n"},
		{"a\r\n", "a\r\n", "a\r\n"},
		{"a\r\n\r\n\r\n", "a\r\n", "a\r\n"},
		{"\r\n\r\na", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
		{"a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
		{" ", " \r\n", ""},
		{" \r\n", " \r\n", ""},
		{"\t \r\n \r\n", "\t \r\n \r\n", ""},
		{"a\r\n \t\r\n", "a\r\n \t\r\n", "a\r\n"},
		{"a\r\n \r\nb", "a\r\n \r\nb\r\n", "a\r\n\r\nb\r\n"},
		{"a \r\n", "a \r\n", "a\r\n"},
		{"a \t", "a \t\r\n", "a\r\n"},
		{" a", " a\r\n", " a\r\n"},
		{"\t a", "\t a\r\n", " a\r\n"},
		{"a\tb", "a\tb\r\n", "a b\r\n"},
		{"a  b \t c\r\n", "a  b \t c\r\n", "a b c\r\n"},
		// CR and LF alone are text.
		{"a\r", "a\r\r\n", "a\r\r\n"},
		{"a\n", "a\n\r\n", "a\n\r\n"},
		{"a\r\r\n", "a\r\r\n", "a\r\r\n"},
		{"a\n\r\n", "a\n\r\n", "a\n\r\n"},
		{"a \r b\r\n", "a \r b\r\n", "a \r b\r\n"},
		{"a \n b\r\n", "a \n b\r\n", "a \n b\r\n"},
		{"\r\r\r\n\r\n", "\r\r\r\n", "\r\r\r\n"},
		{"\r", "\r\r\n", "\r\r\n"},
		{"\n", "\n\r\n", "\n\r\n"},
		{"\x00\x0b\x7f\xff \x00\r\n", "\x00\x0b\x7f\xff \x00\r\n", "\x00\x0b\x7f\xff \x00\r\n"},
		{"one two three four five six  seven\r\neight \r\n", "one two three four five six  seven\r\neight \r\n", "one two three four five six seven\r\neight\r\n"},
	} {
		for size := 1; size <= len(tc.body)+1; size++ {
			if bodyIn(Simple, []byte(tc.body), size) != sha256.Sum256([]byte(tc.simple)) {
				t.Errorf("%q simple in pieces of %d", tc.body, size)
			}
			if bodyIn(Relaxed, []byte(tc.body), size) != sha256.Sum256([]byte(tc.relaxed)) {
				t.Errorf("%q relaxed in pieces of %d", tc.body, size)
			}
		}
	}
}

// TestEmptyBodyHash has the values of RFC 6376 §3.4.3 and §3.4.4.
func TestEmptyBodyHash(t *testing.T) {
	t.Parallel()
	for c, want := range map[Canonicalization]string{
		Simple:  "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=",
		Relaxed: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
	} {
		sum := bodyIn(c, nil, 1)
		if got := base64.StdEncoding.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: %s", c, got)
		}
	}
}

// TestBodyAgainstNaive compares with the slow canonicalization on bodies made of what
// matters to it.
func TestBodyAgainstNaive(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	atoms := []string{" ", "  ", "\t", "\r\n", "\r\n", "\r", "\n", "a", "word", "words and more", "\x00", "\xe4", "\r\n\r\n", "abcdefg", strings.Repeat("long ", 1000)}
	for range 1000 {
		var b strings.Builder
		for range rnd.IntN(40) {
			b.WriteString(atoms[rnd.IntN(len(atoms)-1+rnd.IntN(2))])
		}
		checkBody(t, b.String(), rnd)
	}
}

// checkBody compares hashes of a body in random pieces, whole and limited, with naiveBody.
func checkBody(t *testing.T, body string, rnd *rand.Rand) {
	t.Helper()
	for _, c := range []Canonicalization{Simple, Relaxed} {
		want := naiveBody(body, c)
		limit := int64(rnd.IntN(len(want) + 2))
		h := NewBodyHasher(c, WholeBody, limit, 0)
		for p := []byte(body); len(p) > 0; {
			n := 1 + rnd.IntN(len(p))
			if rnd.IntN(2) == 0 {
				n = min(n, 1+rnd.IntN(8))
			}
			h.Write(p[:n])
			p = p[n:]
		}
		if sum, err := h.Sum(WholeBody); err != nil || sum != sha256.Sum256([]byte(want)) {
			t.Fatalf("%s of %q is not %q", c, body, want)
		}
		if h.Len() != int64(len(want)) {
			t.Fatalf("%s of %q has length %d, want %d", c, body, h.Len(), len(want))
		}
		sum, err := h.Sum(limit)
		if limit > int64(len(want)) {
			if !errors.Is(err, ErrBodyLength) {
				t.Fatalf("%s of %q with l=%d: %v", c, body, limit, err)
			}
		} else if err != nil || sum != sha256.Sum256([]byte(want[:limit])) {
			t.Fatalf("%s of %q with l=%d is not that of %q", c, body, limit, want[:limit])
		}
		if sum, err := h.Sum(0); err != nil || sum != sha256.Sum256(nil) {
			t.Fatalf("%s of %q with l=0", c, body)
		}
	}
}
