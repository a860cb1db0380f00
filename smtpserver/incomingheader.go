package smtpserver

import (
	"bytes"
	"io"

	"mox/authres"
)

// maxIncomingAuthres is how much of an Authentication-Results field is read to see whose it is, in bytes. One that
// has more does not go on.
const maxIncomingAuthres = 16 << 10

// newIncomingHeader returns a filter before w that takes out what only our own servers may say: the
// Authentication-Results fields with one of our names (RFC 8601 §5). Whoever reads the message trusts those.
func newIncomingHeader(w io.Writer, own *authres.Matcher) *headerFilter {
	return &headerFilter{w: w, fateOf: fateOfIncoming, folded: true, maxHeld: maxIncomingAuthres, keep: func(field []byte) bool {
		_, value, ok := bytes.Cut(field, []byte(":"))
		return len(field) <= maxIncomingAuthres && !(ok && own.Forged(value))
	}}
}

// fateOfIncoming tells what becomes of a field by its name, which it takes for what it is to a program that passes
// over bytes that must not be in one.
func fateOfIncoming(name []byte) fate {
	const want = authres.FieldName
	if len(name) < len(want) {
		return pass
	}
	matched := 0
	for _, c := range name {
		switch {
		case c <= ' ' || c >= 0x7f:
		case matched == len(want) || lower(c) != lower(want[matched]):
			return pass
		default:
			matched++
		}
	}
	if matched < len(want) {
		return pass
	}
	return hold
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
