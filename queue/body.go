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
