package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"mox/imap"
	"mox/message"
)

// cold is what the database keeps of an email besides its row: all that lists of messages need, so
// that they open no blob.
type cold struct {
	prefix, auth, envelope, bodyStructure, header []byte
	preview                                       string
	part                                          []byte // As message.AppendPart makes it, without envelope.

	// Shift and shiftLines are how many bytes and lines of the prefix come before what part describes.
	shift, shiftLines int64

	message *message.Part // What the others were made from. Not stored.
}

const (
	coldVersion = 1

	previewSize = message.MaxPreview
)

var errCold = errors.New("damaged record of email")

// makeCold makes the cold record of a message. Root is its parsed body.
func makeCold(m *NewMessage, root *message.Part) (*cold, error) {
	c := &cold{prefix: m.Prefix, auth: m.Auth, message: root}
	body := io.ReaderAt(m.Body)
	if matters(m.Prefix) {
		// Unlike trace fields, these change what the message is.
		whole := &prefixed{m.Prefix, m.Body, m.Size}
		p, err := message.Parse(io.NewSectionReader(whole, 0, whole.Size()))
		if err != nil {
			return nil, fmt.Errorf("reading message: %w", err)
		}
		c.message = p
		body = whole
	} else {
		c.shift = int64(len(m.Prefix))
		c.shiftLines = int64(bytes.Count(m.Prefix, []byte{'\n'}))
	}
	c.envelope = imap.AppendEnvelope(nil, c.message.Envelope)
	c.bodyStructure = imap.AppendBodyStructure(nil, c.message)
	header, err := rawHeader(m, root)
	if err != nil {
		return nil, err
	}
	c.header = listedHeader(listedHeader(nil, m.Prefix), header)
	if c.preview, err = message.Preview(body, c.message, previewSize); err != nil {
		return nil, fmt.Errorf("reading message: %w", err)
	}
	// Of the envelope there is the wire form, and all fields it is made from.
	bare := *c.message
	bare.Envelope = nil
	c.part = message.AppendPart(nil, &bare)
	return c, nil
}

// rawHeader returns the header of the body.
func rawHeader(m *NewMessage, root *message.Part) ([]byte, error) {
	if root.Header != nil {
		return root.Header, nil
	}
	b := make([]byte, min(root.BodyOffset, m.Size, message.DefaultMaxHeaderBytes))
	if n, err := m.Body.ReadAt(b, 0); n < len(b) {
		return nil, fmt.Errorf("reading message: %w", err)
	}
	return b, nil
}

// matters reports whether a prefix has fields that are part of the envelope or of the MIME structure.
func matters(prefix []byte) bool {
	for f := range message.Fields(prefix) {
		for _, name := range structuralFields {
			if f.Is(name) {
				return true
			}
		}
	}
	return false
}

// maxSize is at least the length of the encoding.
func (c *cold) maxSize() int {
	return 16*binary.MaxVarintLen64 + len(c.prefix) + len(c.auth) + len(c.envelope) + len(c.bodyStructure) + len(c.header) + len(c.preview) + len(c.part)
}

// append adds the encoding of c to b: a version, then the fields in order, each with its length.
func (c *cold) append(b []byte) []byte {
	b = append(b, coldVersion)
	b = binary.AppendUvarint(b, uint64(c.shift))
	b = binary.AppendUvarint(b, uint64(c.shiftLines))
	for _, f := range [][]byte{c.prefix, c.auth, c.envelope, c.bodyStructure, c.header} {
		b = appendSized(b, f)
	}
	b = appendSized(b, c.preview)
	return appendSized(b, c.part)
}

// parse sets c from an encoding, which it keeps referring to. The preview is left to the caller.
func (c *cold) parse(b []byte) (preview []byte, err error) {
	if len(b) == 0 || b[0] != coldVersion {
		return nil, errCold
	}
	d := metaDecoder{buf: b[1:]}
	c.shift = int64(d.uvarint())
	c.shiftLines = int64(d.uvarint())
	for _, f := range []*[]byte{&c.prefix, &c.auth, &c.envelope, &c.bodyStructure, &c.header, &preview, &c.part} {
		*f = d.sized()
	}
	if d.bad || len(d.buf) > 0 {
		return nil, errCold
	}
	return preview, nil
}

// structure returns the MIME structure without envelope, with offsets from the start of the prefix.
func (c *cold) structure() (*message.Part, error) {
	p, err := message.DecodePart(c.part)
	if err != nil {
		return nil, err
	}
	if c.shift == 0 {
		return p, nil
	}
	p.Walk(func(p *message.Part) bool {
		p.HeaderOffset += c.shift
		p.BodyOffset += c.shift
		p.EndOffset += c.shift
		return true
	})
	p.HeaderOffset = 0
	p.HeaderLines += c.shiftLines
	return p, nil
}

// prefixed is a body with its prefix before it.
type prefixed struct {
	prefix []byte
	body   io.ReaderAt
	size   int64 // Of body.
}

func (p *prefixed) Size() int64 { return int64(len(p.prefix)) + p.size }

// ReadAt implements io.ReaderAt.
func (p *prefixed) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	n := 0
	if off < int64(len(p.prefix)) {
		n = copy(b, p.prefix[off:])
		if n == len(b) {
			return n, nil
		}
	}
	off += int64(n) - int64(len(p.prefix))
	if off >= p.size {
		return n, io.EOF
	}
	if rest := p.size - off; rest < int64(len(b)-n) {
		m, err := p.body.ReadAt(b[n:n+int(rest)], off)
		if err == nil {
			err = io.EOF
		}
		return n + m, err
	}
	m, err := p.body.ReadAt(b[n:], off)
	if err == io.EOF && n+m == len(b) {
		err = nil
	}
	return n + m, err
}
