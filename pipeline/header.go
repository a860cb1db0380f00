package pipeline

import "bytes"

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
