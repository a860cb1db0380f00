package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Causes of the errors of [DataReader], to be found with errors.Is.
var (
	ErrBareCR      = errors.New("CR without LF in message")
	ErrBareLF      = errors.New("LF without CR in message")
	ErrNUL         = errors.New("NUL octet in message")
	ErrMessageSize = errors.New("message too big")
)

// DataOptions are the options of a DataReader.
type DataOptions struct {
	// MaxSize is the limit for the message in bytes, as it is delivered, none if zero.
	MaxSize int64

	// NormalizeLineEnds turns a bare CR and a bare LF into CRLF, and drops NUL octets, in
	// place of refusing the message.
	NormalizeLineEnds bool
}

// DataReader reads the message that follows the reply to DATA (RFC 5321 §4.1.1.4) from a
// connection, without the dots put in for transparency (§4.5.2), up to its end.
//
// The end is CRLF "." CRLF and nothing else: no sequence with a bare CR or LF in it can
// end a message, nor can a dot after one be taken for transparency, so that mox and the
// server that sent the message always agree where the next command begins (RFC 5321
// §2.3.8, §4.1.1.4; SMTP smuggling).
//
// Read and WriteTo return io.EOF, or nil respectively, only at that end. A message that
// is refused is read to its end before they return an [*Error] for the reply: 550 5.6.0
// with cause [ErrBareCR], [ErrBareLF] or [ErrNUL], or 552 5.3.4 with cause [ErrMessageSize]; what
// they have delivered until then must be thrown away. An end of input elsewhere is
// io.ErrUnexpectedEOF, other errors are those of the underlying reader; then there must
// be no reply.
//
// NUL is refused although RFC 5321 §4.5.2 does not forbid it and the obsolete syntax of RFC 5322
// §4 has it: it may be in no message but a binary one, which does not come by DATA (RFC 2045 §2.7, §2.8), no literal of
// IMAP can carry it (RFC 9051 §9), and software that ends strings at it shows another
// message than was checked. A refusal is told to the sender; to change the message would break its
// signatures.
type DataReader struct {
	br        *bufio.Reader
	max       int64
	normalize bool

	state dataState
	used  int    // Bytes in br's buffer that are done with, or will be with the next call.
	rest  []byte // Of what Read has not delivered yet.
	size  int64  // Delivered.

	refused *Error // Nothing is delivered anymore.
	err     error  // Final.
}

// dataState is where in a line the reader is.
type dataState uint8

const (
	// lineStart follows CRLF, that of the command DATA at first.
	// A dot leads to lineDot, CR to inLineCR, others to inLine.
	lineStart dataState = iota

	// lineDot follows a dot at the start of a line, which is not delivered.
	// CR leads to lineDotCR, others are looked at again as inLine.
	lineDot

	// lineDotCR follows a line that begins with dot and CR. LF is the end of the
	// message. For others the CR was a bare one and they are looked at again as inLine.
	lineDotCR

	// inLine is within a line. CR leads to inLineCR, a bare LF stays here.
	inLine

	// inLineCR follows CR within a line. LF leads to lineStart. For others the CR was a
	// bare one and they are looked at again as inLine.
	inLineCR
)

// NewDataReader returns a reader of the message that follows in br. At its end br is
// positioned at the next command.
func NewDataReader(br *bufio.Reader, opts DataOptions) *DataReader {
	return &DataReader{br: br, max: opts.MaxSize, normalize: opts.NormalizeLineEnds}
}

// Read implements io.Reader.
func (r *DataReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.rest) == 0 {
		b, err := r.next()
		if err != nil {
			return 0, err
		}
		r.rest = b
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. It writes straight from the buffer of the underlying
// reader. After an error of w, the remaining message can still be read, to get to its
// end.
func (r *DataReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	b, err := r.rest, error(nil)
	r.rest = nil
	for {
		if len(b) > 0 {
			n, err := w.Write(b)
			total += int64(n)
			if err != nil {
				return total, err
			}
		}
		if b, err = r.next(); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
	}
}

// crlf is what a bare CR or LF is normalised to. It is a string so that nothing can
// change it.
const crlf = "\r\n"

// next returns the next bytes of the message, which are valid until it is called again.
func (r *DataReader) next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	for {
		buf, err := r.fill()
		if err != nil {
			r.err = err
			return nil, err
		}
		b, end := r.step(buf)
		if end {
			r.br.Discard(r.used)
			r.used = 0
			r.err = io.EOF
			if r.refused != nil {
				r.err = r.refused
			}
			return nil, r.err
		}
		if b = r.withoutNUL(b); len(b) == 0 || r.refused != nil {
			continue
		}
		if r.max > 0 && r.size+int64(len(b)) > r.max {
			r.refused = NewError(C552MailboxFull, E534MessageTooBig, "message too big", ErrMessageSize)
			continue
		}
		r.size += int64(len(b))
		return b, nil
	}
}

// withoutNUL returns b, of a message that is not refused, without NUL octets, or refuses the message for
// them.
func (r *DataReader) withoutNUL(b []byte) []byte {
	if r.refused != nil || bytes.IndexByte(b, 0) < 0 {
		return b
	}
	if !r.normalize {
		r.refused = NewError(C550MailboxUnavailable, E560ContentOther, "NUL octet in message", ErrNUL)
		return nil
	}
	return bytes.ReplaceAll(b, []byte{0}, nil)
}

// fill returns the bytes in br's buffer that have not been used yet, at least one.
func (r *DataReader) fill() ([]byte, error) {
	if r.used > 0 {
		r.br.Discard(r.used)
		r.used = 0
	}
	if r.br.Buffered() == 0 {
		if _, err := r.br.Peek(1); err == io.EOF {
			return nil, io.ErrUnexpectedEOF
		} else if err != nil {
			return nil, err
		}
	}
	return r.br.Peek(r.br.Buffered())
}

// step looks at buf according to the state, and sets the state and used. It returns what
// is to be delivered, possibly nothing, and whether this was the end of the message.
func (r *DataReader) step(buf []byte) (b []byte, end bool) {
	switch r.state {
	case lineStart:
		if buf[0] == '.' {
			r.used, r.state = 1, lineDot
			return nil, false
		}
	case lineDot:
		if buf[0] == '\r' {
			r.used, r.state = 1, lineDotCR
			return nil, false
		}
	case lineDotCR:
		if buf[0] == '\n' {
			r.used = 1
			return nil, true
		}
		r.state = inLine
		return r.bare(ErrBareCR, crlf), false
	case inLineCR:
		if buf[0] != '\n' {
			r.state = inLine
			return r.bare(ErrBareCR, "\n"), false // The CR was delivered.
		}
		return r.run(buf, 1), false
	}
	if buf[0] == '\n' {
		r.used, r.state = 1, inLine
		return r.bare(ErrBareLF, crlf), false
	}
	return r.run(buf, 0), false
}

// bare handles a bare CR or LF: it refuses the message or returns the normalised form.
func (r *DataReader) bare(cause error, normalized string) []byte {
	if r.normalize {
		return []byte(normalized)
	}
	if r.refused == nil {
		r.refused = NewError(C550MailboxUnavailable, E560ContentOther, "bare CR or LF in message, lines must end with CRLF", cause)
	}
	return nil
}

// run returns the bytes at the start of buf that are delivered as they are. If i is 1,
// the first one is the LF of a CRLF.
func (r *DataReader) run(buf []byte, i int) []byte {
	for {
		if i > 0 { // Behind a CRLF.
			if i == len(buf) || buf[i] == '.' {
				r.used, r.state = i, lineStart
				return buf[:i]
			}
		}
		line := buf[i:]
		cr := bytes.IndexByte(line, '\r')
		if cr >= 0 {
			line = line[:cr]
		}
		if lf := bytes.IndexByte(line, '\n'); lf >= 0 {
			r.used, r.state = i+lf, inLine
			return buf[:i+lf]
		}
		if cr < 0 {
			r.used, r.state = len(buf), inLine
			return buf
		}
		i += cr + 1
		if i == len(buf) || buf[i] != '\n' {
			r.used, r.state = i, inLineCR
			return buf[:i]
		}
		i++
	}
}
