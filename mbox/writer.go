package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
)

// Writer writes messages one after the other. It is for one goroutine.
type Writer struct {
	w *bufio.Writer
	r *bufio.Reader // For the lines of a message; reused.
	n int64
}

// NewWriter returns a writer to w. What it writes may be appended to an mbox file.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 64<<10), r: bufio.NewReaderSize(nil, 64<<10)}
}

// Message writes a message. Its CRLF line ends become LF; a last line without end
// gets one. An empty sender is written as MAILER-DAEMON.
func (w *Writer) Message(sender string, t time.Time, message io.Reader) error {
	w.from(sender, t)
	w.r.Reset(message)
	begin := true
	for {
		line, err := w.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if len(line) > 0 {
			if begin && bytes.HasPrefix(bytes.TrimLeft(line, ">"), fromSpace) {
				w.byte('>')
			}
			begin = line[len(line)-1] == '\n'
			w.line(line)
		}
		if errors.Is(err, io.EOF) {
			break
		}
	}
	if !begin {
		w.byte('\n')
	}
	w.byte('\n')
	// A bufio.Writer keeps its first error.
	_, err := w.w.Write(nil)
	return err
}

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }

// Written returns how many bytes were written, with those still buffered.
func (w *Writer) Written() int64 { return w.n }

func (w *Writer) from(sender string, t time.Time) {
	sender = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, sender)
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	w.string("From " + sender + " " + t.UTC().Format("Mon Jan _2 15:04:05 2006") + "\n")
}

// line writes a line, or a piece of one, with LF for CRLF. The line is not valid any
// more afterwards.
func (w *Writer) line(line []byte) {
	body, ended := bytes.CutSuffix(line, []byte("\n"))
	body, cr := bytes.CutSuffix(body, []byte("\r"))
	w.bytes(body)
	switch {
	case ended:
		w.byte('\n')
	case cr:
		// The LF may follow in the next piece.
		if next, err := w.r.Peek(1); err != nil || next[0] != '\n' {
			w.byte('\r')
		}
	}
}

// The following leave errors to Message and Flush.

func (w *Writer) bytes(b []byte) {
	w.n += int64(len(b))
	w.w.Write(b)
}

func (w *Writer) string(s string) {
	w.n += int64(len(s))
	w.w.WriteString(s)
}

func (w *Writer) byte(c byte) {
	w.n++
	w.w.WriteByte(c)
}
