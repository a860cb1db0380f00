package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
)

// ErrFormat is returned for a file that does not begin with a "From " line.
var ErrFormat = errors.New(`not an mbox file: it does not begin with a "From " line`)

// Separator is what a "From " line says.
type Separator struct {
	Sender string    // As written; empty if missing.
	Time   time.Time // Of delivery; zero if missing. Without a zone it is taken as UTC.
}

// Reader reads messages one after the other, in constant memory. It is for one
// goroutine.
type Reader struct {
	r       *bufio.Reader
	offset  int64 // Of what r reads next.
	next    int64 // Of the next "From " line.
	started bool
	sep     []byte // The next "From " line, if it was read.
	held    []byte // An empty line that may be the end of the message.
	err     error  // Met after the message that is read.
}

// NewReader returns a reader for r, whose first byte is at offset in its file: 0, or
// what Offset returned before.
func NewReader(r io.Reader, offset int64) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10), offset: offset, next: offset}
}

// Offset returns where in the file the next message begins: all before it was
// returned by Next.
func (r *Reader) Offset() int64 { return r.next }

// Next writes the next message to w, with CRLF line ends and without mboxrd's
// quoting. It returns io.EOF when there is none, ErrFormat, an error of the file, or
// one of w, after which the Reader cannot be used. With an error, what was written
// to w is not a whole message.
func (r *Reader) Next(w io.Writer) (Separator, error) {
	if !r.started {
		if err := r.first(); err != nil {
			return Separator{}, err
		}
		r.started = true
	}
	if r.err != nil {
		return Separator{}, r.err
	}
	sep := parseSeparator(r.sep)
	if err := r.message(w); err != nil {
		r.err = err
		return Separator{}, err
	}
	return sep, nil
}

// first finds the first "From " line. Empty lines before it are skipped.
func (r *Reader) first() error {
	for {
		r.next = r.offset
		line, err := r.line()
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(line, fromSpace):
			r.sep = append(r.sep[:0], line...)
			return r.rest(line)
		case len(bytes.TrimRight(line, "\r\n")) > 0:
			return ErrFormat
		}
	}
}

// rest skips what did not fit into the buffer of a line.
func (r *Reader) rest(line []byte) error {
	for len(line) > 0 && line[len(line)-1] != '\n' {
		var err error
		if line, err = r.line(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// line returns the next line with its end, or as much of it as fits into the buffer.
// It is valid until the next call. At the end of the file it returns io.EOF.
func (r *Reader) line() ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	r.offset += int64(len(line))
	if len(line) > 0 && (err == nil || errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull)) {
		return line, nil
	}
	return nil, err
}

var (
	fromSpace = []byte("From ")
	crlf      = []byte("\r\n")
)

// message copies a message, up to the next "From " line or the end of the file.
func (r *Reader) message(w io.Writer) error {
	// An empty line before a "From " line belongs to neither message.
	r.held = r.held[:0]
	begin := true // Of a line.
	for {
		at := r.offset
		line, err := r.line()
		if errors.Is(err, io.EOF) {
			r.next, r.err = r.offset, io.EOF
			return nil
		} else if err != nil {
			return err
		}
		if begin && len(r.held) > 0 && bytes.HasPrefix(line, fromSpace) {
			// A copy, as looking ahead overwrites the line.
			line = append([]byte(nil), line...)
			if r.isSeparator(line) {
				r.next, r.sep = at, line
				return r.rest(line)
			}
		}
		if len(r.held) > 0 {
			if _, err := w.Write(crlf); err != nil {
				return err
			}
			r.held = r.held[:0]
		}
		if begin && (string(line) == "\n" || string(line) == "\r\n") {
			r.held = append(r.held, line...)
			continue
		}
		if begin && isQuoted(line) {
			line = line[1:]
		}
		begin = line[len(line)-1] == '\n'
		if err := r.write(w, line); err != nil {
			return err
		}
	}
}

// write writes a line, or a piece of one, with CRLF. The line is not valid any more
// afterwards.
func (r *Reader) write(w io.Writer, line []byte) error {
	body, ended := bytes.CutSuffix(line, []byte("\n"))
	body, cr := bytes.CutSuffix(body, []byte("\r"))
	if _, err := w.Write(body); err != nil {
		return err
	}
	end := crlf
	if !ended {
		// The LF may follow in the next piece.
		if next, err := r.r.Peek(1); !cr || err == nil && next[0] == '\n' {
			return nil
		}
		end = crlf[:1]
	}
	_, err := w.Write(end)
	return err
}

// isQuoted tells whether a line is a "From " line after at least one ">".
func isQuoted(line []byte) bool {
	rest := bytes.TrimLeft(line, ">")
	return len(rest) < len(line) && bytes.HasPrefix(rest, fromSpace)
}

// isSeparator tells whether a line that begins with "From ", after an empty one,
// begins a message. Some programs do not quote, so a line of text must not: it has no
// time in it, and no header field follows.
func (r *Reader) isSeparator(line []byte) bool {
	if !parseSeparator(line).Time.IsZero() || line[len(line)-1] != '\n' {
		return true
	}
	next, _ := r.r.Peek(80)
	next, _, _ = bytes.Cut(next, []byte("\n"))
	name, _, ok := bytes.Cut(next, []byte(":"))
	if !ok || len(name) == 0 {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// timeLayouts are the forms of the time that are met, with single spaces.
var timeLayouts = []string{
	"Mon Jan 2 15:04:05 2006",
	"Mon Jan 2 15:04:05 2006 -0700",
	"Mon Jan 2 15:04:05 -0700 2006",
	"Mon Jan 2 15:04:05 MST 2006",
	"Mon Jan 2 15:04 2006",
	"Mon Jan 2 15:04 MST 2006",
}

// parseSeparator parses a "From " line.
func parseSeparator(line []byte) Separator {
	words := strings.Fields(strings.TrimPrefix(string(line[:min(len(line), 1000)]), string(fromSpace)))
	// The sender may have spaces in it, and something may follow the time.
	for i := range words {
		for n := 6; n >= 5; n-- {
			if i+n > len(words) {
				continue
			}
			text := strings.Join(words[i:i+n], " ")
			for _, layout := range timeLayouts {
				if t, err := time.Parse(layout, text); err == nil {
					return Separator{strings.Join(words[:i], " "), t.UTC()}
				}
			}
		}
	}
	return Separator{Sender: strings.Join(words, " ")}
}
