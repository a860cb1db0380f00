package dkim

import "bytes"

// Canonicalization is a way to make header fields or bodies independent of some
// changes in transit (RFC 6376 §3.4), as in c=, in lower case.
type Canonicalization string

// Canonicalizations.
const (
	Simple  Canonicalization = "simple"
	Relaxed Canonicalization = "relaxed"
)

func (c Canonicalization) known() bool { return c == Simple || c == Relaxed }

// AppendHeaderField appends the canonical form of a header field (RFC 6376 §3.4.1,
// §3.4.2) to dst and returns it. It ends in CRLF, also if raw has no line end. raw is
// one whole field as of [message.Fields]; c must be Simple or Relaxed.
func AppendHeaderField(dst, raw []byte, c Canonicalization) []byte {
	raw = trimLineEnd(raw)
	if c == Simple {
		return append(append(dst, raw...), "\r\n"...)
	}
	name, value, _ := bytes.Cut(raw, []byte(":"))
	for _, b := range bytes.TrimRight(name, " \t") {
		dst = append(dst, lower(b))
	}
	dst = append(dst, ':')
	start := len(dst)
	space := false
	for i, b := range value {
		switch {
		case b == ' ' || b == '\t':
			space = true
			continue
		case b == '\n' || b == '\r' && i+1 < len(value) && value[i+1] == '\n':
			// The line ends in a field are its folding.
			continue
		}
		if space && len(dst) > start {
			dst = append(dst, ' ')
		}
		space = false
		dst = append(dst, b)
	}
	return append(dst, "\r\n"...)
}

// trimLineEnd returns b without its last CRLF or LF.
func trimLineEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
		if n > 1 && b[n-2] == '\r' {
			b = b[:n-2]
		}
	}
	return b
}

// lower returns the lower case of an ASCII letter.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
