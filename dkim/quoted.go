package dkim

import (
	"fmt"
	"strings"
)

// decodeQP decodes dkim-quoted-printable (RFC 6376 §2.11), from which white space is
// removed, or if not dkim the qp-section of n= (RFC 2045 §6.7), where it counts.
// Characters outside ASCII stand for themselves (RFC 8616 §5). Errors wrap [ErrSyntax].
func decodeQP(s string, dkim bool) (string, error) {
	if dkim {
		s = removeFWS(s)
	}
	if strings.IndexByte(s, '=') < 0 {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("%w: quoted-printable", ErrSyntax)
		}
		hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
		if hi < 0 || lo < 0 {
			return "", fmt.Errorf("%w: quoted-printable", ErrSyntax)
		}
		b = append(b, byte(hi<<4|lo))
		i += 2
	}
	return string(b), nil
}

// hexDigit returns the value of a digit; lower case is not allowed (RFC 6376 §2.11).
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}

// encodeQP encodes as dkim-quoted-printable, which is also a qp-section. Of the visible
// characters those in also are encoded too. Characters outside ASCII are encoded, which is
// allowed everywhere.
func encodeQP(s, also string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || c == ';' || c == '=' || strings.IndexByte(also, c) >= 0 {
			b.WriteByte('=')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
