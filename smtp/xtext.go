package smtp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrEncoding is wrapped by the errors of the functions that decode xtext and what is
// made of it.
var ErrEncoding = errors.New("invalid encoding of parameter")

// EncodeXtext encodes s for the value of a parameter (xtext of RFC 3461 §4).
func EncodeXtext(s string) string {
	if isXtextSafe(s) {
		return s
	}
	var b []byte
	for i := range len(s) {
		if isXchar(s[i]) {
			b = append(b, s[i])
		} else {
			b = fmt.Appendf(b, "+%02X", s[i])
		}
	}
	return string(b)
}

func isXtextSafe(s string) bool {
	for i := range len(s) {
		if !isXchar(s[i]) {
			return false
		}
	}
	return true
}

// isXchar tells whether c stands for itself in xtext.
func isXchar(c byte) bool { return c > ' ' && c < 0x7f && c != '+' && c != '=' }

// DecodeXtext decodes xtext (RFC 3461 §4). Hexadecimal digits may be in lower case, as
// some clients write them.
func DecodeXtext(s string) (string, error) {
	if isXtextSafe(s) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case isXchar(s[i]):
			b = append(b, s[i])
		case s[i] == '+' && i+2 < len(s):
			v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil || s[i+1] == '+' {
				return "", fmt.Errorf("%w: %q in xtext", ErrEncoding, s[i:i+3])
			}
			b = append(b, byte(v))
			i += 2
		default:
			return "", fmt.Errorf("%w: %q in xtext", ErrEncoding, s[i])
		}
	}
	return string(b), nil
}

// EncodeUnitext encodes s with other characters than ASCII, and the ASCII characters
// that must not stand in an ORCPT parameter, as \x{HEX} (utf-8-addr-xtext of RFC 6533
// §3).
func EncodeUnitext(s string) string {
	var b []byte
	for _, r := range s {
		if r < utf8.RuneSelf && isXchar(byte(r)) && r != '\\' {
			b = append(b, byte(r))
		} else {
			b = fmt.Appendf(b, `\x{%02X}`, r)
		}
	}
	return string(b)
}

// DecodeUnitext decodes the forms of a utf-8 address of RFC 6533 §3 (utf-8-addr-xtext,
// utf-8-addr-unitext), which may have UTF-8.
func DecodeUnitext(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: invalid UTF-8", ErrEncoding)
	}
	var b strings.Builder
	for s != "" {
		before, after, found := strings.Cut(s, `\`)
		if strings.ContainsFunc(before, func(r rune) bool { return r < utf8.RuneSelf && !isXchar(byte(r)) }) {
			return "", fmt.Errorf("%w: %q in utf-8 address", ErrEncoding, before)
		}
		b.WriteString(before)
		if !found {
			break
		}
		hex, rest, ok := strings.Cut(after, "}")
		if hex, ok2 := strings.CutPrefix(hex, "x{"); ok && ok2 && len(hex) >= 2 && len(hex) <= 6 {
			if v, err := strconv.ParseUint(hex, 16, 32); err == nil && utf8.ValidRune(rune(v)) {
				b.WriteRune(rune(v))
				s = rest
				continue
			}
		}
		return "", fmt.Errorf("%w: backslash in utf-8 address", ErrEncoding)
	}
	return b.String(), nil
}

// maxORCPT is the limit of the parameter ORCPT with its keyword (RFC 3461 §4.2).
const maxORCPT = 500

// OriginalRecipient is the value of the parameter ORCPT of RCPT (RFC 3461 §4.2).
type OriginalRecipient struct {
	Type    string // Address type in lower case, "rfc822" or "utf-8" as a rule.
	Address string // Decoded. Need not be an address by the rules of Type.
}

// ParseOriginalRecipient parses the value of ORCPT.
func ParseOriginalRecipient(s string) (OriginalRecipient, error) {
	if len("ORCPT=")+len(s) > maxORCPT {
		return OriginalRecipient{}, fmt.Errorf("%w: ORCPT longer than %d characters", ErrEncoding, maxORCPT)
	}
	typ, enc, ok := strings.Cut(s, ";")
	if !ok || !isDotString(typ) || !isASCII(typ) || strings.Contains(typ, ".") || enc == "" {
		return OriginalRecipient{}, fmt.Errorf("%w: ORCPT is not type;address", ErrEncoding)
	}
	o := OriginalRecipient{Type: strings.ToLower(typ)}
	var err error
	if o.Type == "utf-8" {
		o.Address, err = DecodeUnitext(enc)
	} else {
		o.Address, err = DecodeXtext(enc)
	}
	if err != nil {
		return OriginalRecipient{}, err
	}
	return o, nil
}

// Encode returns the value for ORCPT, in ASCII.
func (o OriginalRecipient) Encode() string {
	if o.Type == "utf-8" {
		return o.Type + ";" + EncodeUnitext(o.Address)
	}
	return o.Type + ";" + EncodeXtext(o.Address)
}
