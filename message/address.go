package message

import (
	"bytes"
	"strings"
)

// Address is an element of an address list: a mailbox, or a mark where a group
// begins or ends (RFC 5322 §3.4).
type Address struct {
	Kind AddressKind

	// Name is the decoded display name, for a GroupStart the name of the group.
	Name string

	// RawName is the name as written, without the quotes and backslashes of quoted
	// strings, encoded words as they stand, for IMAP ENVELOPE.
	RawName string

	// Route is the obsolete source route ("@a,@b") of a mailbox, without colon.
	Route string

	// User and Host are the local part, without quoting, and the domain of a
	// mailbox, both in the case in which they were written. An entry that is no
	// address has its text as Name and neither User nor Host, or only User if it was
	// a single word.
	User string
	Host string
}

// AddressKind tells mailboxes and group marks apart.
type AddressKind uint8

const (
	Mailbox    AddressKind = iota // A mailbox.
	GroupStart                    // A group begins: in IMAP ENVELOPE the host is NIL and the mailbox the RawName.
	GroupEnd                      // A group ends: in IMAP ENVELOPE all are NIL.
)

// Addr returns "user@host", with the user quoted if it must be, or "" if the address is no
// mailbox or has no user or no host.
func (a Address) Addr() string {
	if a.Kind != Mailbox || a.User == "" || a.Host == "" {
		return ""
	}
	return string(appendAddrSpec(nil, a))
}

// ParseAddresses reads an address list (RFC 5322 §3.4), also with the obsolete syntax of §4.4
// and with errors. It reports false if some of the text is no address; that text is in the
// list as Name of an entry without Host. Elements after the first 50,000 are left out.
func ParseAddresses(value []byte) ([]Address, bool) {
	return appendAddresses(nil, value, DefaultMaxElements)
}

// appendAddresses appends at most max elements.
func appendAddresses(l []Address, value []byte, max int) ([]Address, bool) {
	p := addressParser{b: value, list: l, max: len(l) + max, ok: true}
	p.parse()
	if len(p.list) > p.max {
		p.list, p.ok = p.list[:p.max], false
	}
	return p.list, p.ok
}

// addressParser reads an address list in one pass. An element is collected as words until a
// separator tells what it was.
type addressParser struct {
	b    []byte
	list []Address
	max  int
	ok   bool

	inGroup   bool
	noLiteral bool          // A "[" was not closed: no other is looked at.
	words     []addressWord // Of the element being read.
	angle     []byte        // What stands in <...> in the element.
	isAngle   bool          // The element has <...>.
	comment   []byte        // The last comment of the element, which may be a name in the old style.
}

// addressWord is an atom, a quoted string, a domain literal, or one of the specials "@" and ".".
type addressWord struct {
	text    []byte // Unquoted.
	special byte   // '@' or '.', else 0.
	quoted  bool
	space   bool // White space or a comment stands before it.
}

func (p *addressParser) parse() {
	space := false
	for len(p.b) > 0 && len(p.list) <= p.max {
		switch c := p.b[0]; c {
		case ' ', '\t', '\r', '\n', 0:
			p.b = p.b[1:]
			space = true
			continue
		case '(':
			n := commentLen(p.b)
			p.comment = p.b[1:n]
			p.b = p.b[n:]
			space = true
			continue
		case ',':
			p.b = p.b[1:]
			p.endElement()
		case ';':
			// The end of a group; outside of one a separator, which Outlook users write.
			p.b = p.b[1:]
			p.endElement()
			p.endGroup()
		case ':':
			p.b = p.b[1:]
			if p.inGroup || p.isAngle || p.hasAt() || len(p.words) == 0 {
				p.ok = false
				p.words = append(p.words, addressWord{text: []byte(":")})
				break
			}
			p.beginGroup()
		case '<':
			p.readAngle()
		case '>':
			p.b = p.b[1:]
			p.ok = false
		case '"':
			var text []byte
			text, p.b = quotedString(p.b, false)
			p.words = append(p.words, addressWord{text: text, quoted: true, space: space})
		case '[':
			n := p.literalLen()
			p.words = append(p.words, addressWord{text: p.b[:n], space: space})
			p.b = p.b[n:]
		case '@', '.':
			p.words = append(p.words, addressWord{text: p.b[:1], special: c, space: space})
			p.b = p.b[1:]
		default:
			n := 1
			for n < len(p.b) && isAtomByte(p.b[n]) {
				n++
			}
			p.words = append(p.words, addressWord{text: p.b[:n], space: space})
			p.b = p.b[n:]
		}
		space = false
		if len(p.words) > maxWords {
			p.words, p.ok = p.words[:maxWords], false
		}
	}
	p.endElement()
	p.endGroup()
}

// maxWords bounds the words of an element that are kept: a header without a separator must not
// take many times its size in memory. No address and no name has that many.
const maxWords = 1000

// literalLen returns the length of the domain literal at the "[" here, or 1 if it is none.
func (p *addressParser) literalLen() int {
	if p.noLiteral {
		return 1
	}
	n := bytes.IndexAny(p.b[:min(len(p.b), maxLiteral)], "],") + 1
	if n == 0 {
		p.noLiteral = true
	}
	if n == 0 || p.b[n-1] == ',' {
		return 1
	}
	return n
}

// isAtomByte reports whether c does not end a word. It is wider than atext of RFC 5322 §3.2.3.
func isAtomByte(c byte) bool {
	switch c {
	case 0, ' ', '\t', '\r', '\n', '(', ',', ';', ':', '<', '>', '"', '[', '@', '.':
		return false
	}
	return true
}

func (p *addressParser) hasAt() bool {
	for _, w := range p.words {
		if w.special == '@' {
			return true
		}
	}
	return false
}

func (p *addressParser) beginGroup() {
	name := joinWords(p.words)
	p.list = append(p.list, Address{Kind: GroupStart, Name: decodeName(string(name)), RawName: string(name)})
	p.inGroup = true
	p.reset()
}

func (p *addressParser) endGroup() {
	if p.inGroup {
		p.list = append(p.list, Address{Kind: GroupEnd})
		p.inGroup = false
	}
}

func (p *addressParser) reset() {
	p.words = p.words[:0]
	p.angle, p.isAngle, p.comment = nil, false, nil
}

// Bounds of the search for the end of what was opened, so that a list of opening brackets takes no more
// than linear time. Addresses are at most 320 bytes (RFC 5321 §4.5.3.1).
const (
	maxLiteral = 256
	maxAngle   = 1024
)

// readAngle reads <...>. One that is not closed ends at a comma, unless that belongs to a route.
// Of several the last that has an "@" counts.
func (p *addressParser) readAngle() {
	all := p.b[1:]
	b := all[:min(len(all), maxAngle)]
	n := 0
	quoted := false
loop:
	for n < len(b) {
		switch c := b[n]; {
		case c == '\\' && quoted:
			n++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '>':
			break loop
		case c == '<':
			// "<<a@b>": the inner one counts.
			break loop
		case c == ',' && !bytes.HasPrefix(skipSpace(b), []byte("@")):
			break loop
		}
		n++
	}
	n = min(n, len(b))
	if quoted {
		// The quote was none: an address with an odd quote in it.
		p.ok = false
		if i := bytes.IndexAny(b, ">,"); i >= 0 {
			n = i
		}
	}
	content, rest := b[:n], all[n:]
	if len(rest) > 0 && rest[0] == '>' {
		rest = rest[1:]
	} else {
		p.ok = false
	}
	for len(rest) > 0 && rest[0] == '>' {
		rest = rest[1:]
	}
	if p.isAngle {
		p.ok = false
	}
	if !p.isAngle || bytes.IndexByte(content, '@') >= 0 {
		p.angle = content
	}
	p.isAngle = true
	p.b = rest
}

// endElement makes an address of what was collected.
func (p *addressParser) endElement() {
	defer p.reset()
	switch {
	case p.isAngle:
		name := joinWords(p.words)
		if len(p.words) == 0 {
			name = unescapeComment(p.comment)
		}
		a := Address{RawName: string(name)}
		p.addrSpec(&a, p.angle)
		p.add(a)
	case p.hasAt():
		p.bareAddress()
	case len(p.words) == 1:
		p.ok = false
		p.add(Address{User: string(p.words[0].text), RawName: string(unescapeComment(p.comment))})
	case len(p.words) > 1:
		p.ok = false
		if p.dotAtom() {
			p.add(Address{User: string(joinWords(p.words))})
		} else {
			p.add(Address{RawName: string(joinWords(p.words))})
		}
	}
}

func (p *addressParser) add(a Address) {
	a.Name = decodeName(a.RawName)
	p.list = append(p.list, a)
}

// decodeName returns a display name as people read it.
func decodeName(raw string) string { return collapseSpace(DecodeText([]byte(raw))) }

// dotAtom reports whether the words are written together.
func (p *addressParser) dotAtom() bool {
	for _, w := range p.words[1:] {
		if w.space {
			return false
		}
	}
	return true
}

// bareAddress makes an address of words without angle brackets: user@host, perhaps with a comment
// that names the owner (RFC 5322 §3.4, and §4 of RFC 822), or with words around it that should
// have been separated.
func (p *addressParser) bareAddress() {
	at := 0
	for i, w := range p.words {
		if w.special == '@' {
			at = i
		}
	}
	// The local part are the words before the last "@" that belong together.
	start := at
	for start > 0 {
		w := p.words[start-1]
		if start < at && p.words[start].space && w.special == 0 && p.words[start].special == 0 {
			break
		}
		start--
	}
	end := at + 1
	for end < len(p.words) {
		w := p.words[end]
		if end > at+1 && w.space && w.special == 0 && p.words[end-1].special == 0 {
			break
		}
		end++
	}
	a := Address{User: string(concatWords(p.words[start:at])), Host: string(concatWords(p.words[at+1 : end]))}
	name := p.words[:start:start]
	name = append(name, p.words[end:]...)
	if len(name) > 0 {
		p.ok = false
		a.RawName = string(joinWords(name))
	} else {
		a.RawName = string(unescapeComment(p.comment))
	}
	if a.User == "" || a.Host == "" || strings.IndexByte(a.User, '@') >= 0 {
		p.ok = false
	}
	p.add(a)
}

// addrSpec reads what stands in angle brackets: [route ":"] local-part "@" domain.
func (p *addressParser) addrSpec(a *Address, b []byte) {
	b = skipSpace(b)
	if len(b) > 0 && b[0] == '@' {
		if i := bytes.IndexByte(b, ':'); i >= 0 {
			a.Route = string(withoutSpace(b[:i]))
			b = b[i+1:]
		}
	}
	// The domain begins after the last "@" that is not quoted.
	at := -1
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			_, rest := quotedString(b[i:], false)
			if rest != nil {
				i = len(b) - len(rest) - 1
			}
		case '(':
			i += commentLen(b[i:]) - 1
		case '@':
			at = i
		}
	}
	if at < 0 {
		p.ok = false
		a.User = string(localPart(b))
		return
	}
	a.User = string(localPart(b[:at]))
	a.Host = string(withoutSpace(b[at+1:]))
	if a.User == "" || a.Host == "" {
		p.ok = false
	}
}

// localPart returns a local part without quotes, comments and white space around its words.
func localPart(b []byte) []byte {
	var out []byte
	for b = skipSpace(b); len(b) > 0; b = skipSpace(b) {
		if b[0] == '"' {
			var text []byte
			text, b = quotedString(b, false)
			out = append(out, text...)
			continue
		}
		out = append(out, b[0])
		b = b[1:]
	}
	return out
}

// withoutSpace returns b without white space and comments.
func withoutSpace(b []byte) []byte {
	var out []byte
	for b = skipSpace(b); len(b) > 0; b = skipSpace(b[1:]) {
		out = append(out, b[0])
	}
	return bytes.ReplaceAll(out, []byte{0}, nil)
}

// concatWords returns words without white space between them.
func concatWords(words []addressWord) []byte {
	var b []byte
	for _, w := range words {
		b = append(b, w.text...)
	}
	return b
}

// joinWords returns words as a phrase, with one space where there was white space.
func joinWords(words []addressWord) []byte {
	var b []byte
	for i, w := range words {
		if i > 0 && w.space {
			b = append(b, ' ')
		}
		b = append(b, w.text...)
	}
	return b
}

// unescapeComment returns the text of a comment without its last parenthesis and backslashes.
func unescapeComment(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte(")"))
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		out = append(out, b[i])
	}
	return Unfold(out)
}

// appendAddrSpec appends user@host, the user as quoted string where it is no dot-atom.
func appendAddrSpec(dst []byte, a Address) []byte {
	if isDotAtom(a.User) {
		dst = append(dst, a.User...)
	} else {
		dst = appendQuoted(dst, a.User)
	}
	dst = append(dst, '@')
	return append(dst, a.Host...)
}

// appendQuoted appends a quoted string.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// isDotAtom reports whether s is a dot-atom (RFC 5322 §3.2.3, with UTF-8 as in RFC 6532 §3.2).
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if !isAtom(atom) {
			return false
		}
	}
	return true
}

// isAtom reports whether s consists of atext (RFC 5322 §3.2.3).
func isAtom(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == 0x7f || strings.IndexByte(`()<>[]:;@\,."`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
