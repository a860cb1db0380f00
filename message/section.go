package message

// SectionText is the last specifier of an IMAP section (RFC 9051 §6.4.5.1), after
// the part numbers.
type SectionText uint8

const (
	// SectionPart is the content that the part numbers alone name: BODY[1.2], or the
	// whole message for BODY[].
	SectionPart SectionText = iota
	// SectionHeader is the header of a message: BODY[HEADER], BODY[3.HEADER]. It is also
	// the range from which HEADER.FIELDS and HEADER.FIELDS.NOT select.
	SectionHeader
	// SectionBody is the body of a message: BODY[TEXT], BODY[3.TEXT].
	SectionBody
	// SectionMIME is the MIME header of a part: BODY[1.MIME].
	SectionMIME
)

// Range is a half-open range of byte offsets of a message.
type Range struct {
	Start, End int64
}

// Len is the number of bytes in the range.
func (r Range) Len() int64 { return r.End - r.Start }

// Section returns the byte range of an IMAP section of message p, which is a root or
// a Message. It reports false if the message has no such section.
func (p *Part) Section(path []int, text SectionText) (Range, bool) {
	if len(path) == 0 {
		switch text {
		case SectionPart:
			return Range{p.HeaderOffset, p.EndOffset}, true
		case SectionHeader:
			return Range{p.HeaderOffset, p.BodyOffset}, true
		case SectionBody:
			return Range{p.BodyOffset, p.EndOffset}, true
		}
		return Range{}, false
	}
	q, ok := p.At(path)
	if !ok {
		return Range{}, false
	}
	switch text {
	case SectionPart:
		return Range{q.BodyOffset, q.EndOffset}, true
	case SectionMIME:
		return Range{q.HeaderOffset, q.BodyOffset}, true
	}
	if q.Message == nil {
		return Range{}, false
	}
	return q.Message.Section(nil, text)
}

// At returns the part with the given part numbers of message p, counted from 1 as in
// RFC 9051 §6.4.5.1. It reports false if there is none. With an empty path it is p itself.
//
// A message that is no multipart has one part, 1, which is its own body; the
// numbers below a message/rfc822 part are those of the message inside.
func (p *Part) At(path []int) (*Part, bool) {
	q := p
	msg := true // q is a message whose numbers are counted, not a part reached by its number.
	for _, n := range path {
		if !msg && q.Message != nil {
			q, msg = q.Message, true
		}
		switch {
		case n < 1:
			return nil, false
		case q.IsMultipart() && n <= len(q.Parts):
			q, msg = q.Parts[n-1], false
		case !q.IsMultipart() && msg && n == 1:
			msg = false
		default:
			return nil, false
		}
	}
	return q, true
}
