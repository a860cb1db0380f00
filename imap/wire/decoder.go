package wire

import (
	"bufio"
	"bytes"
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

// Reset makes the Decoder read from r, as after STARTTLS, and forget the command it was in
// and its error.
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
	var e *imap.Error
	return d.err != nil && (!errors.As(d.err, &e) || e.Status == imap.StatusBye)
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
	if err == bufio.ErrBufferFull {
		d.long = append(d.long[:0], line...)
		for err == bufio.ErrBufferFull && len(d.long) <= d.lineLeft {
			line, err = d.r.ReadSlice('\n')
			d.long = append(d.long, line...)
		}
		line = d.long
	}
	d.line, d.size = line, int64(len(line))
	switch err {
	case nil:
		d.line, d.whole = trimLineEnd(line), true
	case io.EOF:
		d.fail(io.ErrUnexpectedEOF)
	case bufio.ErrBufferFull:
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

// token takes bytes as long as ok says so. They are valid until the next line or literal is
// read.
func (d *Decoder) token(ok func(c byte) bool) []byte {
	if d.err != nil {
		return nil
	}
	i := d.pos
	for i < len(d.line) && ok(d.line[i]) {
		i++
	}
	b := d.line[d.pos:i]
	d.pos = i
	return b
}

// isAString tells the characters of an astring that is no string (ASTRING-CHAR in
// RFC 9051 §9). Octets above 127 are accepted: curl sends mailbox and user names in UTF-8
// without quotes.
func isAString(c byte) bool { return imap.IsAtomChar(c) || c == ']' || c >= 0x80 }

// isTag tells the characters of a tag.
func isTag(c byte) bool { return c != '+' && (imap.IsAtomChar(c) || c == ']') }

// isListChar tells the characters of a list-mailbox that is no string.
func isListChar(c byte) bool { return isAString(c) || c == '*' || c == '%' }

// isKeyword tells the characters of words with a meaning, which end before a section.
func isKeyword(c byte) bool { return c != '[' && imap.IsAtomChar(c) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Tag takes the tag of a command. It is valid until the next Tag. It is nil if there is
// none, so the response to the command has to be untagged. It is found in a line that is too
// long, too.
func (d *Decoder) Tag() []byte {
	i := 0
	for i < len(d.line) && isTag(d.line[i]) {
		i++
	}
	b := d.line[:i]
	d.pos = i
	if len(b) == 0 {
		d.tag = d.tag[:0]
		d.expected("tag")
		return nil
	}
	d.tag = append(d.tag[:0], b...)
	return d.tag
}

// Keyword takes an atom that the protocol gives a meaning, as the name of a command, and
// returns it in capitals. It ends before "[" too. It is valid until the next Keyword.
func (d *Decoder) Keyword() []byte {
	b := d.token(isKeyword)
	if len(b) == 0 {
		d.expected("word")
		return nil
	}
	d.keyword = append(d.keyword[:0], b...)
	for i, c := range d.keyword {
		if 'a' <= c && c <= 'z' {
			d.keyword[i] = c - 'a' + 'A'
		}
	}
	return d.keyword
}

// Atom takes an atom. It is valid until the next line or literal is read.
func (d *Decoder) Atom() []byte {
	b := d.token(imap.IsAtomChar)
	if len(b) == 0 {
		d.expected("atom")
		return nil
	}
	return b
}

// AString takes an astring: an atom or a string.
func (d *Decoder) AString() string { return string(d.astring(isAString)) }

// astring takes a string or characters as ok says. The result is valid until the next
// element is read.
func (d *Decoder) astring(ok func(c byte) bool) []byte {
	switch d.peek() {
	case '"':
		return d.quoted()
	case '{':
		return d.literalString()
	}
	b := d.token(ok)
	if len(b) == 0 {
		d.expected("string")
		return nil
	}
	return b
}

// NString takes a string or NIL, for which it returns false.
func (d *Decoder) NString() (string, bool) {
	switch d.peek() {
	case '"':
		return string(d.quoted()), d.err == nil
	case '{':
		return string(d.literalString()), d.err == nil
	}
	if !bytes.Equal(d.Keyword(), []byte("NIL")) {
		d.expected("string or NIL")
	}
	return "", false
}

// quoted takes a quoted string. Octets above 127 are accepted as in RFC 9051 §9, where
// they are UTF-8, also from clients that have not enabled it: scripts with Python's imaplib
// search for them that way.
func (d *Decoder) quoted() []byte {
	d.pos++
	rest := d.line[d.pos:]
	i := 0
	for i < len(rest) && rest[i] != '"' && rest[i] != '\\' && rest[i] != 0 && rest[i] != '\r' {
		i++
	}
	if i < len(rest) && rest[i] == '"' {
		d.pos += i + 1
		return rest[:i]
	}
	d.scratch = append(d.scratch[:0], rest[:i]...)
	for ; i < len(rest); i++ {
		c := rest[i]
		switch c {
		case '"':
			d.pos += i + 1
			return d.scratch
		case '\\':
			if i++; i == len(rest) || rest[i] != '"' && rest[i] != '\\' {
				d.pos += i
				d.expected("'\"' or backslash")
				return nil
			}
			c = rest[i]
		case 0, '\r':
			d.pos += i
			d.expected("character of quoted string")
			return nil
		}
		d.scratch = append(d.scratch, c)
	}
	d.pos += i
	d.expected("'\"'")
	return nil
}

// Number takes a number of 32 bits.
func (d *Decoder) Number() uint32 { return uint32(d.number(1<<32-1, false)) }

// NZNumber takes a number of 32 bits that is not zero.
func (d *Decoder) NZNumber() uint32 { return uint32(d.number(1<<32-1, true)) }

// Number64 takes a number of 63 bits.
func (d *Decoder) Number64() int64 { return int64(d.number(1<<63-1, false)) }

// NZNumber64 takes a number of 63 bits that is not zero.
func (d *Decoder) NZNumber64() int64 { return int64(d.number(1<<63-1, true)) }

func (d *Decoder) number(most uint64, nonZero bool) uint64 {
	start := d.pos
	b := d.token(isDigit)
	n, ok := parseNumber(b, most)
	// An nz-number has no leading zero, so "0" alone has to be seen to.
	if !ok || nonZero && b[0] == '0' {
		d.pos = start
		if nonZero {
			d.expected("non-zero number")
		} else {
			d.expected("number")
		}
		return 0
	}
	return n
}

// parseNumber parses digits, of which there must be at least one.
func parseNumber(b []byte, most uint64) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		v := uint64(c - '0')
		if n > (most-v)/10 {
			return 0, false
		}
		n = n*10 + v
	}
	return n, true
}

// Parens takes a parenthesized list and calls item for each element, which must take it. At
// least one element must be there, unless empty says otherwise.
func (d *Decoder) Parens(empty bool, item func()) {
	d.Expect('(')
	if empty && d.Take(')') {
		return
	}
	for n := 0; d.err == nil; n++ {
		if n == d.limits.Items {
			d.exceeded(imap.CodeLimit, "Too many elements in a list")
			return
		}
		item()
		if d.Take(')') {
			return
		}
		if !d.Take(' ') {
			d.expected("space or ')'")
		}
	}
}
