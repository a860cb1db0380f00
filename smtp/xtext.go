package smtp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
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
	// Type is the address type as the sender wrote it, whatever its case, "rfc822" or "utf-8" as a
	// rule. It is passed on unchanged (RFC 3461 §5.2.1 d); compare with IsType.
	Type string

	Address string // Decoded, without control characters. Need not be an address by the rules of Type.
}

// IsType tells whether the address is of a type, given in lower case.
func (o OriginalRecipient) IsType(typ string) bool { return strings.EqualFold(o.Type, typ) }

// ParseOriginalRecipient parses the value of ORCPT. The address has to be printable, as it gets into
// notifications (RFC 3461 §4.2), and to be in ASCII unless its type is utf-8 (RFC 6533 §3).
func ParseOriginalRecipient(s string) (OriginalRecipient, error) {
	if len("ORCPT=")+len(s) > maxORCPT {
		return OriginalRecipient{}, fmt.Errorf("%w: ORCPT longer than %d characters", ErrEncoding, maxORCPT)
	}
	typ, enc, ok := strings.Cut(s, ";")
	if !ok || !isDotString(typ) || !isASCII(typ) || strings.Contains(typ, ".") || enc == "" {
		return OriginalRecipient{}, fmt.Errorf("%w: ORCPT is not type;address", ErrEncoding)
	}
	o := OriginalRecipient{Type: typ}
	var err error
	if o.IsType("utf-8") {
		o.Address, err = DecodeUnitext(enc)
	} else {
		o.Address, err = DecodeXtext(enc)
	}
	switch {
	case err != nil:
		return OriginalRecipient{}, err
	case strings.ContainsFunc(o.Address, unicode.IsControl):
		return OriginalRecipient{}, fmt.Errorf("%w: control character in ORCPT", ErrEncoding)
	case !o.IsType("utf-8") && !isASCII(o.Address):
		return OriginalRecipient{}, fmt.Errorf("%w: ORCPT of type %s is not ASCII", ErrEncoding, typ)
	}
	return o, nil
}

// Encode returns the value for ORCPT, in ASCII.
func (o OriginalRecipient) Encode() string {
	if o.IsType("utf-8") {
		return o.Type + ";" + EncodeUnitext(o.Address)
	}
	return o.Type + ";" + EncodeXtext(o.Address)
}
