package conn

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// ErrResponse is in the error for an IMAP response outside the grammar.
var ErrResponse = errors.New("malformed imap response")

// Limits on what is accepted in one response.
const (
	maxLine    = 64 << 20 // A SEARCH response of a million numbers has 7 MB.
	maxLiteral = 1 << 30
)

// Response is one response of an IMAP server. Its bytes are valid until the next one is read.
type Response struct {
	Tag  string // "*", "+" or the tag of a command.
	Num  uint32 // Of "* 12 FETCH"; 0 if there is none.
	Name []byte // FETCH, EXISTS, OK, ... as the server wrote it. Empty for "+".
	Text []byte // What follows the name. Literals are left out, down to their "{12}".

	Literals int   // How many there were.
	Bytes    int64 // Their size together.

	// Content holds the literals if IMAP.Keep is set.
	Content [][]byte
}

// Is tells whether the response has a name, given in upper case.
func (r *Response) Is(name string) bool {
	return len(r.Name) == len(name) && bytes.EqualFold(r.Name, []byte(name))
}

// read reads a response into c.resp.
func (c *IMAP) read() (*Response, error) {
	r := &c.resp
	*r = Response{Content: r.Content[:0]}
	c.buf = c.buf[:0]
	for {
		start := len(c.buf)
		if err := c.readLine(); err != nil {
			return nil, err
		}
		size, cut, ok := literalSize(c.buf[start:])
		if !ok {
			break
		}
		c.buf = c.buf[:start+cut]
		if size > maxLiteral {
			return nil, fmt.Errorf("%w: literal of %d bytes", ErrResponse, size)
		}
		if err := c.readLiteral(size); err != nil {
			return nil, err
		}
		r.Literals++
		r.Bytes += size
	}
	if err := r.parse(c.buf); err != nil {
		return nil, err
	}
	return r, nil
}

// readLine appends a line without its end to c.buf.
func (c *IMAP) readLine() error {
	for {
		part, err := c.br.ReadSlice('\n')
		c.Received += int64(len(part))
		c.buf = append(c.buf, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(c.buf) < maxLine:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("%w: line of more than %d bytes", ErrResponse, maxLine)
		case err != nil:
			return err
		}
		line, ok := bytes.CutSuffix(c.buf, []byte("\r\n"))
		if !ok {
			return fmt.Errorf("%w: line without CRLF", ErrResponse)
		}
		c.buf = line
		return nil
	}
}

func (c *IMAP) readLiteral(size int64) error {
	c.Received += size
	if !c.Keep {
		for size > 0 {
			n, err := c.br.Discard(int(min(size, 1<<20)))
			size -= int64(n)
			if err != nil {
				return err
			}
		}
		return nil
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(c.br, content); err != nil {
		return err
	}
	c.resp.Content = append(c.resp.Content, content)
	return nil
}

// literalSize returns the size of the literal that a line announces at its end, and where the
// announcement begins. Both kinds of response literal are known: "{12}" and "~{12}" (RFC 3516).
func literalSize(line []byte) (size int64, cut int, ok bool) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, 0, false
	}
	cut = bytes.LastIndexByte(line, '{')
	if cut < 0 {
		return 0, 0, false
	}
	u, err := strconv.ParseUint(string(line[cut+1:len(line)-1]), 10, 62)
	if err != nil {
		return 0, 0, false
	}
	if cut > 0 && line[cut-1] == '~' {
		cut--
	}
	return int64(u), cut, true
}

func (r *Response) parse(line []byte) error {
	tag, rest, ok := bytes.Cut(line, []byte(" "))
	switch {
	case len(tag) == 1 && tag[0] == '+':
		r.Tag, r.Text = "+", rest
		return nil
	case !ok || len(tag) == 0:
		return fmt.Errorf("%w: %.100q", ErrResponse, line)
	case len(tag) == 1 && tag[0] == '*':
		r.Tag = "*" // Without an allocation, as nearly all are.
	default:
		r.Tag = string(tag)
	}
	word, text, _ := bytes.Cut(rest, []byte(" "))
	if n, ok := number(word); ok {
		r.Num = n
		word, text, _ = bytes.Cut(text, []byte(" "))
	}
	if len(word) == 0 {
		return fmt.Errorf("%w: %.100q", ErrResponse, line)
	}
	r.Name, r.Text = word, text
	return nil
}

// number reads a decimal number that fills b.
func number(b []byte) (uint32, bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return uint32(n), n <= 1<<32-1
}
