package wire

import (
	"mox/imap"
)

// ValueKind is the form of a [Value].
type ValueKind uint8

// The forms of values.
const (
	ValueAtom   ValueKind = iota // An atom, number, flag, or the name of a section.
	ValueString                  // A quoted string or literal.
	ValueNil                     // NIL.
	ValueList                    // A parenthesized list.
)

// Value is an element of a response when its meaning is not known, for clients and tests.
type Value struct {
	Kind ValueKind
	Text string // Of an atom, as written, or string.
	List []Value
}

// Value takes an element of a response: an atom, which may have a section and flag and
// wildcard characters in it, as BODY[HEADER.FIELDS (DATE)] and \*, a string, NIL, or a list,
// nested as deep as the limits allow.
func (d *Decoder) Value() Value { return d.value(1) }

func (d *Decoder) value(depth int) Value {
	switch d.peek() {
	case '"':
		return Value{Kind: ValueString, Text: string(d.quoted())}
	case '{', '~':
		return Value{Kind: ValueString, Text: string(d.literalString())}
	case '(':
		v := Value{Kind: ValueList}
		if depth > d.limits.Depth {
			d.exceeded(imap.CodeLimit, "Lists nested too deeply")
			return v
		}
		d.pos++
		for !d.Take(')') && d.err == nil {
			// Envelopes have lists of addresses without a space between them, and bodies
			// of parts (RFC 9051 §9, env-from and body-type-mpart).
			if len(v.List) > 0 && d.peek() != '(' {
				d.SP()
			} else if len(v.List) > 0 {
				d.Take(' ')
			}
			v.List = append(v.List, d.value(depth+1))
		}
		return v
	}
	text := string(d.responseAtom())
	if asciiFold([]byte(text), "NIL") {
		return Value{Kind: ValueNil}
	}
	return Value{Kind: ValueAtom, Text: text}
}

// responseAtom takes an atom of a response, with a section in brackets after the names that have one.
// Other atoms may have a bracket in them, as keywords.
func (d *Decoder) responseAtom() []byte {
	start := d.pos
	for d.err == nil {
		switch c := d.peek(); {
		case c == '[' && hasSection(d.line[start:d.pos]):
			d.sectionText()
		case c > ' ' && c != 0x7f && c != '(' && c != ')' && c != '"' && c != '{':
			d.pos++
		case d.pos == start:
			d.expected("value")
		default:
			return d.line[start:d.pos]
		}
	}
	return nil
}

func hasSection(name []byte) bool {
	return asciiFold(name, "BODY") || asciiFold(name, "BINARY") || asciiFold(name, "BINARY.SIZE")
}

// sectionText takes a section as it is written, with its brackets. Names of header fields in it may be
// quoted, but literals are not understood.
func (d *Decoder) sectionText() {
	quoted := false
	for ; d.pos < len(d.line) && (quoted || d.line[d.pos] != ']'); d.pos++ {
		switch d.line[d.pos] {
		case '"':
			quoted = !quoted
		case '\\':
			if quoted {
				d.pos++
			}
		}
	}
	d.pos = min(d.pos, len(d.line))
	d.Expect(']')
}

// Rest takes what is left of the line, as the text of a status response.
func (d *Decoder) Rest() string {
	return string(d.token(func(byte) bool { return true }))
}
