package wire

import (
	"bytes"

	"mox/imap"
)

// token takes bytes as long as ok says so. They are valid until the next line or literal is
// read.
func (d *Decoder) token(ok func(c byte) bool) []byte {
	if d.err != nil {
		return nil
	}
	i := d.pos
	for i < len(d.line) && ok(d.line[i]) {
		i++
	}
	b := d.line[d.pos:i]
	d.pos = i
	return b
}

// isAString tells the characters of an astring that is no string (ASTRING-CHAR in
// RFC 9051 §9). Octets above 127 are accepted: curl sends mailbox and user names in UTF-8
// without quotes.
func isAString(c byte) bool { return imap.IsAtomChar(c) || c == ']' || c >= 0x80 }

// isTag tells the characters of a tag.
func isTag(c byte) bool { return c != '+' && (imap.IsAtomChar(c) || c == ']') }

// isListChar tells the characters of a list-mailbox that is no string.
func isListChar(c byte) bool { return isAString(c) || c == '*' || c == '%' }

// isKeyword tells the characters of words with a meaning, which end before a section.
func isKeyword(c byte) bool { return c != '[' && imap.IsAtomChar(c) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Tag takes the tag of a command (RFC 9051 §2.2.1, RFC 3501 §2.2.1). It is valid until the next Tag. It is nil if there is
// none, so the response to the command has to be untagged. It is found in a line that is too
// long, too.
func (d *Decoder) Tag() []byte {
	i, most := 0, min(len(d.line), d.limits.Line)
	for i < most && isTag(d.line[i]) {
		i++
	}
	b := d.line[:i]
	d.pos = i
	if len(b) == 0 || len(b) == d.limits.Line {
		d.tag = d.tag[:0]
		d.expected("tag")
		return nil
	}
	d.tag = append(d.tag[:0], b...)
	return d.tag
}

// Keyword takes an atom that the protocol gives a meaning, as the name of a command, and
// returns it in capitals. It ends before "[" too. It is valid until the next Keyword.
func (d *Decoder) Keyword() []byte {
	b := d.token(isKeyword)
	if len(b) == 0 {
		d.expected("word")
		return nil
	}
	d.keyword = append(d.keyword[:0], b...)
	for i, c := range d.keyword {
		if 'a' <= c && c <= 'z' {
			d.keyword[i] = c - 'a' + 'A'
		}
	}
	return d.keyword
}

// Atom takes an atom (RFC 9051 §4.1, RFC 3501 §4.1). It is valid until the next line or literal is read.
func (d *Decoder) Atom() []byte {
	b := d.token(imap.IsAtomChar)
	if len(b) == 0 {
		d.expected("atom")
		return nil
	}
	return b
}

// AString takes an astring: an atom or a string (RFC 9051 §4.3, RFC 3501 §4.3).
func (d *Decoder) AString() string { return string(d.astring(isAString)) }

// astring takes a string or characters as ok says. The result is valid until the next
// element is read.
func (d *Decoder) astring(ok func(c byte) bool) []byte {
	switch d.peek() {
	case '"':
		return d.quoted()
	case '{':
		return d.literalString()
	}
	b := d.token(ok)
	if len(b) == 0 {
		d.expected("string")
		return nil
	}
	return b
}

// NString takes a string or NIL, for which it returns false (RFC 9051 §4.5, RFC 3501 §4.5).
func (d *Decoder) NString() (string, bool) {
	switch d.peek() {
	case '"':
		return string(d.quoted()), d.err == nil
	case '{':
		return string(d.literalString()), d.err == nil
	}
	if !bytes.Equal(d.Keyword(), []byte("NIL")) {
		d.expected("string or NIL")
	}
	return "", false
}

// quoted takes a quoted string. Octets above 127 are accepted as in RFC 9051 §4.3.1, where
// they are UTF-8, also from clients that have not enabled it: scripts with Python's imaplib
// search for them that way.
func (d *Decoder) quoted() []byte {
	d.pos++
	rest := d.line[d.pos:]
	i := 0
	for i < len(rest) && rest[i] != '"' && rest[i] != '\\' && rest[i] != 0 && rest[i] != '\r' {
		i++
	}
	if i < len(rest) && rest[i] == '"' {
		d.pos += i + 1
		return rest[:i]
	}
	d.scratch = append(d.scratch[:0], rest[:i]...)
	for ; i < len(rest); i++ {
		c := rest[i]
		switch c {
		case '"':
			d.pos += i + 1
			return d.scratch
		case '\\':
			if i++; i == len(rest) || rest[i] != '"' && rest[i] != '\\' {
				d.pos += i
				d.expected("'\"' or backslash")
				return nil
			}
			c = rest[i]
		case 0, '\r':
			d.pos += i
			d.expected("character of quoted string")
			return nil
		}
		d.scratch = append(d.scratch, c)
	}
	d.pos += i
	d.expected("'\"'")
	return nil
}

// Number takes a number of 32 bits (RFC 9051 §4.2, RFC 3501 §4.2).
func (d *Decoder) Number() uint32 { return uint32(d.number(1<<32-1, false)) }

// NZNumber takes a number of 32 bits that is not zero.
func (d *Decoder) NZNumber() uint32 { return uint32(d.number(1<<32-1, true)) }

// Number64 takes a number of 63 bits.
func (d *Decoder) Number64() int64 { return int64(d.number(1<<63-1, false)) }

// NZNumber64 takes a number of 63 bits that is not zero.
func (d *Decoder) NZNumber64() int64 { return int64(d.number(1<<63-1, true)) }

func (d *Decoder) number(most uint64, nonZero bool) uint64 {
	start := d.pos
	b := d.token(isDigit)
	n, ok := parseNumber(b, most)
	// An nz-number has no leading zero, so "0" alone has to be seen to.
	if !ok || nonZero && b[0] == '0' {
		d.pos = start
		if nonZero {
			d.expected("non-zero number")
		} else {
			d.expected("number")
		}
		return 0
	}
	return n
}

// parseNumber parses digits, of which there must be at least one.
func parseNumber(b []byte, most uint64) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		v := uint64(c - '0')
		if n > (most-v)/10 {
			return 0, false
		}
		n = n*10 + v
	}
	return n, true
}

// Parens takes a parenthesized list (RFC 9051 §4.4, RFC 3501 §4.4) and calls item for each element, which must take it. At
// least one element must be there, unless empty says otherwise.
func (d *Decoder) Parens(empty bool, item func()) {
	d.Expect('(')
	if empty && d.Take(')') {
		return
	}
	for n := 0; d.err == nil; n++ {
		if n == d.limits.Items {
			d.exceeded(imap.CodeLimit, "Too many elements in a list")
			return
		}
		item()
		if d.Take(')') {
			return
		}
		if !d.Take(' ') {
			d.expected("space or ')'")
		}
	}
}
