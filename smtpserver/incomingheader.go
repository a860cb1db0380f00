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
	return &headerFilter{w: w, fateOf: fateOfIncoming, maxHeld: maxIncomingAuthres, keep: func(field []byte) bool {
		_, value, _ := bytes.Cut(field, []byte(":"))
		return len(field) <= maxIncomingAuthres && !own.Forged(value)
	}}
}

// fateOfIncoming tells what becomes of a field by its name.
func fateOfIncoming(name []byte) fate {
	if len(name) == len(authres.FieldName) && bytes.EqualFold(name, []byte(authres.FieldName)) {
		return hold
	}
	return pass
}
