package smtpserver

import (
	"bytes"
	"io"

	"mox/smtp"
)

// lineEnds takes care of the line ends of a message that comes in chunks: text has to have
// CRLF (RFC 3030 §2, RFC 5321 §2.3.8), of which the two bytes can come in different chunks. A message
// with others, or with NUL, is refused, as smtp.DataReader does, or gets them normalised. Of a binary
// message that goes for the header only (RFC 3030 §3, RFC 2045 §2.9).
type lineEnds struct {
	w         io.Writer
	normalize bool
	cr        bool // The last byte was a CR, which has not been written yet.

	binary bool // What follows the header is taken as it is.
	line   int  // Bytes of the current line of the header of a binary message, without its end.
	body   bool // The header is over.
}

// Write takes the next bytes. An *smtp.Error is the refusal.
func (l *lineEnds) Write(p []byte) (int, error) {
	if !l.binary {
		return l.lines(p)
	}
	end := 0
	if !l.body {
		end = l.header(p)
		if n, err := l.lines(p[:end]); err != nil {
			return n, err
		}
	}
	n, err := l.w.Write(p[end:])
	return end + n, err
}

// header returns how many bytes at the start of p are of the header, with the blank line that ends it.
func (l *lineEnds) header(p []byte) int {
	for i, c := range p {
		switch {
		case c == '\r':
		case c != '\n':
			l.line++
		case l.line == 0:
			l.body = true
			return i + 1
		default:
			l.line = 0
		}
	}
	return len(p)
}

// lines takes bytes of text.
func (l *lineEnds) lines(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if l.cr {
			l.cr = false
			if p[0] == '\n' {
				p = p[1:]
			} else if err := l.bare(smtp.ErrBareCR); err != nil {
				return total - len(p), err
			}
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return total - len(p), err
			}
			continue
		}
		n := goodRun(p)
		if n > 0 {
			if err := l.text(p[:n]); err != nil {
				return total - len(p), err
			}
			p = p[n:]
			continue
		}
		if p[0] == '\n' {
			if err := l.bare(smtp.ErrBareLF); err != nil {
				return total - len(p), err
			}
		}
		l.cr = true // Stands for a CRLF: a bare LF goes on as if there had been a CR.
		if p[0] == '\r' {
			p = p[1:]
		}
	}
	return total, nil
}

// text writes bytes whose line ends are good.
func (l *lineEnds) text(p []byte) error {
	if bytes.IndexByte(p, 0) >= 0 {
		if !l.normalize {
			return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E560ContentOther, "NUL octet in message", smtp.ErrNUL)
		}
		p = bytes.ReplaceAll(p, []byte{0}, nil)
	}
	_, err := l.w.Write(p)
	return err
}

// goodRun returns how many bytes at the start of p are without bare CR and LF, and not followed
// by a CR at the end of p.
func goodRun(p []byte) int {
	i := 0
	for {
		line := p[i:]
		cr := bytes.IndexByte(line, '\r')
		if cr >= 0 {
			line = line[:cr]
		}
		if lf := bytes.IndexByte(line, '\n'); lf >= 0 {
			return i + lf
		}
		if cr < 0 {
			return len(p)
		}
		if i+cr+1 == len(p) || p[i+cr+1] != '\n' {
			return i + cr
		}
		i += cr + 2
	}
}

// bare returns the refusal for a bare CR or LF, unless it is normalised.
func (l *lineEnds) bare(cause error) error {
	if l.normalize {
		return nil
	}
	return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E560ContentOther, "bare CR or LF in message, lines must end with CRLF", cause)
}

// Close ends the message.
func (l *lineEnds) Close() error {
	if !l.cr {
		return nil
	}
	if err := l.bare(smtp.ErrBareCR); err != nil {
		return err
	}
	_, err := io.WriteString(l.w, "\r\n")
	return err
}
