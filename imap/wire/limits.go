package wire

import "cmp"

// Limits bound what a peer can make a Decoder keep or skip. Zero fields have the
// defaults of [DefaultLimits].
type Limits struct {
	// Line is how many bytes the lines of one command may have together, without
	// literals. RFC 7162 §4 wants at least 8192.
	Line int

	// Literal is the size in bytes of all literals of one command together that
	// stand for strings. Literals that are read as a stream are not counted.
	Literal int64

	// NonSync is the largest non-synchronizing literal in bytes, 4096 for LITERAL-
	// (RFC 7888 §5). Zero is no limit of its own.
	NonSync int64

	// Skip is how many bytes EndCommand skips to find the end of a command that was
	// not read to its end, before it gives up the connection.
	Skip int64

	// Depth is how deep parentheses and search keys may be nested.
	Depth int

	// Ranges is how many ranges a set of message numbers may have.
	Ranges int

	// Items is how many elements any other list of a command may have: flags, fetch
	// items, header fields, patterns, search keys.
	Items int
}

// DefaultLimits returns the limits that stand for zero fields.
func DefaultLimits() Limits {
	return Limits{
		Line:    64 << 10,
		Literal: 64 << 10,
		Skip:    64 << 20,
		Depth:   100,
		Ranges:  10000,
		Items:   1000,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		Line:    cmp.Or(l.Line, d.Line),
		Literal: cmp.Or(l.Literal, d.Literal),
		NonSync: l.NonSync,
		Skip:    cmp.Or(l.Skip, d.Skip),
		Depth:   cmp.Or(l.Depth, d.Depth),
		Ranges:  cmp.Or(l.Ranges, d.Ranges),
		Items:   cmp.Or(l.Items, d.Items),
	}
}
