package wire

import (
	"bytes"
	"math"
	"strconv"

	"mox/imap"
)

// FetchKind is a data item of FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5).
type FetchKind uint8

// The data items of FETCH.
const (
	FetchUID           FetchKind = iota
	FetchFlags                   //
	FetchInternalDate            //
	FetchRFC822Size              // RFC822.SIZE
	FetchModSeq                  // RFC 7162 §3.1.4
	FetchEnvelope                //
	FetchBody                    // BODY, without extension data
	FetchBodyStructure           //
	FetchSection                 // BODY[...] and BODY.PEEK[...], see Section and Peek
	FetchBinary                  // BINARY[...] and BINARY.PEEK[...], see Section and Peek
	FetchBinarySize              // BINARY.SIZE[...], see Section
	FetchRFC822                  // RFC822, as BODY[]
	FetchRFC822Header            // RFC822.HEADER, as BODY.PEEK[HEADER]
	FetchRFC822Text              // RFC822.TEXT, as BODY[TEXT]
)

// FetchItem is one data item of a FETCH command.
type FetchItem struct {
	Kind    FetchKind
	Peek    bool    // Do not set \Seen.
	Section Section // For FetchSection, FetchBinary and FetchBinarySize.
}

// SetsSeen reports whether fetching the item sets \Seen.
func (i FetchItem) SetsSeen() bool {
	switch i.Kind {
	case FetchSection, FetchBinary:
		return !i.Peek
	case FetchRFC822, FetchRFC822Text:
		return true
	}
	return false
}

// SectionText is the last specifier of a section.
type SectionText uint8

// The specifiers.
const (
	SectionPart      SectionText = iota // None: a part as its numbers say, or the whole message.
	SectionHeader                       // HEADER
	SectionFields                       // HEADER.FIELDS
	SectionFieldsNot                    // HEADER.FIELDS.NOT
	SectionBody                         // TEXT
	SectionMIME                         // MIME
)

// sectionNames are the names of the specifiers, in their order.
var sectionNames = [...]string{"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"}

// Section names a piece of a message (RFC 9051 §6.4.5.1).
type Section struct {
	Path   []int // Part numbers, from 1.
	Text   SectionText
	Fields []string // For SectionFields and SectionFieldsNot, as written.

	// Partial says that only the octets from Offset on, and at most Count of them, are
	// asked for. Count is at least 1.
	Partial       bool
	Offset, Count int64
}

// Fetch has the arguments of FETCH and UID FETCH.
type Fetch struct {
	Set   NumSet
	Items []FetchItem // In the order as written, macros expanded.

	// HasChangedSince says that there is the modifier CHANGEDSINCE (RFC 7162 §3.1.4.1).
	HasChangedSince bool
	ChangedSince    imap.ModSeq

	// Vanished says that there is the modifier VANISHED (RFC 7162 §3.2.6), which is allowed with
	// UID FETCH and CHANGEDSINCE only.
	Vanished bool
}

// The macros (RFC 9051 §6.4.5).
var (
	macroFast = []FetchKind{FetchFlags, FetchInternalDate, FetchRFC822Size}
	macroAll  = []FetchKind{FetchFlags, FetchInternalDate, FetchRFC822Size, FetchEnvelope}
	macroFull = []FetchKind{FetchFlags, FetchInternalDate, FetchRFC822Size, FetchEnvelope, FetchBody}
)

// Fetch takes the arguments of FETCH, to the end of the command. The memory of f is used
// again.
func (d *Decoder) Fetch(kind NumKind, f *Fetch) error {
	*f = Fetch{Set: f.Set, Items: f.Items[:0]}
	d.SP()
	d.NumSet(kind, &f.Set)
	d.SP()
	if d.peek() == '(' {
		d.Parens(false, func() { d.fetchItem(f, d.Keyword()) })
	} else {
		switch word := d.Keyword(); string(word) {
		case "FAST":
			f.expand(macroFast)
		case "ALL":
			f.expand(macroAll)
		case "FULL":
			f.expand(macroFull)
		default:
			d.fetchItem(f, word)
		}
	}
	if d.Take(' ') {
		d.Parens(false, func() { d.fetchModifier(f) })
	}
	if f.Vanished && (kind != UIDNums || !f.HasChangedSince) {
		d.invalid("VANISHED without UID FETCH and CHANGEDSINCE")
	}
	d.CRLF()
	return d.err
}

func (f *Fetch) expand(macro []FetchKind) {
	for _, k := range macro {
		f.add(k)
	}
}

// add appends an item and returns it. The memory of the item that was there is used again.
func (f *Fetch) add(k FetchKind) *FetchItem {
	n := len(f.Items)
	if n < cap(f.Items) {
		f.Items = f.Items[:n+1]
	} else {
		f.Items = append(f.Items, FetchItem{})
	}
	item := &f.Items[n]
	*item = FetchItem{Kind: k, Section: Section{Path: item.Section.Path[:0], Fields: item.Section.Fields[:0]}}
	return item
}

// fetchItem takes the rest of a data item after its name.
func (d *Decoder) fetchItem(f *Fetch, word []byte) {
	switch string(word) {
	case "UID":
		f.add(FetchUID)
	case "FLAGS":
		f.add(FetchFlags)
	case "INTERNALDATE":
		f.add(FetchInternalDate)
	case "RFC822.SIZE":
		f.add(FetchRFC822Size)
	case "MODSEQ":
		f.add(FetchModSeq)
	case "ENVELOPE":
		f.add(FetchEnvelope)
	case "BODYSTRUCTURE":
		f.add(FetchBodyStructure)
	case "BODY", "BODY.PEEK":
		peek := len(word) > len("BODY")
		if d.peek() != '[' && !peek {
			f.add(FetchBody)
			return
		}
		item := f.add(FetchSection)
		item.Peek = peek
		d.section(&item.Section)
		d.partial(&item.Section, false)
	case "BINARY", "BINARY.PEEK":
		item := f.add(FetchBinary)
		item.Peek = len(word) > len("BINARY")
		d.binarySection(&item.Section)
		d.partial(&item.Section, true)
	case "BINARY.SIZE":
		d.binarySection(&f.add(FetchBinarySize).Section)
	case "RFC822":
		f.add(FetchRFC822)
	case "RFC822.HEADER":
		f.add(FetchRFC822Header)
	case "RFC822.TEXT":
		f.add(FetchRFC822Text)
	default:
		d.invalid("Unknown item of FETCH")
	}
}

func (d *Decoder) fetchModifier(f *Fetch) {
	switch string(d.Keyword()) {
	case "CHANGEDSINCE":
		d.SP()
		f.HasChangedSince, f.ChangedSince = true, imap.ModSeq(d.NZNumber64())
	case "VANISHED":
		f.Vanished = true
	default:
		d.invalid("Unknown modifier of FETCH")
	}
}

// section takes a section with its brackets (section in RFC 9051 §9).
func (d *Decoder) section(s *Section) {
	d.Expect('[')
	if d.Take(']') {
		return
	}
	if isDigit(d.peek()) {
		d.sectionPath(s)
		if d.Take(']') {
			return
		}
		d.Expect('.')
	}
	switch word := d.token(isSectionWord); {
	case asciiFold(word, "HEADER"):
		s.Text = SectionHeader
	case asciiFold(word, "TEXT"):
		s.Text = SectionBody
	case asciiFold(word, "MIME") && len(s.Path) > 0:
		s.Text = SectionMIME
	case asciiFold(word, "HEADER.FIELDS"):
		s.Text = SectionFields
	case asciiFold(word, "HEADER.FIELDS.NOT"):
		s.Text = SectionFieldsNot
	default:
		d.invalid("Unknown section")
	}
	if s.Text == SectionFields || s.Text == SectionFieldsNot {
		d.SP()
		d.Parens(false, func() { s.Fields = append(s.Fields, d.AString()) })
	}
	d.Expect(']')
}

// isSectionWord tells the characters of the last specifier of a section.
func isSectionWord(c byte) bool { return c == '.' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// asciiFold compares without regard to case.
func asciiFold(b []byte, s string) bool { return len(b) == len(s) && bytes.EqualFold(b, []byte(s)) }

// sectionPath takes part numbers. It leaves the dot before a specifier.
func (d *Decoder) sectionPath(s *Section) {
	for {
		s.Path = append(s.Path, int(d.NZNumber()))
		if len(s.Path) > d.limits.Depth {
			d.exceeded(imap.CodeLimit, "Too many part numbers")
		}
		if d.err != nil || d.peek() != '.' || d.pos+1 == len(d.line) || !isDigit(d.line[d.pos+1]) {
			return
		}
		d.pos++
	}
}

// binarySection takes part numbers with brackets (section-binary in RFC 9051 §9).
func (d *Decoder) binarySection(s *Section) {
	d.Expect('[')
	if d.Take(']') {
		return
	}
	d.sectionPath(s)
	d.Expect(']')
}

// partial takes "<offset.count>" if it is there. With open "<offset>" is taken, too, for all from there on: ImapTest asks
// for BINARY so.
func (d *Decoder) partial(s *Section, open bool) {
	if !d.Take('<') {
		return
	}
	s.Partial = true
	s.Offset = d.Number64()
	if open && d.Take('>') {
		s.Count = math.MaxInt64
		return
	}
	d.Expect('.')
	s.Count = d.NZNumber64()
	d.Expect('>')
}

// AppendTo appends the section as it stands in a FETCH response: in brackets, with the
// origin octet "<0>" but not the count of a partial one (RFC 9051 §7.5.2).
func (s *Section) AppendTo(b []byte) []byte {
	b = append(b, '[')
	for i, n := range s.Path {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	if s.Text != SectionPart && len(s.Path) > 0 {
		b = append(b, '.')
	}
	b = append(b, sectionNames[s.Text]...)
	if s.Text == SectionFields || s.Text == SectionFieldsNot {
		b = append(b, " ("...)
		for i, f := range s.Fields {
			if i > 0 {
				b = append(b, ' ')
			}
			b = AppendAString(b, f)
		}
		b = append(b, ')')
	}
	b = append(b, ']')
	if s.Partial {
		b = append(b, '<')
		b = strconv.AppendInt(b, s.Offset, 10)
		b = append(b, '>')
	}
	return b
}
