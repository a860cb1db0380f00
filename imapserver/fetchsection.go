package imapserver

import (
	"bytes"
	"io"

	"mox/imap/wire"
	"mox/message"
	"mox/store"
)

// needsContent reports whether an item needs more than the cold record.
func (f *fetch) needsContent() bool {
	for i := range f.args.Items {
		switch it := &f.args.Items[i]; it.Kind {
		case wire.FetchRFC822, wire.FetchRFC822Header, wire.FetchRFC822Text:
			return true
		case wire.FetchSection:
			if !listedFields(&it.Section) {
				return true
			}
		}
	}
	return false
}

// listedFields reports whether a section holds only header fields that the cold record has.
func listedFields(s *wire.Section) bool {
	if s.Text != wire.SectionFields || len(s.Path) > 0 {
		return false
	}
	for _, name := range s.Fields {
		if !store.ListedField(name) {
			return false
		}
	}
	return true
}

// writeSection writes the string of a section (RFC 9051 §6.4.5.1). A section that the message does
// not have is NIL.
func (f *fetch) writeSection(s *wire.Section) error {
	if listedFields(s) {
		b := message.AppendFields(nil, f.cold.Header, s.Fields, false)
		return f.writeBytes(s, endHeader(b))
	}
	var text message.SectionText
	switch s.Text {
	case wire.SectionHeader, wire.SectionFields, wire.SectionFieldsNot:
		text = message.SectionHeader
	case wire.SectionBody:
		text = message.SectionBody
	case wire.SectionMIME:
		text = message.SectionMIME
	}
	rng, ok := f.part.Section(s.Path, text)
	if !ok {
		f.c.enc.Nil()
		return f.c.enc.Err()
	}
	r := io.NewSectionReader(f.content, rng.Start, rng.Len())
	if s.Text == wire.SectionFields || s.Text == wire.SectionFieldsNot {
		header := make([]byte, rng.Len())
		if _, err := io.ReadFull(r, header); err != nil {
			return err
		}
		b := message.AppendFields(nil, header, s.Fields, s.Text == wire.SectionFieldsNot)
		return f.writeBytes(s, endHeader(b))
	}
	off, n := partial(s, rng.Len())
	f.c.enc.Literal(io.NewSectionReader(f.content, rng.Start+off, n), n, false)
	return f.c.enc.Err()
}

// endHeader ends selected header fields with a blank line, which a client expects whether or not the
// message has one (RFC 9051 §6.4.5.1).
func endHeader(b []byte) []byte {
	if bytes.HasSuffix(b, []byte("\r\n\r\n")) || string(b) == "\r\n" || bytes.HasSuffix(b, []byte("\n\n")) {
		return b
	}
	return append(b, "\r\n"...)
}

func (f *fetch) writeBytes(s *wire.Section, b []byte) error {
	off, n := partial(s, int64(len(b)))
	f.c.enc.Literal(bytes.NewReader(b[off:off+n]), n, false)
	return f.c.enc.Err()
}

// partial returns the range of a string of the given size that is asked for. It may be empty.
func partial(s *wire.Section, size int64) (off, n int64) {
	if !s.Partial {
		return 0, size
	}
	off = min(s.Offset, size)
	return off, min(s.Count, size-off)
}
