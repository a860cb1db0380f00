package dkim

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestTagList is RFC 6376 §3.2.
func TestTagList(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want []string // name=value; nil is an error.
	}{
		{"a=b", []string{"a=b"}},
		{"a=b;", []string{"a=b"}},
		{"a=b; \t", []string{"a=b"}},
		{"a=b;\r\n\t", []string{"a=b"}},
		{" \ta = b\t ; c=\r\n d", []string{"a=b", "c=d"}},
		// White space in a value is kept, around it not.
		{"a= b  c\r\n\td ;", []string{"a=b  c\r\n\td"}},
		// An empty value is a value.
		{"a=; b= \t;c=", []string{"a=", "b=", "c="}},
		// Names and values have case.
		{"a=X;A=x", []string{"a=X", "A=x"}},
		{"a1_=x=y", []string{"a1_=x=y"}},
		// RFC 8616 §5.
		{"a=\u00e4", []string{"a=\u00e4"}},

		{strings.Repeat("a", 5000) + "=", []string{strings.Repeat("a", 5000) + "="}},

		{strings.TrimPrefix(distinct("=;x", 10_000), "=;") + "=", nil}, // Thousands.
		{"", nil},
		{" ", nil},
		{";", nil},
		{"a", nil},
		{"a=b;c", nil},
		{"a=b;;c=d", nil},
		{"a=b; ;c=d", nil},
		{";a=b", nil},
		{"a=b;a=c", nil},
		{"a=b;c=d;a=b", nil},
		{"=b", nil},
		{"1a=b", nil},
		{"_a=b", nil},
		{"a-b=c", nil},
		{"a b=c", nil},
		{"\u00e4=b", nil},
		{"a=b\r\nc=d", nil},
		{"a=b\rc", nil},
		{"a=b\n c", nil},
		{"a=b\x00", nil},
		{"a=b\x7f", nil},
		{"a=\xff", nil},
	} {
		l, err := ParseTagList([]byte(tc.in))
		if tc.want == nil {
			if !errors.Is(err, ErrSyntax) {
				t.Errorf("%q: got %v, %v", tc.in, l, err)
			}
			continue
		}
		var got []string
		for _, tag := range l {
			got = append(got, tag.Name+"="+tag.Value)
			if s := trimFWS(tc.in[tag.Start:tag.End]); s != tag.Value {
				t.Errorf("%q: offsets of %s= give %q", tc.in, tag.Name, s)
			}
		}
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%q: got %q, %v", tc.in, got, err)
		}
	}
}

// TestBase64 is base64string of RFC 6376 §2.10.
func TestBase64(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"YWJj", "abc"},
		{"YW\r\n Jj", "abc"},
		{" Y W J j ", "abc"},
		{"YWI=", "ab"},
		{"YQ==", "a"},
		{"YQ= =", "a"},
		{"YQ", "a"},
		{"", ""},
		{"=", ""},
		{"Y", ""},
		{"YQ===", ""},
		{"Y!Jj", ""},
		{"YW-_", ""},
		{"YQ==YQ==", ""},
		{"\u00e4", ""},
	} {
		b, err := DecodeBase64(tc.in)
		if string(b) != tc.want || (err == nil) != (tc.want != "") || err != nil && !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: got %q, %v", tc.in, b, err)
		}
	}
}

// TestQuotedPrintable is RFC 6376 §2.11.
func TestQuotedPrintable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in, want string
		ok       bool
	}{
		{"", "", true},
		{"a=20b", "a b", true},
		{"a b\r\n c", "abc", true},
		{"=4\r\n 1", "A", true},
		{"=3B=3D", ";=", true},
		{"=C3=A4\u00e4", "\u00e4\u00e4", true},
		{"=", "", false},
		{"=4", "", false},
		{"=4g", "", false},
		{"=4a", "", false}, // No lower case.
		{"a=\r\n", "", false},
	} {
		got, err := decodeQP(tc.in, true)
		if got != tc.want || (err == nil) != tc.ok {
			t.Errorf("%q: got %q, %v", tc.in, got, err)
		}
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	enc := encodeQP(string(all), "|")
	if i := strings.IndexFunc(enc, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ';' || r == '|' }); i >= 0 {
		t.Errorf("%q not encoded", enc[i])
	}
	if dec, err := decodeQP(enc, true); dec != string(all) || err != nil {
		t.Errorf("got %q, %v", dec, err)
	}
}
