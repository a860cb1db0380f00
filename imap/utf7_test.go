package imap

import (
	"testing"
	"unicode/utf8"
)

func TestUTF7(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ enc, dec string }{
		{"", ""},
		{"INBOX", "INBOX"},
		{"a b~+/,-", "a b~+/,-"},
		{"&-", "&"},
		{"Q&-A", "Q&A"},
		{"&-&-", "&&"},
		{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"}, // RFC 3501 §5.1.3.
		{"&Jjo-!", "☺!"},
		{"&U,BTF2XlZyyKng-", "台北日本語"},
		{"&AOk-t&AOk-", "été"},
		{"Entw&APw-rfe", "Entwürfe"},
		{"&2D3eCg-", "😊"},
		{"&AOk-&-", "é&"},
		{"&-&AOk-", "&é"},
		{"&-&-&AOk-x&AOk-", "&&éxé"},
		{"&AH8-", "\x7f"},
		{"&AAA-", "\x00"},
		{"&,,8-", "\uffff"},
	} {
		if got, err := DecodeUTF7(tc.enc); got != tc.dec || err != nil {
			t.Errorf("decoding %q: got %q, %v", tc.enc, got, err)
		}
		if got := string(AppendUTF7([]byte("x"), tc.dec)); got != "x"+tc.enc {
			t.Errorf("encoding %q: got %q", tc.dec, got)
		}
	}
	for name, enc := range map[string]string{
		"no shift back":                 "&Jjo!", // RFC 3501 §5.1.3.
		"superfluous shift":             "&U,BTFw-&ZeVnLIqe-",
		"ends in base64":                "&Jjo",
		"single ampersand":              "&",
		"ampersand at end":              "abc&",
		"printable ASCII encoded":       "&AGE-",
		"printable ASCII among others":  "&AOkAYQ-",
		"ampersand encoded":             "&ACY-",
		"space encoded":                 "&ACA-",
		"tilde encoded":                 "&AH4-",
		"base64 with slash":             "&U/BTFw-",
		"base64 with padding":           "&AOk=-",
		"bits left over not zero":       "&AOl-",
		"a base64 character too many":   "&AOkA-",
		"one base64 character":          "&A-",
		"two base64 characters":         "&AA-",
		"first surrogate alone":         "&2D0-",
		"second surrogate alone":        "&3go-",
		"surrogates in the wrong order": "&3grYPQ-",
		"first surrogate, then other":   "&2D0A6Q-",
		"octet above 127":               "caf\xc3\xa9",
		"control character":             "a\tb",
		"NUL":                           "a\x00",
		"DEL":                           "a\x7f",
		"octet above 127 in base64":     "&\xc3\xa9-",
	} {
		if got, err := DecodeUTF7(enc); err != ErrUTF7 {
			t.Errorf("%s: %q: got %q, %v", name, enc, got, err)
		}
	}
	if got := string(AppendUTF7(nil, "a\xffb")); got != "a&,,0-b" {
		t.Errorf("not UTF-8: got %q", got)
	}
}

// Each name has one encoding only, so decoding and encoding are inverse in both directions.
func FuzzUTF7(f *testing.F) {
	for _, s := range []string{"INBOX", "&-", "&U,BTF2XlZyyKng-", "&Jjo!", "&2D3eCg-", "日本語", "😊é&", "a\x00b", "&AGE-", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if dec, err := DecodeUTF7(s); err == nil {
			if !utf8.ValidString(dec) {
				t.Fatalf("%q: decoded to %q, which is not UTF-8", s, dec)
			}
			if enc := string(AppendUTF7(nil, dec)); enc != s {
				t.Fatalf("%q: decoded to %q, encoded to %q", s, dec, enc)
			}
		}
		if utf8.ValidString(s) {
			enc := string(AppendUTF7(nil, s))
			if dec, err := DecodeUTF7(enc); dec != s || err != nil {
				t.Fatalf("%q: encoded to %q, decoded to %q, %v", s, enc, dec, err)
			}
		}
	})
}
