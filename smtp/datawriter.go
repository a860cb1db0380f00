package smtp

import (
	"bufio"
	"bytes"
)

// DataWriter writes a message after DATA (RFC 5321 §4.1.1.4): with dots put in for
// transparency (§4.5.2), and every line end as CRLF. A bare CR or LF is made CRLF, so
// that no receiver can take it for the end of a line, or of the message, differently.
//
// Without Close the message has no end: after an error the connection must be closed,
// nothing else can follow.
type DataWriter struct {
	w     *bufio.Writer
	state dataState // lineStart, inLine, or inLineCR for a CR that is not written yet.
	err   error
}

// NewDataWriter returns a writer of one message to w.
func NewDataWriter(w *bufio.Writer) *DataWriter { return &DataWriter{w: w} }

// Write implements io.Writer. It may leave bytes in the underlying buffer.
func (w *DataWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 && w.err == nil {
		switch {
		case w.state == inLineCR:
			w.put(nil, crlf)
			w.state = lineStart
			if p[0] == '\n' {
				p = p[1:]
			}
		case w.state == lineStart && p[0] == '.':
			w.put(nil, ".")
			w.state = inLine
		default:
			p = w.run(p)
		}
	}
	if w.err != nil {
		return total - len(p), w.err
	}
	return total, nil
}

// run writes the bytes of p up to a dot that needs another one, a bare CR or LF, which it
// replaces, or a CR at the end. It returns the rest.
func (w *DataWriter) run(p []byte) []byte {
	i := 0 // Start of the line.
	for {
		line := p[i:]
		cr := bytes.IndexByte(line, '\r')
		if cr >= 0 {
			line = line[:cr]
		}
		if lf := bytes.IndexByte(line, '\n'); lf >= 0 {
			w.put(p[:i+lf], crlf)
			w.state = lineStart
			return p[i+lf+1:]
		}
		if cr < 0 {
			w.put(p, "")
			w.state = inLine
			return nil
		}
		i += cr
		if i+1 == len(p) {
			w.put(p[:i], "")
			w.state = inLineCR
			return nil
		}
		if p[i+1] != '\n' {
			w.put(p[:i], crlf)
			w.state = lineStart
			return p[i+1:]
		}
		i += 2
		if i == len(p) || p[i] == '.' {
			w.put(p[:i], "")
			w.state = lineStart
			return p[i:]
		}
	}
}

// put writes p and s.
func (w *DataWriter) put(p []byte, s string) {
	if w.err == nil {
		_, w.err = w.w.Write(p)
	}
	if w.err == nil {
		_, w.err = w.w.WriteString(s)
	}
}

// Close writes the end of the message, with a CRLF before it if the last line has none,
// and flushes the underlying writer. It does nothing but return the error if there was
// one.
func (w *DataWriter) Close() error {
	if w.state != lineStart {
		w.put(nil, crlf)
	}
	w.put(nil, ".\r\n")
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}
