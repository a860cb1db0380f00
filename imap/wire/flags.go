package wire

import (
	"slices"

	"mox/imap"
)

// Flags takes a flag-list in parentheses. It returns the system flags, and keywords with the
// keywords appended, each once, in canonical spelling. A client may name flags twice or in any
// case.
//
// \Recent and system flags that do not exist are refused with BAD: a client cannot set them
// (RFC 9051 §9, flag).
func (d *Decoder) Flags(keywords []string) (imap.Flags, []string) {
	var flags imap.Flags
	d.Parens(true, func() { d.flag(&flags, &keywords) })
	return flags, keywords
}

// flag takes one flag.
func (d *Decoder) flag(flags *imap.Flags, keywords *[]string) {
	if d.peek() != '\\' {
		*keywords = d.appendKeyword(*keywords)
		return
	}
	start := d.pos
	d.pos++
	d.token(imap.IsAtomChar)
	f, ok := imap.ParseFlag(d.line[start:d.pos])
	if !ok {
		d.pos = start
		d.expected("known system flag")
	}
	*flags |= f
}

// appendKeyword takes a keyword and appends it unless l has it.
func (d *Decoder) appendKeyword(l []string) []string {
	start := d.pos
	b := d.Atom()
	if d.err != nil {
		return l
	}
	if slices.ContainsFunc(l, func(k string) bool { return imap.EqualKeyword(k, string(b)) }) {
		return l
	}
	k, err := imap.CanonicalKeyword(string(b))
	if err != nil { // Only the length can be wrong with an atom.
		d.pos = start
		d.expected("shorter keyword")
		return l
	}
	return append(l, k)
}

// FlagKeyword takes one keyword, in canonical spelling.
func (d *Decoder) FlagKeyword() string {
	l := d.appendKeyword(nil)
	if len(l) == 0 {
		return ""
	}
	return l[0]
}
