package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// errMalformed is in the chain of errors about what an upstream sent against the
// grammar of RFC 9112, or beyond limits.
var errMalformed = errors.New("malformed response")

// startBuffer is how much a connection can hold before it is seen to need more. The
// heads of most responses are shorter, and so are small responses as a whole.
const startBuffer = 4096

// reader is the buffer before an upstream connection. Slices that it returns are valid
// until the next call.
type reader struct {
	src io.Reader
	buf []byte
	r   int // buf[r:w] was read and is not consumed.
	w   int
}

// buffered returns what can be had without reading.
func (b *reader) buffered() []byte { return b.buf[b.r:b.w] }

// fill reads once, for a unit of at most limit bytes that begins at b.r.
func (b *reader) fill(limit int) error {
	if b.r == b.w {
		b.r, b.w = 0, 0
	}
	if b.w-b.r >= limit {
		return fmt.Errorf("%w: longer than %d bytes", errMalformed, limit)
	}
	if b.w == len(b.buf) {
		to := b.buf
		if b.r == 0 {
			to = make([]byte, max(startBuffer, 2*len(b.buf)))
		}
		b.w = copy(to, b.buf[b.r:b.w])
		b.r, b.buf = 0, to
	}
	n, err := b.src.Read(b.buf[b.w:])
	b.w += n
	switch {
	case n > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// head consumes everything up to and with the first empty line, which it returns. It
// is at most limit bytes. io.EOF means that the connection ended before its first byte.
func (b *reader) head(limit int) ([]byte, error) {
	for searched := 0; ; {
		have := b.buffered()
		if i := bytes.Index(have[searched:], []byte("\r\n\r\n")); i >= 0 {
			n := searched + i + 4
			if n > limit {
				return nil, fmt.Errorf("%w: head longer than %d bytes", errMalformed, limit)
			}
			b.r += n
			return have[:n], nil
		}
		searched = max(0, len(have)-3)
		if err := b.fill(limit); err != nil {
			return nil, cut(err, len(have))
		}
	}
}

// line consumes a line and returns it without its CRLF. It is at most limit bytes.
func (b *reader) line(limit int) ([]byte, error) {
	for {
		if line, ok, err := b.bufferedLine(limit); ok || err != nil {
			return line, err
		}
		if err := b.fill(limit); err != nil {
			return nil, cut(err, 1)
		}
	}
}

// bufferedLine is line, of what can be had without reading. ok tells whether there was
// a whole one.
func (b *reader) bufferedLine(limit int) (line []byte, ok bool, err error) {
	have := b.buffered()
	i := bytes.IndexByte(have, '\n')
	switch {
	case i < 0:
		return nil, false, nil
	case i == 0 || have[i-1] != '\r':
		return nil, false, fmt.Errorf("%w: LF without CR", errMalformed)
	case i+1 > limit:
		return nil, false, fmt.Errorf("%w: line longer than %d bytes", errMalformed, limit)
	case bytes.IndexByte(have[:i-1], '\r') >= 0:
		return nil, false, fmt.Errorf("%w: CR without LF", errMalformed)
	}
	b.r += i + 1
	return have[:i-1], true, nil
}

// some consumes up to limit bytes: what is buffered, else what one read into scratch
// brings.
func (b *reader) some(limit int64, scratch []byte) ([]byte, error) {
	if have := b.buffered(); len(have) > 0 {
		have = have[:min(int64(len(have)), limit)]
		b.r += len(have)
		return have, nil
	}
	n, err := b.src.Read(scratch[:min(int64(len(scratch)), limit)])
	switch {
	case n > 0:
		return scratch[:n], nil
	case err == nil:
		return nil, io.ErrNoProgress
	}
	return nil, err
}

// cut returns io.ErrUnexpectedEOF for an end in the middle of something, of which n bytes
// were read, and io.EOF for one before its first byte.
func cut(err error, n int) error {
	switch {
	case err == io.EOF && n > 0:
		return io.ErrUnexpectedEOF
	case err == io.ErrUnexpectedEOF && n == 0: // TLS, ended without a word.
		return io.EOF
	}
	return err
}
