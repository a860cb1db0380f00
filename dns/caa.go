package dns

import (
	"errors"
	"strconv"
	"strings"
)

// CAA is a record by which a domain names who may issue certificates for it (RFC 8659).
type CAA struct {
	// Critical tells that a CA which does not know the tag must not issue (RFC 8659 §4.1).
	Critical bool

	// Tag is the name of the property in lower case, e.g. "issue", "issuewild" or "iodef".
	Tag string

	// Value is as in the record, e.g. "ca.example.net; validationmethods=http-01".
	Value string
}

// String returns the record as a zone file has it (RFC 8659 §4.1.1).
func (c CAA) String() string {
	flags := 0
	if c.Critical {
		flags = caaCritical
	}
	return strconv.Itoa(flags) + " " + c.Tag + " " + QuoteString(c.Value)
}

// QuoteString returns a character-string of a zone file in quotes (RFC 1035 §5.1). What is longer than 255 bytes is
// too long for one string.
func QuoteString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			b.WriteByte('\\')
			b.WriteString(strconv.Itoa(1000 + int(c))[1:])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// caaCritical is the flag of CAA.Critical.
const caaCritical = 128

var errCAA = errors.New("malformed CAA record")

// parseCAA parses the data of a record (RFC 8659 §4.1).
func parseCAA(data []byte) (CAA, error) {
	if len(data) < 2 || data[1] == 0 || len(data) < 2+int(data[1]) {
		return CAA{}, errCAA
	}
	tag, value := data[2:2+int(data[1])], data[2+int(data[1]):]
	for _, c := range tag {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return CAA{}, errCAA
		}
	}
	return CAA{data[0]&caaCritical != 0, strings.ToLower(string(tag)), string(value)}, nil
}
