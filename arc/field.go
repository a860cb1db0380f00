package arc

import (
	"bytes"
	"fmt"
	"strings"

	"mox/dkim"
	"mox/message"
)

// Names of the fields of a set.
const (
	ResultsField   = "ARC-Authentication-Results"  // AAR, RFC 8617 §4.1.1.
	SignatureField = dkim.ARCMessageSignatureField // AMS, RFC 8617 §4.1.2.
	SealField      = "ARC-Seal"                    // AS, RFC 8617 §4.1.3.
)

// MaxSets is how many sets a chain can have (RFC 8617 §4.2.1).
const MaxSets = 50

// kind is one of the three fields of a set, in the order in which they are signed
// (RFC 8617 §5.1.1).
type kind uint8

const (
	results kind = iota
	signature
	seal
	kinds
)

// name returns the name of the field.
func (k kind) name() string {
	return [kinds]string{ResultsField, SignatureField, SealField}[k]
}

// kindOf returns the kind of a field, and false for one that is none of a set.
func kindOf(f message.Field) (kind, bool) {
	if len(f.Name) < 4 || f.Name[3] != '-' { // Most fields.
		return 0, false
	}
	for k := results; k < kinds; k++ {
		if f.Is(k.name()) {
			return k, true
		}
	}
	return 0, false
}

// isChainField tells whether a name in h= is that of a field of a set.
func isChainField(name string) bool {
	_, ok := kindOf(message.Field{Name: []byte(name)})
	return ok
}

// parseInstance parses the value of i= (RFC 8617 §3.9, §4.2.1).
func parseInstance(s string) (int, error) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || i == 2 {
			return 0, fmt.Errorf("%w %.20q", ErrInstance, s)
		}
		n = n*10 + int(s[i]-'0')
	}
	if n < 1 || n > MaxSets {
		return 0, fmt.Errorf("%w %.20q", ErrInstance, s)
	}
	return n, nil
}

// cutResults parses the instance that the value of an ARC-Authentication-Results field begins
// with, and returns what follows its semicolon: an authres-payload (RFC 8617 §4.1.1).
func cutResults(value []byte) (instance int, payload []byte, err error) {
	n := firstTag(value)
	if n == len(value) {
		return 0, nil, fmt.Errorf("%w: no semicolon", ErrInstance)
	}
	name, position, ok := strings.Cut(string(blankComments(value[:n])), "=")
	if !ok || trimSpace(name) != "i" {
		return 0, nil, fmt.Errorf("%w: field does not begin with it", ErrInstance)
	}
	instance, err = parseInstance(trimSpace(position))
	return instance, value[n+1:], err
}

// firstTag returns the length of what is before the first semicolon of a value. Only there the
// fields of a chain can have comments (RFC 8617 §3.9); in tag lists parentheses are text.
func firstTag(value []byte) int {
	depth := 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++
		case c == ';' && depth == 0:
			return i
		}
	}
	return len(value)
}

// blankComments returns b with spaces in place of comments, but for their line ends.
func blankComments(b []byte) []byte {
	if bytes.IndexByte(b, '(') < 0 {
		return b
	}
	b = bytes.Clone(b)
	depth := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '(' {
			depth++
		}
		if depth > 0 && c != '\r' && c != '\n' {
			b[i] = ' '
		}
		switch {
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0 && i+1 < len(b):
			i++
			b[i] = ' '
		}
	}
	return b
}

// withoutComments returns the field of a signature as one without comments, in which everything
// else is where it was.
func withoutComments(raw []byte) []byte {
	value := bytes.IndexByte(raw, ':') + 1
	end := value + firstTag(raw[value:])
	if bytes.IndexByte(raw[value:end], '(') < 0 {
		return raw
	}
	b := bytes.Clone(raw)
	copy(b[value:], blankComments(raw[value:end]))
	return b
}

// unsigned returns the field of a signature without the value of b=, as it is hashed
// (RFC 6376 §3.7).
func unsigned(raw []byte) ([]byte, error) {
	tags, value, err := tagList(raw)
	if err != nil {
		return nil, err
	}
	b, ok := tags.Get("b")
	if !ok {
		return nil, fmt.Errorf("%w b=", dkim.ErrMissingTag)
	}
	out := make([]byte, 0, len(raw))
	out = append(out, raw[:value+b.Start]...)
	return append(out, raw[value+b.End:]...), nil
}

// tagList parses the tag list of a field, and returns where in raw it begins.
func tagList(raw []byte) (tags dkim.TagList, value int, err error) {
	b := withoutComments(raw)
	value = bytes.IndexByte(b, ':') + 1
	tags, err = dkim.ParseTagList(bytes.TrimSuffix(bytes.TrimSuffix(b[value:], []byte("\n")), []byte("\r")))
	return tags, value, err
}

func trimSpace(s string) string { return strings.Trim(s, " \t\r\n") }
