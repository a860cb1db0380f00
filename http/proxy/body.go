package proxy

import (
	"fmt"
	"io"
	"strings"
)

// Limits of chunked bodies (RFC 9112 §7.1).
const (
	maxChunkLine   = 4096 // Size and extensions.
	maxTrailers    = 64
	maxTrailerLine = 8192
)

// body is the content of a response as its head frames it (RFC 9112 §6.3).
type body struct {
	in      *reader
	framing framing
	state   chunkState
	left    int64 // Of the content, or of the current chunk.
	done    bool
	err     error // Found by ready, for next.

	trailers []field // Of a chunked body, once next has returned io.EOF.
}

type framing int

const (
	byLength framing = iota
	byChunks
	byClose // The end of the connection is the end of the content.
)

// chunkState is where a chunked body stands.
type chunkState int

const (
	chunkHead     chunkState = iota // Before a line with a size; to chunkData, or after size zero to chunkTrailers.
	chunkData                       // In data; to chunkEnd.
	chunkEnd                        // Before the CRLF after data; to chunkHead.
	chunkTrailers                   // Before a line with a trailer field, or the last, empty one.
)

// start makes the body of a response to a request with this method.
func (b *body) start(in *reader, h *head, method string) {
	*b = body{in: in, trailers: b.trailers[:0]}
	switch {
	case method == "HEAD" || h.code < 200 || h.code == 204 || h.code == 304:
		b.done = true
	case h.chunked:
		b.framing = byChunks
	case h.length >= 0:
		b.left = h.length
		b.done = h.length == 0
	default:
		b.framing = byClose
	}
}

// ready tells whether next returns something, or the end, without waiting.
func (b *body) ready() bool {
	if b.done || b.framing != byChunks {
		return b.done || len(b.in.buffered()) > 0
	}
	for b.state != chunkData && !b.done {
		line, ok, err := b.in.bufferedLine(maxChunkLine)
		if ok && err == nil {
			err = b.advance(line)
		}
		if err != nil {
			b.err = err
			return true
		}
		if !ok {
			return false
		}
	}
	return b.done || len(b.in.buffered()) > 0
}

// next returns more of the content, valid until the next call, and io.EOF after the
// last of it. It reads at most once beyond what frames the content, into scratch. A
// body that was cut is io.ErrUnexpectedEOF.
func (b *body) next(scratch []byte) ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	if b.done {
		return nil, io.EOF
	}
	limit := b.left
	switch b.framing {
	case byClose:
		p, err := b.in.some(int64(len(scratch)), scratch)
		b.done = err == io.EOF
		return p, err
	case byChunks:
		for b.state != chunkData {
			line, err := b.in.line(maxChunkLine)
			if err != nil {
				return nil, err
			}
			if err := b.advance(line); err != nil {
				return nil, err
			}
			if b.done {
				return nil, io.EOF
			}
		}
		limit = b.left
	}
	p, err := b.in.some(limit, scratch)
	if err != nil {
		return nil, cut(err, 1)
	}
	b.left -= int64(len(p))
	if b.left == 0 {
		b.state = chunkEnd
		b.done = b.framing == byLength
	}
	return p, nil
}

// advance takes a line of the frame.
func (b *body) advance(line []byte) error {
	switch b.state {
	case chunkHead:
		size, err := parseChunkSize(line)
		if err != nil {
			return err
		}
		b.left = size
		b.state = chunkData
		if size == 0 {
			b.state = chunkTrailers
		}
	case chunkEnd:
		if len(line) > 0 {
			return fmt.Errorf("%w: chunk longer than its size", errMalformed)
		}
		b.state = chunkHead
	case chunkTrailers:
		if len(line) == 0 {
			b.done = true
			return nil
		}
		f, err := parseField(string(line))
		if err != nil {
			return err
		}
		if len(b.trailers) == maxTrailers {
			return fmt.Errorf("%w: too many trailer fields", errMalformed)
		}
		b.trailers = append(b.trailers, f)
	}
	return nil
}

// parseChunkSize parses the line before a chunk. Extensions are ignored, as RFC 9112
// §7.1.1 has it of those one does not know.
func parseChunkSize(line []byte) (int64, error) {
	s, _, _ := strings.Cut(string(line), ";")
	s = strings.TrimRight(s, " \t")
	if s == "" || len(s) > 15 {
		return 0, fmt.Errorf("%w: bad chunk size", errMalformed)
	}
	var size int64
	for i := range len(s) {
		size <<= 4
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			size |= int64(c - '0')
		case c >= 'a' && c <= 'f':
			size |= int64(c - 'a' + 10)
		case c >= 'A' && c <= 'F':
			size |= int64(c - 'A' + 10)
		default:
			return 0, fmt.Errorf("%w: bad chunk size", errMalformed)
		}
	}
	return size, nil
}
