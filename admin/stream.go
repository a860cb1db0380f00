package admin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"mox/imap"
)

// MessageHead is what stands before a message in a stream of messages: how messages with
// what belongs to them go between a command and the server. It is a line of JSON, followed
// by as many bytes as Size says.
type MessageHead struct {
	Size     int64
	Flags    imap.Flags `json:",omitempty"`
	Keywords []string   `json:",omitempty"`
	Received time.Time  // Zero if not known.

	// Offset is, for an import, the progress once this message is in the account.
	Offset int64 `json:",omitempty"`

	// Name is, for an export, that of the message: always the same, and no other message's.
	Name string `json:",omitempty"`
}

// maxMessageHead is the most bytes of a MessageHead.
const maxMessageHead = 1 << 20

// ErrStream is returned for a stream of messages that makes no sense.
var ErrStream = errors.New("stream of messages is damaged")

// MessageStream returns a stream of one message, which is read as the stream is. A message that is shorter than head says
// ends the stream too early.
func MessageStream(head MessageHead, message io.Reader) (io.Reader, error) {
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	return io.MultiReader(bytes.NewReader(append(line, '\n')), io.LimitReader(message, head.Size)), nil
}

// WriteMessage writes a message to a stream. It returns an error that wraps
// io.ErrUnexpectedEOF if the message is shorter than head says; w then has a part of it.
func WriteMessage(w io.Writer, head MessageHead, message io.Reader) error {
	line, err := json.Marshal(head)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(message, head.Size))
	if err == nil && n < head.Size {
		err = fmt.Errorf("message has %d bytes instead of %d: %w", n, head.Size, io.ErrUnexpectedEOF)
	}
	return err
}

// MessageReader reads a stream of messages. It is for one goroutine.
type MessageReader struct {
	r    *bufio.Reader
	body io.LimitedReader // Of the last message.
}

// NewMessageReader returns a reader of the stream r.
func NewMessageReader(r io.Reader) *MessageReader {
	return &MessageReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next message, whose body can be read until the following call. What
// was not read of the one before is skipped. It returns io.EOF at the end of the stream,
// and ErrStream. The body returns io.ErrUnexpectedEOF if the stream ends in it.
func (mr *MessageReader) Next() (MessageHead, io.Reader, error) {
	var head MessageHead
	if _, err := io.Copy(io.Discard, messageBody{&mr.body}); err != nil {
		return head, nil, err
	}
	line, err := mr.line()
	if err != nil {
		return head, nil, err
	}
	if err := json.Unmarshal(line, &head); err != nil || head.Size < 0 {
		return head, nil, ErrStream
	}
	mr.body = io.LimitedReader{R: mr.r, N: head.Size}
	return head, messageBody{&mr.body}, nil
}

func (mr *MessageReader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := mr.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxMessageHead:
			return nil, ErrStream
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, ErrStream
		default:
			return nil, err
		}
	}
}

// messageBody is a body whose stream must not end before it.
type messageBody struct{ r *io.LimitedReader }

// Read implements io.Reader.
func (b messageBody) Read(p []byte) (int, error) {
	if b.r.R == nil || b.r.N <= 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) && b.r.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
