package maildir

import (
	"bufio"
	"bytes"
	"io"
)

// NewReader returns a reader of r in which each LF without CR before it is CRLF, as in
// messages. Nothing else is changed. It returns r's errors.
func NewReader(r io.Reader) io.Reader {
	return &crlfReader{r: bufio.NewReaderSize(r, 32<<10)}
}

type crlfReader struct {
	r    *bufio.Reader
	last byte // The byte before what is read next.
}

// Read implements io.Reader.
func (c *crlfReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.r.Buffered() == 0 {
		if _, err := c.r.Peek(1); err != nil {
			return 0, err
		}
	}
	in, err := c.r.Peek(c.r.Buffered())
	if err != nil {
		return 0, err
	}
	n, used := 0, 0
	for n < len(p) && used < len(in) {
		if in[used] == '\n' {
			if c.last != '\r' {
				// The LF comes next, perhaps with the next call.
				p[n], c.last = '\r', '\r'
			} else {
				p[n], c.last = '\n', '\n'
				used++
			}
			n++
			continue
		}
		chunk := in[used:min(len(in), used+len(p)-n)]
		if i := bytes.IndexByte(chunk, '\n'); i >= 0 {
			chunk = chunk[:i]
		}
		copy(p[n:], chunk)
		c.last = chunk[len(chunk)-1]
		n += len(chunk)
		used += len(chunk)
	}
	c.r.Discard(used)
	return n, nil
}

// copyLF copies r to w with LF for CRLF.
func copyLF(w *bufio.Writer, r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		if body, ok := bytes.CutSuffix(line, []byte("\r\n")); ok {
			w.Write(body)
			w.WriteByte('\n')
		} else {
			cr := len(line) > 0 && line[len(line)-1] == '\r'
			if cr {
				// The LF may follow in the next piece.
				line = line[:len(line)-1]
			}
			w.Write(line)
			if cr {
				if next, perr := r.Peek(1); perr != nil || next[0] != '\n' {
					w.WriteByte('\r')
				}
			}
		}
		switch err {
		case nil, bufio.ErrBufferFull:
		case io.EOF:
			// A bufio.Writer keeps its first error.
			_, err := w.Write(nil)
			return err
		default:
			return err
		}
	}
}
