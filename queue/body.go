package queue

import (
	"io"

	"mox/message"
	"mox/pipeline"
)

// body is a queued message as a pipeline.Body.
type body struct {
	io.ReaderAt
	size int64
	root *message.Part
}

var _ pipeline.Body = (*body)(nil)

func newBody(r io.ReaderAt, size int64) (*body, error) {
	root, err := message.Parse(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	return &body{r, size, root}, nil
}

func (b *body) Size() int64         { return b.size }
func (b *body) Root() *message.Part { return b.root }

// needs finds out which extensions the message needs: SMTPUTF8 for a header that is not in ASCII (RFC 6532),
// of any of its parts, and 8BITMIME for anything else that is not.
func (b *body) needs() (utf8, eightBit bool, err error) {
	utf8, err = b.eightBitHeader(b.root)
	if err == nil {
		eightBit, err = b.eightBitIn(0, b.size)
	}
	return utf8, eightBit, err
}

func (b *body) eightBitHeader(p *message.Part) (bool, error) {
	found, err := b.eightBitIn(p.HeaderOffset, p.BodyOffset)
	for _, c := range p.Parts {
		if found || err != nil {
			break
		}
		found, err = b.eightBitHeader(c)
	}
	return found, err
}

func (b *body) eightBitIn(from, to int64) (bool, error) {
	r := io.NewSectionReader(b, from, to-from)
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			if c >= 0x80 {
				return true, nil
			}
		}
		if err == io.EOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
}
