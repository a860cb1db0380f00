package imapserver

import (
	"bytes"
	"errors"
	"io"
	"math"

	"mox/imap"
	"mox/imap/wire"
	"mox/message"
	"mox/store"
)

// errUnknownCTE says that a part is in a content transfer encoding that nobody knows.
var errUnknownCTE = errors.New("unknown content transfer encoding")

// binaryKeep is how many octets of the sections of one message are kept decoded, so that small parts are
// decoded once. Larger ones are decoded to count the octets, and again to write them.
const binaryKeep = 64 << 10

// binaryRange is what a BINARY item asks for of a message, or all of the section for BINARY.SIZE.
type binaryRange struct {
	exists    bool
	part      *message.Part // Nil for the whole message.
	off, size int64         // In octets of the decoded section.
	nul       bool          // There is a NUL among them.
	kept      bool
	at        int // Where they begin in fetch.kept.
}

// measureBinary decodes the sections of the BINARY items, before the response begins: octets are counted, as the
// literal is announced before it is written, and an encoding may be unknown (RFC 3516 §4.3).
func (f *fetch) measureBinary() error {
	f.binary, f.kept, f.binaryWritten = f.binary[:0], f.kept[:0], 0
	for i := range f.args.Items {
		it := &f.args.Items[i]
		if it.Kind != wire.FetchBinary && it.Kind != wire.FetchBinarySize {
			continue
		}
		b, err := f.binarySection(it)
		if err != nil {
			return err
		}
		f.binary = append(f.binary, b)
	}
	return nil
}

func (f *fetch) binarySection(it *wire.FetchItem) (b binaryRange, err error) {
	size := f.entry.Size
	if b.exists = true; len(it.Section.Path) > 0 {
		if b.part, b.exists, err = binaryPart(f.part, it); !b.exists || err != nil {
			return b, err
		}
		size = b.part.BodySize()
	}
	encoded := b.part != nil && b.part.IsEncoded()
	if it.Kind == wire.FetchBinarySize && !encoded {
		b.size = size
		return b, nil
	}
	b.size = math.MaxInt64
	if it.Section.Partial {
		b.off, b.size = it.Section.Offset, it.Section.Count
	}
	r, err := f.binaryReader(&b)
	if err == nil {
		err = f.count(&b, r)
	}
	return b, err
}

// binaryPart returns the part of a message that a BINARY item asks for, if there is one.
func binaryPart(root *message.Part, it *wire.FetchItem) (part *message.Part, exists bool, err error) {
	if part, exists = root.At(it.Section.Path); exists && !part.EncodingKnown() {
		err = errUnknownCTE
	}
	return part, exists, err
}

// addDecodable adds to a set of UIDs those of messages that are in known encodings where BINARY items ask for parts. What
// a client will not be given it has not seen.
func (f *fetch) addDecodable(set *imap.UIDSet, l *fetchMessages) error {
	return f.c.auth.account.Emails(f.c.srv.ctx, f.c.auth.actor, l.emails, func(i int, e *store.Email) error {
		if e != nil && f.decodable(e) {
			set.Add(l.entries[i].UID)
		}
		return nil
	})
}

// decodable reports whether all BINARY items can be had of an email.
func (f *fetch) decodable(e *store.Email) bool {
	root, err := e.Part()
	if err != nil {
		return false
	}
	for i := range f.args.Items {
		it := &f.args.Items[i]
		if it.Kind != wire.FetchBinary && it.Kind != wire.FetchBinarySize || len(it.Section.Path) == 0 {
			continue
		}
		if _, _, err := binaryPart(root, it); err != nil {
			return false
		}
	}
	return true
}

// binaryReader returns a reader of the decoded octets from the first one that is asked for.
//
// Only leaf parts have an encoding to remove (RFC 9051 §6.4.5). A multipart, a message in a message and the whole
// message, header included, are given as they stand.
func (f *fetch) binaryReader(b *binaryRange) (io.Reader, error) {
	start, end := int64(0), f.content.Size()
	if b.part != nil {
		start, end = b.part.BodyOffset, b.part.EndOffset
	}
	if b.part == nil || !b.part.IsEncoded() {
		off := min(b.off, end-start)
		return io.NewSectionReader(f.content, start+off, end-start-off), nil
	}
	r := b.part.DecodedReader(f.content)
	if _, err := io.CopyN(io.Discard, r, b.off); err != nil && err != io.EOF {
		return nil, err
	}
	return r, nil
}

// count reads the octets that are asked for, corrects their number to how many there are, looks for NUL, and
// keeps them if they are few.
func (f *fetch) count(b *binaryRange, r io.Reader) error {
	if f.buf = f.buf[:cap(f.buf)]; len(f.buf) < 32<<10 {
		f.buf = make([]byte, 32<<10)
	}
	b.at, b.kept = len(f.kept), true
	most := b.size
	b.size = 0
	for b.size < most {
		n, err := r.Read(f.buf[:min(int64(len(f.buf)), most-b.size)])
		data := f.buf[:n]
		b.size += int64(n)
		b.nul = b.nul || bytes.IndexByte(data, 0) >= 0
		if b.kept = b.kept && len(f.kept)+n <= binaryKeep; b.kept {
			f.kept = append(f.kept, data...)
		}
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if !b.kept {
		f.kept = f.kept[:b.at]
	}
	return nil
}

// nextBinary returns what was measured for the next of the BINARY items.
func (f *fetch) nextBinary() *binaryRange {
	f.binaryWritten++
	return &f.binary[f.binaryWritten-1]
}

// writeBinary writes a decoded section: a literal8 only if it has NUL, so that a client knows without looking
// (RFC 3516 §4.3, RFC 9051 §7.5.2). One that the message does not have is NIL.
func (f *fetch) writeBinary(b *binaryRange) error {
	c := f.c
	if !b.exists {
		c.enc.Nil()
		return c.enc.Err()
	}
	var r io.Reader = bytes.NewReader(f.kept[b.at:])
	if !b.kept {
		var err error
		if r, err = f.binaryReader(b); err != nil {
			return err
		}
	}
	c.traceData(func() { c.enc.Literal(r, b.size, b.nul) })
	return c.enc.Err()
}

// writeBinarySize writes the size of a decoded section. The grammar has no NIL there: one that the message does not
// have is empty.
func (f *fetch) writeBinarySize(b *binaryRange) error {
	f.c.enc.Number64(b.size)
	return f.c.enc.Err()
}
