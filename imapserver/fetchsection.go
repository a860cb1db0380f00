package imapserver

import (
	"bytes"
	"io"
	"slices"
	"strconv"

	"mox/imap/wire"
	"mox/message"
	"mox/store"
)

// wholeMessage reports whether a section is all of the message.
func wholeMessage(s *wire.Section) bool { return s.Text == wire.SectionPart && len(s.Path) == 0 }

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

// writeSection writes the string of a section (RFC 9051 §6.4.5.1, RFC 3501 §2.4). A section that the message does
// not have is NIL.
func (f *fetch) writeSection(s *wire.Section) error {
	switch {
	case wholeMessage(s):
		return f.writeRange(s, 0, f.content.Size())
	case listedFields(s):
		return f.writeFields(s, f.cold.Header)
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
	if s.Text == wire.SectionFields || s.Text == wire.SectionFieldsNot {
		header := make([]byte, rng.Len())
		if _, err := io.ReadFull(io.NewSectionReader(f.content, rng.Start, rng.Len()), header); err != nil {
			return err
		}
		return f.writeFields(s, header)
	}
	return f.writeRange(s, rng.Start, rng.Len())
}

// writeRange writes octets of the content, all or as many as are asked for. NUL is written where the message has
// it, though a literal has no place for it (RFC 9051 §4.3.1): clients count octets, and signatures and sizes
// hold only for the message as it came (RFC 3501 §2.3.4, §4.3.1).
func (f *fetch) writeRange(s *wire.Section, start, size int64) error {
	off, n := partial(s, size)
	c := f.c
	c.traceData(func() { c.enc.Literal(io.NewSectionReader(f.content, start+off, n), n, false) })
	return c.enc.Err()
}

// writeFields writes fields of a header.
func (f *fetch) writeFields(s *wire.Section, header []byte) error {
	f.buf = endHeader(message.AppendFields(f.buf[:0], header, s.Fields, s.Text == wire.SectionFieldsNot))
	off, n := partial(s, int64(len(f.buf)))
	// The announcement of the literal goes before it in the same buffer.
	var announce [24]byte
	a := append(strconv.AppendInt(append(announce[:0], '{'), n, 10), "}\r\n"...)
	f.buf = slices.Replace(f.buf[:off+n], 0, int(off), a...)
	c := f.c
	c.traceData(func() { c.enc.RawBytes(f.buf) })
	return c.enc.Err()
}

// endHeader ends selected header fields with a blank line, which a client expects whether or not the
// message has one (RFC 9051 §6.4.5.1).
func endHeader(b []byte) []byte {
	if bytes.HasSuffix(b, []byte("\r\n\r\n")) || string(b) == "\r\n" || bytes.HasSuffix(b, []byte("\n\n")) {
		return b
	}
	return append(b, "\r\n"...)
}

// partial returns the range of a string of the given size that is asked for. It may be empty.
func partial(s *wire.Section, size int64) (off, n int64) {
	if !s.Partial {
		return 0, size
	}
	off = min(s.Offset, size)
	return off, min(s.Count, size-off)
}
