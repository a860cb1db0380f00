package imap

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrUTF7 says that a mailbox name is not in modified UTF-7.
var ErrUTF7 = errors.New("imap: mailbox name is not in modified UTF-7")

// base64Chars is the alphabet of modified base64 (RFC 3501 §5.1.3).
const base64Chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

// DecodeUTF7 decodes a mailbox name in the modified UTF-7 of IMAP4rev1 (RFC 3501
// §5.1.3) to UTF-8. It is strict, so that each mailbox has exactly one encoded name: it
// returns [ErrUTF7] for bytes that are not printable ASCII, printable ASCII in base64,
// a shift that is empty, superfluous or does not end, and bad base64 or UTF-16.
func DecodeUTF7(s string) (string, error) {
	first := len(s)
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return "", ErrUTF7
		}
		if s[i] == '&' && i < first {
			first = i
		}
	}
	if first == len(s) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	b = append(b, s[:first]...)
	s = s[first:]
	shifted := false // The text so far ends with base64.
	for len(s) > 0 {
		if s[0] != '&' {
			b = append(b, s[0])
			s, shifted = s[1:], false
			continue
		}
		enc, rest, ok := strings.Cut(s[1:], "-")
		s = rest
		switch {
		case !ok:
			return "", ErrUTF7
		case enc == "":
			b, shifted = append(b, '&'), false
		case shifted:
			return "", ErrUTF7
		default:
			if b, ok = appendBase64(b, enc); !ok {
				return "", ErrUTF7
			}
			shifted = true
		}
	}
	return string(b), nil
}

// appendBase64 appends the text that is in modified base64 and UTF-16 as UTF-8.
func appendBase64(b []byte, enc string) ([]byte, bool) {
	var bits uint32
	var n int     // Number of valid low bits.
	var high rune // The first half of a surrogate pair.
	for i := range len(enc) {
		v := strings.IndexByte(base64Chars, enc[i])
		if v < 0 {
			return b, false
		}
		bits, n = bits<<6|uint32(v), n+6
		if n < 16 {
			continue
		}
		n -= 16
		r := rune(bits >> n & 0xffff)
		switch {
		case high != 0:
			if r = utf16.DecodeRune(high, r); r == utf8.RuneError {
				return b, false
			}
			high = 0
		case utf16.IsSurrogate(r):
			if r >= 0xdc00 {
				return b, false
			}
			high = r
			continue
		case r >= ' ' && r <= '~':
			return b, false
		}
		b = utf8.AppendRune(b, r)
	}
	// What is left is less than a base64 character, and zero.
	return b, high == 0 && n < 6 && bits&(1<<n-1) == 0
}

// AppendUTF7 appends a mailbox name, which is UTF-8, in modified UTF-7 (RFC 3501
// §5.1.3). Bytes that are not UTF-8 become U+FFFD.
func AppendUTF7(b []byte, name string) []byte {
	var bits uint32
	var n int
	shifted := false
	put := func(u rune) {
		for bits, n = bits<<16|uint32(u), n+16; n >= 6; n -= 6 {
			b = append(b, base64Chars[bits>>(n-6)&0x3f])
		}
	}
	end := func() {
		if n > 0 {
			b = append(b, base64Chars[bits<<(6-n)&0x3f])
		}
		b, n, shifted = append(b, '-'), 0, false
	}
	for _, r := range name {
		if r >= ' ' && r <= '~' {
			if shifted {
				end()
			}
			b = append(b, byte(r))
			if r == '&' {
				b = append(b, '-')
			}
			continue
		}
		if !shifted {
			b, shifted = append(b, '&'), true
		}
		if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
			put(hi)
			put(lo)
		} else {
			put(r)
		}
	}
	if shifted {
		end()
	}
	return b
}
