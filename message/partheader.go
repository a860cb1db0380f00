package message

import (
	"bytes"
)

// readHeader fills the part of f from its header. It reports whether the body is a message.
func (p *Parser) readHeader(f *frame, header []byte) (bodyIsMessage bool) {
	part := f.part
	h := headerReader{part: part, room: p.opts.MaxElements - p.elements}
	if f.message {
		part.Envelope = &Envelope{}
		h.envelope = part.Envelope
	}
	h.read(header, p.opts.MaxHeaderFields)
	p.elements = p.opts.MaxElements - h.room

	if part.Encoding == "" {
		part.Encoding = "7bit"
	}
	if part.Type == "" {
		if f.digest && !h.seen(fieldContentType) {
			part.setType("message", "rfc822") // RFC 2046 §5.1.5
		} else {
			part.setDefaultType()
		}
	}
	switch encoding := part.Encoding; {
	case part.Type == "text" && !hasParam(part.Params, "charset"):
		part.Params = append(part.Params, Param{Name: "charset", Value: "us-ascii", Raw: "us-ascii"})
	case part.Type == "multipart":
		if !identityEncoding(encoding) {
			part.Defects |= DefectEncoding
		}
	case part.Type == "message" && (part.Subtype == "rfc822" || part.Subtype == "global"):
		if encoding == "base64" || encoding == "quoted-printable" {
			// RFC 2046 §5.2.1 forbids it. RFC 6532 §3.7 allows it for message/global,
			// but IMAP cannot address parts inside.
			part.Defects |= DefectEncodedMessage
			part.setType("application", "octet-stream")
			return false
		}
		return true
	}
	return false
}

// setType sets the type a part is treated as.
func (p *Part) setType(typ, subtype string) {
	p.Type, p.Subtype = typ, subtype
	p.RawType, p.RawSubtype = typ, subtype
}

// setDefaultType makes the part text/plain (RFC 2045 §5.2).
func (p *Part) setDefaultType() {
	p.setType("text", "plain")
	p.Params = []Param{{Name: "charset", Value: "us-ascii", Raw: "us-ascii"}}
}

func (p *Part) rawParam(name string) string {
	for _, q := range p.Params {
		if q.Name == name {
			if q.Extended {
				return q.Value
			}
			return q.Raw
		}
	}
	return ""
}

// fieldID names the header fields that the parser understands.
type fieldID uint8

const (
	fieldOther fieldID = iota
	fieldContentType
	fieldContentTransferEncoding
	fieldContentID
	fieldContentDescription
	fieldContentDisposition
	fieldContentLanguage
	fieldContentLocation
	fieldContentMD5
	fieldDate
	fieldSubject
	fieldFrom
	fieldSender
	fieldReplyTo
	fieldTo
	fieldCC
	fieldBCC
	fieldMessageID
	fieldInReplyTo
	fieldReferences
)

// lookupField returns the id of a field name in any case.
func lookupField(name []byte) fieldID {
	var buf [32]byte
	if len(name) > len(buf) {
		return fieldOther
	}
	for i, c := range name {
		buf[i] = lowerByte(c)
	}
	switch string(buf[:len(name)]) {
	case "content-type":
		return fieldContentType
	case "content-transfer-encoding":
		return fieldContentTransferEncoding
	case "content-id":
		return fieldContentID
	case "content-description":
		return fieldContentDescription
	case "content-disposition":
		return fieldContentDisposition
	case "content-language":
		return fieldContentLanguage
	case "content-location":
		return fieldContentLocation
	case "content-md5":
		return fieldContentMD5
	case "date":
		return fieldDate
	case "subject":
		return fieldSubject
	case "from":
		return fieldFrom
	case "sender":
		return fieldSender
	case "reply-to":
		return fieldReplyTo
	case "to":
		return fieldTo
	case "cc":
		return fieldCC
	case "bcc":
		return fieldBCC
	case "message-id":
		return fieldMessageID
	case "in-reply-to":
		return fieldInReplyTo
	case "references":
		return fieldReferences
	}
	return fieldOther
}

// headerReader fills a part, and the envelope of a message, field by field.
type headerReader struct {
	part     *Part
	envelope *Envelope // Nil if the part is no message.
	fields   uint32    // Set of field ids seen.
	room     int       // How many addresses and parameters may still be kept.
}

// read reads all fields, up to max.
func (h *headerReader) read(header []byte, max int) {
	n := 0
	for f := range Fields(header) {
		if f.Name == nil {
			if !(f.Offset == 0 && isMboxLine(f.Raw)) {
				h.part.Defects |= DefectHeaderLine
			}
			continue
		}
		if n++; n > max {
			h.part.Defects |= DefectHeaderTooLarge
			break
		}
		h.field(f)
	}
	if h.envelope != nil && h.envelope.Date.IsZero() {
		h.part.Defects |= DefectDate
	}
}

func (h *headerReader) seen(id fieldID) bool { return h.fields&(1<<id) != 0 }

func (h *headerReader) field(f Field) {
	id := lookupField(f.Name)
	if id == fieldOther || id >= fieldDate && h.envelope == nil {
		return
	}
	if h.seen(id) {
		h.part.Defects |= DefectDuplicateField
	}
	if id >= fieldDate {
		h.envelopeField(id, f.Value)
	} else if !h.seen(id) {
		h.contentField(id, f.Value)
	}
	h.fields |= 1 << id
}

// contentField reads a MIME field. Of several with the same name the first counts.
func (h *headerReader) contentField(id fieldID, value []byte) {
	part := h.part
	switch id {
	case fieldContentType:
		h.contentType(value)
	case fieldContentTransferEncoding:
		var ok bool
		if part.Encoding, ok = parseEncoding(value); !ok {
			part.Defects |= DefectEncoding
		}
	case fieldContentID:
		part.ContentID = string(Unfold(value))
	case fieldContentDescription:
		part.RawDescription = string(Unfold(value))
		part.Description = h.decode(value)
	case fieldContentDisposition:
		typ, rest := token(value)
		part.Disposition = lowerASCII(string(typ))
		part.DispositionParams = h.params(rest)
	case fieldContentLanguage:
		part.Language = parseLanguages(value)
	case fieldContentLocation:
		part.Location = string(removeSpace(value))
	case fieldContentMD5:
		part.MD5 = string(removeSpace(value))
	}
}

func (h *headerReader) contentType(value []byte) {
	part := h.part
	typ, rest := token(value)
	subtype := []byte(nil)
	if len(rest) > 0 && rest[0] == '/' {
		subtype, rest = token(rest[1:])
	}
	part.Params = h.params(rest)
	part.RawType, part.RawSubtype = string(typ), string(subtype)
	part.Type, part.Subtype = lowerASCII(part.RawType), lowerASCII(part.RawSubtype)
	if part.Type != "" && part.Subtype != "" {
		return
	}
	part.Defects |= DefectContentType
	// RFC 2045 §5.2 suggests text/plain for what cannot be understood, but of a type without
	// subtype we know enough not to show it as text.
	switch part.Type {
	case "multipart":
		part.setType("multipart", "mixed")
	case "application", "image", "audio", "video":
		part.setType("application", "octet-stream")
	case "text":
		part.setType("text", "plain")
	default:
		part.setDefaultType()
	}
}

// decode decodes unstructured text.
func (h *headerReader) decode(value []byte) string {
	s, ok := decodeText(value)
	if !ok {
		h.part.Defects |= DefectCharset
	}
	return s
}

func (h *headerReader) params(b []byte) []Param {
	l, ok := parseParams(b)
	if !ok {
		h.part.Defects |= DefectCharset
	}
	if len(l) > h.room {
		h.part.Defects |= DefectHeaderTooLarge
		l = l[:h.room]
	}
	h.room -= len(l)
	return l
}

// envelopeField reads a field of a message. Of several with the same name the last counts, which is
// the one that a DKIM signature covers (RFC 6376 §5.4.2), so that nobody can put another subject before
// the signed one. Address lists are joined.
func (h *headerReader) envelopeField(id fieldID, value []byte) {
	e := h.envelope
	switch id {
	case fieldFrom:
		h.addresses(&e.From, value)
	case fieldSender:
		h.addresses(&e.Sender, value)
	case fieldReplyTo:
		h.addresses(&e.ReplyTo, value)
	case fieldTo:
		h.addresses(&e.To, value)
	case fieldCC:
		h.addresses(&e.CC, value)
	case fieldBCC:
		h.addresses(&e.BCC, value)
	case fieldReferences:
		e.References = appendMessageIDs(e.References, value, false)
	case fieldDate:
		e.RawDate = Unfold(value)
		e.Date, _ = ParseDate(string(e.RawDate))
	case fieldSubject:
		e.RawSubject = Unfold(value)
		e.Subject = h.decode(value)
	case fieldMessageID:
		e.RawMessageID = Unfold(value)
		e.MessageID = NormalizeMessageID(value)
	case fieldInReplyTo:
		e.RawInReplyTo = Unfold(value)
		e.InReplyTo = appendMessageIDs(nil, value, false)
	}
}

func (h *headerReader) addresses(l *[]Address, value []byte) {
	before := len(*l)
	var ok bool
	*l, ok = appendAddresses(*l, value, h.room)
	if !ok {
		h.part.Defects |= DefectAddress
	}
	h.room -= len(*l) - before
	if h.room == 0 {
		h.part.Defects |= DefectHeaderTooLarge
	}
}

func identityEncoding(s string) bool { return s == "7bit" || s == "8bit" || s == "binary" }

// parseEncoding returns the name of a content transfer encoding in lower case, and whether it is one
// of RFC 2045 §6.1. Some ways to misspell these are understood; what is no name at all is "7bit".
func parseEncoding(value []byte) (encoding string, ok bool) {
	name, rest := token(value)
	s := lowerASCII(string(name))
	switch s {
	case "7bit", "8bit", "binary", "base64", "quoted-printable":
		return s, true
	case "7-bit", "7bits":
		return "7bit", true
	case "8-bit", "8bits":
		return "8bit", true
	case "quoted", "quotedprintable", "quoted_printable":
		return "quoted-printable", true
	case "base-64", "base_64":
		return "base64", true
	case "":
		return "7bit", len(rest) == 0
	}
	if len(rest) > 0 && rest[0] != ';' {
		return "7bit", false
	}
	return s, false
}

// parseLanguages reads Content-Language (RFC 3282 §2).
func parseLanguages(value []byte) []string {
	var l []string
	for len(value) > 0 && len(l) < maxParams {
		var tag []byte
		tag, value = token(value)
		if len(tag) > 0 {
			l = append(l, string(tag))
		}
		if i := bytes.IndexByte(value, ','); i >= 0 {
			value = value[i+1:]
		} else {
			break
		}
	}
	return l
}

// removeSpace returns a value without white space, controls and line ends. RFC 2557 §4.4.2 folds
// long locations by them.
func removeSpace(value []byte) []byte {
	b := make([]byte, 0, len(value))
	for _, c := range value {
		if c > ' ' && c != 0x7f {
			b = append(b, c)
		}
	}
	return b
}
