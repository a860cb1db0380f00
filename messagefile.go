package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// openMessage opens the message that a command is about: the file that its argument names, or standard
// input without one or for "-". Its line ends become CRLF, in which form signatures are made, if
// the first one is a bare LF, as mail programs write files. The caller closes it; the end of ctx ends
// reading from standard input.
func openMessage(ctx context.Context, cmd *cobra.Command, args []string) (*messageFile, error) {
	if len(args) == 0 || args[0] == "-" {
		in := interruptible(ctx, cmd.InOrStdin())
		m := newMessageFile(in)
		m.Closer = in
		return m, nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, err
	}
	m := newMessageFile(f)
	m.Closer = f
	return m, nil
}

// readMessage calls fn with the message that the arguments of a command name, see openMessage. An error of fn is one of reading it.
func readMessage(cmd *cobra.Command, args []string, fn func(io.Reader) error) error {
	in, err := openMessage(cmd.Context(), cmd, args)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := fn(in); err != nil && cmd.Context().Err() != nil {
		return errInterrupted
	} else if err != nil {
		return fmt.Errorf("reading the message: %w", err)
	}
	return nil
}

// interruptible returns what is read from r until ctx ends, or it is closed. What is read from a terminal or a
// pipe may never come.
func interruptible(ctx context.Context, r io.Reader) *io.PipeReader {
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, r)
		pw.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { pw.CloseWithError(ctx.Err()) })
	return pr
}

// messageFile is a message with line ends of CRLF.
type messageFile struct {
	io.Closer
	r       *bufio.Reader
	begun   bool
	convert bool // Bare LF to CRLF.
	cr      bool // The last byte was CR.
}

func newMessageFile(r io.Reader) *messageFile {
	return &messageFile{r: bufio.NewReaderSize(r, 64<<10)}
}

// Read implements io.Reader.
func (m *messageFile) Read(p []byte) (int, error) {
	if !m.begun {
		m.begun = true
		head, _ := m.r.Peek(m.r.Size()) // An error comes back with the next Read.
		i := bytes.IndexByte(head, '\n')
		m.convert = i == 0 || i > 0 && head[i-1] != '\r'
	}
	if !m.convert {
		return m.r.Read(p)
	}
	n := 0
	for n < len(p) {
		if m.r.Buffered() == 0 && n > 0 {
			break
		}
		c, err := m.r.ReadByte()
		if err != nil {
			return n, err
		}
		if c == '\n' && !m.cr {
			p[n] = '\r'
			m.cr = true
			m.r.UnreadByte() // Of the ReadByte above: cannot fail.
		} else {
			p[n] = c
			m.cr = c == '\r'
		}
		n++
	}
	return n, nil
}

// lineEnds returns what writes to w with the line ends that the message had. The caller closes it, which leaves
// w open.
func (m *messageFile) lineEnds(w io.Writer) io.WriteCloser {
	return &lineEndWriter{w: w, bare: m.convert}
}

// lineEndWriter writes lines, with bare LF in place of CRLF if that is set.
type lineEndWriter struct {
	w    io.Writer
	bare bool
	cr   bool   // A CR is not written yet.
	buf  []byte // Kept between writes.
}

func (w *lineEndWriter) Write(p []byte) (int, error) {
	if !w.bare {
		return w.w.Write(p)
	}
	w.buf = w.buf[:0]
	for _, c := range p {
		if w.cr && c != '\n' {
			w.buf = append(w.buf, '\r')
		}
		if w.cr = c == '\r'; !w.cr {
			w.buf = append(w.buf, c)
		}
	}
	if _, err := w.w.Write(w.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what is left.
func (w *lineEndWriter) Close() error {
	if !w.cr {
		return nil
	}
	w.cr = false
	_, err := io.WriteString(w.w, "\r")
	return err
}
