package smtp

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestXtext(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		enc, dec string
		refused  bool
		other    bool // Not the form that is written.
	}{
		{enc: "", dec: ""},
		{enc: "QQ314159", dec: "QQ314159"},
		{enc: "a+2Bb+3Dc+20d", dec: "a+b=c d"},
		{enc: "+00+7F+FF", dec: "\x00\x7f\xff"},
		{enc: "+2b", dec: "+", other: true},
		{enc: "+41", dec: "A", other: true},
		{enc: "a b", refused: true},
		{enc: "a=b", refused: true},
		{enc: "+", refused: true},
		{enc: "+2", refused: true},
		{enc: "+2G", refused: true},
		{enc: "++2", refused: true},
		{enc: "+-1", refused: true},
		{enc: "ä", refused: true},
		{enc: "a\x00", refused: true},
	} {
		got, err := DecodeXtext(tc.enc)
		if got != tc.dec || (err != nil) != tc.refused || tc.refused && !errors.Is(err, ErrEncoding) {
			t.Errorf("DecodeXtext(%q) = %q, %v", tc.enc, got, err)
		}
		if enc := EncodeXtext(tc.dec); !tc.refused && !tc.other && enc != tc.enc {
			t.Errorf("EncodeXtext(%q) = %q", tc.dec, enc)
		}
	}
}

func TestOriginalRecipient(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		enc   string
		want  OriginalRecipient // Zero: refused.
		other bool              // Not the form that is written.
	}{
		{enc: "rfc822;Bob+2Btag@example.org", want: OriginalRecipient{"rfc822", "Bob+tag@example.org"}},
		{enc: "RFC822;bob@example.org", want: OriginalRecipient{"RFC822", "bob@example.org"}}, // RFC 3461 §5.2.1 d.
		{enc: `UTF-8;\x{E4}`, want: OriginalRecipient{"UTF-8", "ä"}},
		{enc: "rfc822;bob+0D+0ABcc:+20x@example.org"},
		{enc: "rfc822;+00"},
		{enc: "rfc822;+7F"},
		{enc: "rfc822;b+C3+B6b@example.org"},
		{enc: "x400;b\u00f6b"},
		{enc: `utf-8;\x{0A}`},
		{enc: `utf-8;\x{9B}`},
		{enc: "x400;/c=de", other: true},
		{enc: `utf-8;p\x{E4}ul@example.org`, want: OriginalRecipient{"utf-8", "päul@example.org"}},
		{enc: `utf-8;päul@example.org`, want: OriginalRecipient{"utf-8", "päul@example.org"}, other: true},
		{enc: `utf-8;a\x{2B}b\x{3D}\x{5C}\x{20}\x{1F600}`, want: OriginalRecipient{"utf-8", `a+b=\ 😀`}},
		{enc: `utf-8;a+2Bb@example.org`},
		{enc: `utf-8;\x{D800}`},
		{enc: `utf-8;\x{110000}`},
		{enc: `utf-8;\x{1}`},
		{enc: `utf-8;\x{41`},
		{enc: `utf-8;\x41`},
		{enc: `utf-8;\x{+41}`},
		{enc: "utf-8;\xff"},
		{enc: "bob@example.org"},
		{enc: "rfc822;"},
		{enc: ";bob@example.org"},
		{enc: "rf c;bob@example.org"},
		{enc: "ü;bob"},
		{enc: "rfc822;" + strings.Repeat("a", 488)},
		{enc: "rfc822;" + strings.Repeat("a", 487), want: OriginalRecipient{"rfc822", strings.Repeat("a", 487)}},
	} {
		got, err := ParseOriginalRecipient(tc.enc)
		if got != tc.want || (err != nil) != (tc.want == OriginalRecipient{}) {
			t.Errorf("%q: %+v, %v", tc.enc, got, err)
		}
		if err == nil && !tc.other && got.Encode() != tc.enc {
			t.Errorf("%q is encoded as %q", tc.enc, got.Encode())
		}
	}
}

func FuzzXtext(f *testing.F) {
	for _, s := range []string{"", "a+2Bb", "+", `\x{E4}`, "ä=+\\ \x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		enc := EncodeXtext(s)
		if !isXtextSafe(strings.ReplaceAll(enc, "+", "")) {
			t.Fatalf("%q is encoded as %q", s, enc)
		}
		if got, err := DecodeXtext(enc); got != s || err != nil {
			t.Fatalf("%q decodes as %q, %v", enc, got, err)
		}
		if utf8.ValidString(s) {
			enc := EncodeUnitext(s)
			if !isXtextSafe(enc) {
				t.Fatalf("%q is encoded as %q", s, enc)
			}
			if got, err := DecodeUnitext(enc); got != s || err != nil {
				t.Fatalf("%q decodes as %q, %v", enc, got, err)
			}
		}
		DecodeXtext(s)
		DecodeUnitext(s)
		if o, err := ParseOriginalRecipient(s); err == nil {
			if again, err := ParseOriginalRecipient(o.Encode()); len(o.Encode()) < 490 && (again != o || err != nil) {
				t.Fatalf("%q: %+v and again %+v, %v", s, o, again, err)
			}
		}
	})
}
