package authres

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	lineWidth = 78 // Lines are folded to fit, where they can be (RFC 5322 §2.1.1).

	// maxText is the length of a value, in octets without quoting. What is longer is cut: a line
	// must not be longer than 998 octets, and a value cannot be folded.
	maxText = 400

	maxKeyword = 64
)

// AppendField appends the whole field, folded and with CRLF at its end.
//
// Whatever is in r, the field is valid: characters that a keyword cannot have become hyphens,
// controls and invalid UTF-8 in values become question marks, and what is beyond the first 400
// octets of a value is left out. Text beyond ASCII is written as UTF-8 (RFC 6532): in messages that are not
// internationalized the caller gives domains as A-labels.
func (r Results) AppendField(dst []byte) []byte {
	dst = append(dst, FieldName+": "...)
	dst = r.AppendValue(dst)
	return append(dst, "\r\n"...)
}

// AppendValue appends the value of the field as AppendField does, without a line end. Only the
// authserv-id stands on the first line.
func (r Results) AppendValue(dst []byte) []byte {
	dst = appendID(dst, r.AuthservID)
	if r.Version > 0 {
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, int64(r.Version), 10)
	}
	if len(r.Methods) == 0 {
		return append(dst, "; none"...)
	}
	for _, m := range r.Methods {
		dst = append(dst, ";\r\n\t"...)
		dst = m.append(dst, len(dst)-1)
	}
	return dst
}

// append appends a result. Its first line begins at start.
func (r Result) append(dst []byte, start int) []byte {
	dst = appendKeyword(dst, r.Method)
	if r.Version > 0 {
		dst = append(dst, '/')
		dst = strconv.AppendInt(dst, int64(r.Version), 10)
	}
	dst = append(dst, '=')
	dst = appendKeyword(dst, r.Result)
	if r.Reason != "" {
		at := len(dst)
		dst = append(dst, " reason="...)
		dst = appendQuoted(dst, clip(r.Reason))
		dst, start = fold(dst, at, start)
	}
	for _, p := range r.Props {
		at := len(dst)
		dst = append(dst, ' ')
		if p.Type != "" {
			dst = appendKeyword(dst, p.Type)
			dst = append(dst, '.')
		}
		dst = appendKeyword(dst, p.Property)
		dst = append(dst, '=')
		dst = appendValue(dst, p.Value)
		dst, start = fold(dst, at, start)
	}
	return dst
}

// fold puts what begins with the space at position at on a line of its own if it makes the line,
// which begins at start, too long. It returns where the last line begins.
func fold(dst []byte, at, start int) ([]byte, int) {
	if len(dst)-start <= lineWidth {
		return dst, start
	}
	dst = append(dst, "\r\n"...)
	copy(dst[at+2:], dst[at:len(dst)-2])
	copy(dst[at:], "\r\n\t")
	return dst, at + 2
}

// appendKeyword appends a Keyword (RFC 5321 §4.1.2).
func appendKeyword(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, 'x')
	}
	for i := range min(len(s), maxKeyword) {
		c := s[i]
		if !isKeyword(c) {
			c = '-'
		}
		dst = append(dst, c)
	}
	return dst
}

func isKeyword(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-'
}

// appendID appends an authserv-id.
func appendID(dst []byte, s string) []byte {
	s = clip(s)
	if !isToken(s) {
		return appendQuoted(dst, s)
	}
	return append(dst, s...)
}

// appendValue appends the value of a property as it is where the grammar takes it, else as a
// quoted string.
func appendValue(dst []byte, s string) []byte {
	s = clip(s)
	if !isPlain(s) && !isQuotedAddress(s) {
		return appendQuoted(dst, s)
	}
	return append(dst, s...)
}

// clip returns the beginning of s if it is too long.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// isPlain reports whether a value needs no quoting: a token, or the text of an address or domain.
func isPlain(s string) bool {
	localpart, domain, address := strings.Cut(s, "@")
	return isToken(domain) && (localpart == "" || isToken(localpart)) || !address && isToken(s)
}

// isToken reports whether s is a token (RFC 2045 §5.1), here with characters beyond ASCII.
func isToken(s string) bool {
	for i, c := range s {
		if c < 0x80 && !isTokenByte(s[i]) || isControl(c) {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

func isTokenByte(c byte) bool {
	return c > ' ' && c != 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// isControl reports whether r is a control, of which some (U+0085) end a line for some programs.
func isControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }

// isQuotedAddress reports whether s is an address whose localpart is a quoted string, written as
// appendQuoted does.
func isQuotedAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 2 || s[0] != '"' || s[at-1] != '"' || !isToken(s[at+1:]) {
		return false
	}
	for inner := s[1 : at-1]; inner != ""; inner = inner[1:] {
		switch {
		case inner[0] == '\\' && len(inner) > 1 && (inner[1] == '\\' || inner[1] == '"'):
			inner = inner[1:]
		case inner[0] == '\\', inner[0] == '"':
			return false
		}
	}
	for _, c := range s {
		if c != '\t' && isControl(c) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// appendQuoted appends s as a quoted string, with controls replaced: a line must not end in it.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c != '\t' && isControl(c), c == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			dst = append(dst, '?')
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return append(dst, '"')
}
