package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"mox/imap"
)

// Decoder reads commands, or responses, from a peer. It is not safe for concurrent use.
//
// Slices of bytes that its methods return are its own buffers: each method tells how long
// they are valid. Strings are copies.
type Decoder struct {
	// UTF8 says that mailbox names are UTF-8 and not modified UTF-7: after ENABLE
	// IMAP4rev2 (RFC 9051 §5.1) or UTF8=ACCEPT (RFC 6855 §3).
	UTF8 bool

	r      *bufio.Reader
	limits Limits
	ask    func() error
	err    error // The first one.

	// The current line without its end. It is in the buffer of r or in long, so reading
	// from r makes it invalid. Its trailing literal, if it has one, was not opened.
	line  []byte
	pos   int  // The next byte of line.
	open  bool // A command has begun and EndCommand has not been called.
	whole bool // The end of the line has been read.
	long  []byte

	before   int64 // Octets of the command before line, for positions in errors.
	size     int64 // Octets of line with its end.
	lineLeft int   // What is left of Limits.Line for this command.
	litLeft  int64 // What is left of Limits.Literal.

	stream  literalReader
	tag     []byte // Of the last Tag.
	keyword []byte // Of the last Keyword.
	scratch []byte // For quoted strings with escapes and literals.
}

// NewDecoder returns a Decoder that reads from r.
//
// The function ask is called to let the peer send a synchronizing literal: it writes a
// continuation request and flushes it. It is nil if the peer is a server, whose literals come
// without asking (RFC 9051 §4.3).
func NewDecoder(r *bufio.Reader, limits Limits, ask func() error) *Decoder {
	d := &Decoder{r: r, ask: ask, limits: limits.withDefaults()}
	d.stream.d = d
	return d
}

// Reset makes the Decoder read from r and forget the command it was in
// and its error. After STARTTLS r must be a new reader: what the old one has buffered was not
// protected (RFC 9051 §6.2.1).
func (d *Decoder) Reset(r *bufio.Reader) {
	d.r, d.err, d.line, d.pos = r, nil, nil, 0
	d.open, d.stream.open, d.stream.left = false, false, 0
}

// SetLimits replaces the limits, from the next ReadLine on.
func (d *Decoder) SetLimits(limits Limits) { d.limits = limits.withDefaults() }

// Err returns the first error since ReadLine: an [imap.Error] if the peer made a mistake,
// otherwise an error of reading.
func (d *Decoder) Err() error { return d.err }

// fail keeps the first error.
func (d *Decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// expected fails with BAD, because what is not at the current position.
func (d *Decoder) expected(what string) {
	if d.err == nil {
		d.err = imap.Bad(fmt.Sprintf("Syntax error at octet %d: %s expected", d.before+int64(d.pos)+1, what))
	}
}

// invalid fails with BAD, because of what was read before the current position.
func (d *Decoder) invalid(text string) {
	if d.err == nil {
		d.err = imap.Bad(fmt.Sprintf("%s before octet %d", text, d.before+int64(d.pos)+1))
	}
}

// exceeded fails with BAD, because the command is larger than a limit.
func (d *Decoder) exceeded(code imap.Code, text string) {
	d.fail(&imap.Error{Status: imap.StatusBad, Code: code, Text: text})
}

// fatal reports whether the connection is no longer usable.
func (d *Decoder) fatal() bool {
	if d.err == nil {
		return false
	}
	var e *imap.Error
	return !errors.As(d.err, &e) || e.Status == imap.StatusBye
}

// ReadLine reads the first line of a command, or a line of its own inside a command, as
// DONE of IDLE and the responses of AUTHENTICATE. It blocks until the line is there. If the
// last command was not ended it calls EndCommand before.
//
// It returns [io.EOF] if the peer closed the connection where a command may begin, or another
// error after which the connection is not usable. A line that is too long is no such error:
// Tag still finds the tag, and Err tells.
func (d *Decoder) ReadLine() error {
	if err := d.EndCommand(); err != nil {
		return err
	}
	d.err, d.open = nil, true
	d.before, d.size = 0, 0
	d.lineLeft, d.litLeft = d.limits.Line, d.limits.Literal
	d.readLine()
	if d.err == io.ErrUnexpectedEOF && len(d.line) == 0 {
		d.err = io.EOF
	}
	if d.fatal() {
		return d.err
	}
	return nil
}

// readLine reads the next line of the command.
func (d *Decoder) readLine() {
	d.before += d.size
	d.pos, d.whole = 0, false
	line, err := d.r.ReadSlice('\n')
	most := d.lineLeft + 1 // With the CR of the line end.
	if err == bufio.ErrBufferFull {
		d.long = append(d.long[:0], line...)
		for err == bufio.ErrBufferFull && len(d.long) <= most {
			line, err = d.r.ReadSlice('\n')
			d.long = append(d.long, line...)
		}
		line = d.long
	}
	d.line, d.size = line, int64(len(line))
	switch {
	case err == nil:
		d.line, d.whole = trimLineEnd(line), true
	case len(line) > most: // The line goes on, or would if there were more to read.
	case err == io.EOF:
		d.fail(io.ErrUnexpectedEOF)
	default:
		d.fail(fmt.Errorf("reading line: %w", err))
	}
	if d.lineLeft -= len(d.line); d.lineLeft < 0 {
		d.exceeded(imap.CodeTooBig, "Command line too long")
	}
}

// trimLineEnd removes the line end. A bare LF is accepted: people type commands into
// "openssl s_client" and nc, which send no CR.
func trimLineEnd(line []byte) []byte {
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// EndCommand skips what was not read of a command, with the literals in it that the peer
// sends without being asked (RFC 7888 §3), and leaves the Decoder before the next command.
// After an error that concerns the command only, it returns nil: Err still returns the error,
// until the next ReadLine.
//
// It returns the error of reading, or an [imap.Error] with status BYE if there is more to skip
// than [Limits] allow.
func (d *Decoder) EndCommand() error {
	if d.fatal() {
		return d.err
	}
	if !d.open {
		return nil
	}
	d.open = false
	if err := d.skip(); err != nil {
		d.err = err
		return err
	}
	d.line, d.pos = nil, 0
	// One large command must not hold memory for the life of a connection.
	const keep = 16 << 10
	if cap(d.long) > keep {
		d.long = nil
	}
	if cap(d.scratch) > keep {
		d.scratch = nil
	}
	if cap(d.tag) > keep || cap(d.keyword) > keep {
		d.tag, d.keyword = nil, nil
	}
	return nil
}

// skip reads up to the end of the command.
func (d *Decoder) skip() error {
	left := d.limits.Skip
	line, whole := d.line, d.whole
	n := int64(-1) // Octets of a literal to skip, negative if there is none.
	if d.stream.open {
		n = d.stream.left
		d.stream.open, d.stream.left = false, 0
	}
	for {
		if n < 0 && whole {
			lit, ok := cutLiteral(line)
			if !ok || !lit.NonSync && d.ask != nil {
				return nil
			}
			n = lit.Size
		}
		if n >= 0 {
			if left -= n; left < 0 {
				return imap.Bye(imap.CodeTooBig, "Command too big", nil)
			}
			if err := d.discard(n); err != nil {
				return err
			}
			line, n = nil, -1
		}
		var err error
		if line, err = d.skipLine(line, &left); err != nil {
			return err
		}
		whole = true
	}
}

// skipLine reads up to the end of a line of which the end of start is already read. It
// returns the end of the line, long enough to see a literal in it.
func (d *Decoder) skipLine(start []byte, left *int64) ([]byte, error) {
	var buf [64]byte
	tail := keepEnd(buf[:0], start)
	for {
		b, err := d.r.ReadSlice('\n')
		if *left -= int64(len(b)); *left < 0 {
			return nil, imap.Bye(imap.CodeTooBig, "Command too big", nil)
		}
		tail = keepEnd(tail, b)
		switch err {
		case nil:
			return trimLineEnd(tail), nil
		case bufio.ErrBufferFull:
		default:
			return nil, unexpected(err)
		}
	}
}

// keepEnd returns the last bytes of tail with b appended.
func keepEnd(tail, b []byte) []byte {
	const most = 32
	if len(b) >= most {
		return append(tail[:0], b[len(b)-most:]...)
	}
	if over := len(tail) + len(b) - most; over > 0 {
		tail = append(tail[:0], tail[over:]...)
	}
	return append(tail, b...)
}

// discard skips n bytes.
func (d *Decoder) discard(n int64) error {
	for n > 0 {
		k, err := d.r.Discard(int(min(n, 1<<20)))
		n -= int64(k)
		if err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// unexpected returns the error for reading inside a command.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading command: %w", err)
}

// peek returns the next byte of the line, 0 at its end or after an error.
func (d *Decoder) peek() byte {
	if d.err != nil || d.pos >= len(d.line) {
		return 0
	}
	return d.line[d.pos]
}

// Peek returns the next byte without taking it: 0 at the end of the line and after an
// error.
func (d *Decoder) Peek() byte { return d.peek() }

// Take takes the next byte if it is c, and reports whether it was.
func (d *Decoder) Take(c byte) bool {
	if c == 0 || d.peek() != c {
		return false
	}
	d.pos++
	return true
}

// Expect takes the next byte, which must be c.
func (d *Decoder) Expect(c byte) {
	if !d.Take(c) {
		d.expected(string([]byte{'\'', c, '\''}))
	}
}

// SP takes exactly one space.
func (d *Decoder) SP() {
	if !d.Take(' ') {
		d.expected("space")
	}
}

// AtEnd reports whether the line has been read to its end. It is false after an error.
func (d *Decoder) AtEnd() bool { return d.err == nil && d.pos == len(d.line) }

// CRLF takes the end of the command.
func (d *Decoder) CRLF() {
	if d.err == nil && d.pos < len(d.line) {
		d.expected("end of command")
	}
}
