package message

import (
	"testing"
)

func TestDecodeText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, want string
		ok       bool
	}{
		{"plain text", "plain text", true},
		{"", "", true},
		{"  spaces around\t", "spaces around", true},
		{"folded\r\n    line\r\n\tand more", "folded line and more", true},
		{"two  spaces stay", "two  spaces stay", true},

		// RFC 2047 §8.
		{"=?ISO-8859-1?Q?a?=", "a", true},
		{"=?ISO-8859-1?Q?a?= b", "a b", true},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab", true},
		{"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab", true},
		{"=?ISO-8859-1?Q?a?=\r\n       =?ISO-8859-1?Q?b?=", "ab", true},
		{"=?ISO-8859-1?Q?a_b?=", "a b", true},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b", true},
		{"=?US-ASCII?Q?Keith_Moore?= <x>", "Keith Moore <x>", true},
		{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=", "If you can read this you understand the example.", true},

		{"=?utf-8*de?q?=C3=A4?=", "ä", true}, // RFC 2231 §5
		{"=?UTF-8?b?w6TDtg==?= =?utf-8?q?=C3=BC?=", "äöü", true},
		{"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本", true},
		{"=?gb2312?B?1tDOxA==?=", "中文", true},
		{"=?ks_c_5601-1987?B?x9Gx2w==?=", "한글", true},
		{"=?koi8-r?B?8NLJ18XU?=", "Привет", true},
		{"=?utf-7?Q?+AOQ-?=", "ä", true},

		// What senders do.
		{"=?utf-8?b?ww==?= =?utf-8?b?pA==?=", "ä", true},                   // A character cut by words.
		{"a=?utf-8?q?b?=c", "abc", true},                                   // Inside a word.
		{"=?utf-8?q?a?==?utf-8?q?b?=", "ab", true},                         // Without space.
		{"=?utf-8?Q?with spaces in it?=", "with spaces in it", true},       // Spaces.
		{"\"=?utf-8?q?quoted?=\"", "\"quoted\"", true},                     // In quotes.
		{"=?utf-8?B?SGVsbG8gd29ybGQ?=", "Hello world", true},               // Without padding.
		{"=?utf-8?B?SGVs bG8=?=", "Hello", true},                           // White space in base64.
		{"=?utf-8?B?SGVsbG8=?", "Hello", true},                             // Not closed.
		{"=?utf-8?B?SGVsbG8=", "Hello", true},                              // Not closed at all.
		{"=?utf-8?Q?a=ZZb=?=", "a=ZZb=", true},                             // Broken escapes.
		{"=?utf-8?Q?50%_off=3F?=", "50% off?", true},                       //
		{"=?utf-8?Q?what?_yes?=", "what? yes", true},                       // Question marks.
		{"J\xc3\xb6rg", "Jörg", true},                                      // Raw UTF-8.
		{"J\xf6rg \x80", "Jörg €", false},                                  // Raw windows-1252.
		{"=?utf-8?q?=E9t=E9?=", "\ufffdt\ufffd", false},                    // Not the charset it claims.
		{"=?nonsense?q?=C3=A4?=", "ä", false},                              // Unknown, but UTF-8.
		{"=?nonsense?q?=E4?=", "ä", false},                                 // Unknown.
		{"=?us-ascii?q?=C3=A4?=", "ä", true},                               // UTF-8 said to be ASCII.
		{"=?utf-8?q?a=0D=0ABcc:_x=00=07?=", "a Bcc: x", true},              // Control characters.
		{"=?utf-8?q?=E2=80=A8x=C2=85y=EF=BB=BF?=", "x y", true},            // And line separators.
		{"=?iso-8859-1?q?=85?=", "…", true},                                // windows-1252 said to be Latin 1.
		{"a\x07b\x1bc\x7fd", "abcd", true},                                 //
		{"=?", "=?", true},                                                 //
		{"=?utf-8?x?abc?=", "=?utf-8?x?abc?=", true},                       // No such encoding.
		{"=?utf-8?q?abc", "=?utf-8?q?abc", true},                           // Not closed.
		{"=?utf 8?q?abc?=", "=?utf 8?q?abc?=", true},                       // No charset name.
		{"=??q?abc?=", "=??q?abc?=", true},                                 //
		{"=?utf-8?q??=", "", true},                                         //
		{"x =?utf-8?q??= y", "x  y", true},                                 //
		{"a =?utf-8?q?=C3=A4?= b =?utf-8?q?=C3=B6?= c", "a ä b ö c", true}, //
		{"=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "=?utf-8?q?x?=", true},   // Decoded once only.
	}
	for _, test := range tests {
		got, ok := decodeText([]byte(test.in))
		if got != test.want || ok != test.ok {
			t.Errorf("%q: got %q %v, want %q %v", test.in, got, ok, test.want, test.ok)
		}
	}
}

func TestCharsets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want string
		ok             bool
	}{
		{"utf-8", "ä", "ä", true},
		{"UTF8", "ä", "ä", true},
		{"\"utf-8\"", "ä", "ä", true},
		{"latin1", "\xe4", "ä", true},
		{"ISO8859-1", "\xe4", "ä", true},
		{"iso-8859-15", "\xa4", "€", true},
		{"iso_8859-2", "\xb1", "ą", true},
		{"iso-8859-11", "\xa1", "ก", true},
		{"cp1252", "\x80", "€", true},
		{"win-1251", "\xcf", "П", true},
		{"x-cp1251", "\xcf", "П", true},
		{"windows-1252http-equivContent-Type", "\x80", "€", false},
		{"cp850", "\x84", "ä", true},
		{"ibm437", "\x84", "ä", true},
		{"x-sjis", "\x93\xfa\x96\x7b", "日本", true},
		{"gb18030", "\xd6\xd0", "中", true},
		{"x-gbk", "\xd6\xd0", "中", true},
		{"hz-gb-2312", "~{VPND~}", "中文", true},
		{"big5", "\xa4\xa4", "中", true},
		{"euc-kr", "\xc7\xd1", "한", true},
		{"cp949", "\xc7\xd1", "한", true},
		{"utf-16", "\x00a\x00\xe4", "aä", true},
		{"utf-16le", "a\x00\xe4\x00", "aä", true},
		{"utf-16", "\xff\xfea\x00", "a", true},
		{"unicode-1-1-utf-7", "+AGE-b+-c+2D3cAA", "ab+c\U0001f400", true},
		{"macintosh", "\x8a", "ä", true},
		{"koi8-u", "\xa4", "є", true},
		{"", "abc", "abc", false},
		{"x-unknown", "\xe4", "ä", false},
		{"replacement", "abc", "abc", false},
		{"utf-8", "\xff", "\ufffd", false},
		{"us-ascii", "\xe4", "ä", false},
	}
	for _, test := range tests {
		got, ok := DecodeCharset(test.name, []byte(test.in))
		if got != test.want || ok != test.ok {
			t.Errorf("%s %q: got %q %v, want %q %v", test.name, test.in, got, ok, test.want, test.ok)
		}
	}
	for name, want := range map[string]bool{"UTF-8": true, "us-ascii": true, "iso-8859-1": true, "nonsense": false, "": false} {
		if got := KnownCharset(name); got != want {
			t.Errorf("%q known: %v", name, got)
		}
	}
}
