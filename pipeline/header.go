package pipeline

import (
	"bytes"
	"strings"
)

// ValidFields reports whether b is whole header fields as they may be put in front of a
// message: each a name and a colon, lines ended by CRLF, continued lines beginning with white
// space and not blank, no other CR, LF or NUL (RFC 5322 §2.2).
func ValidFields(b []byte) bool {
	for first := true; len(b) > 0; first = false {
		line, rest, ok := bytes.Cut(b, []byte("\r\n"))
		if !ok || bytes.ContainsAny(line, "\r\n\x00") {
			return false
		}
		b = rest
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			if first || len(bytes.TrimLeft(line, " \t")) == 0 {
				return false
			}
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 {
			return false
		}
		for _, c := range name {
			if c <= ' ' || c >= 0x7f {
				return false
			}
		}
	}
	return true
}

// appendAuthResults appends an Authentication-Results field (RFC 8601 §2.2).
func appendAuthResults(dst []byte, hostname string, l []AuthResult) []byte {
	dst = append(dst, "Authentication-Results: "...)
	dst = appendValue(dst, hostname)
	for _, r := range l {
		dst = append(dst, ";\r\n\t"...)
		dst = append(dst, token(r.Method)...)
		dst = append(dst, '=')
		dst = append(dst, token(r.Result)...)
		if r.Reason != "" {
			dst = append(dst, " reason="...)
			dst = appendQuoted(dst, r.Reason)
		}
		for _, p := range r.Props {
			dst = append(dst, ' ')
			dst = append(dst, token(p.Type)...)
			dst = append(dst, '.')
			dst = append(dst, token(p.Property)...)
			dst = append(dst, '=')
			dst = appendValue(dst, p.Value)
		}
	}
	return append(dst, "\r\n"...)
}

// appendValue appends s as it is where the grammar takes it (a token of RFC 2045, or an
// address without quoting), else as a quoted string.
func appendValue(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, `""`...)
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`()<>,;:\"/[]?=`, c) >= 0 {
			return appendQuoted(dst, s)
		}
	}
	return append(dst, s...)
}

// appendQuoted appends s as a quoted string, with controls replaced: a line must not end in it.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			dst = append(dst, '?')
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
