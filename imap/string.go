package imap

import "strconv"

// maxQuoted is the longest text that is sent as a quoted string. Clients read longer ones
// too, but a line should not get too long.
const maxQuoted = 1024

// AppendString appends s as a string (RFC 9051 §9): quoted, or as literal if it is long or
// has an octet that cannot be quoted, which in IMAP4rev1 are all above 127. NUL has no place
// in either form and is left out.
func AppendString[S string | []byte](b []byte, s S) []byte {
	if len(s) > maxQuoted {
		return appendLiteral(b, s)
	}
	start := len(b)
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == 0 || c == '\r' || c == '\n' || c >= 0x80:
			return appendLiteral(b[:start], s)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendLiteral appends s as literal.
func appendLiteral[S string | []byte](b []byte, s S) []byte {
	nul := 0
	for i := range len(s) {
		if s[i] == 0 {
			nul++
		}
	}
	b = append(b, '{')
	b = strconv.AppendInt(b, int64(len(s)-nul), 10)
	b = append(b, "}\r\n"...)
	if nul == 0 {
		return append(b, s...)
	}
	for i := range len(s) {
		if s[i] != 0 {
			b = append(b, s[i])
		}
	}
	return b
}

// AppendNString appends s as string, or NIL if it is nil or empty, as the fields of a body
// that are missing (RFC 9051 §7.5.2).
func AppendNString[S string | []byte](b []byte, s S) []byte {
	if len(s) == 0 {
		return append(b, "NIL"...)
	}
	return AppendString(b, s)
}
