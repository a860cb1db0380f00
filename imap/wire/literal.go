package wire

import (
	"bytes"
	"io"

	"mox/imap"
)

// Literal is the announcement of a literal (literal and literal8 in RFC 9051 §9, RFC 7888,
// RFC 3516).
type Literal struct {
	Size    int64 // In octets.
	NonSync bool  // "{n+}": the octets come without being asked for.
	Binary  bool  // "~{n}": literal8, whose octets may be NUL.
}

// cutLiteral parses the announcement of a literal at the end of a line.
func cutLiteral(line []byte) (Literal, bool) {
	n := len(line)
	if n < 3 || line[n-1] != '}' {
		return Literal{}, false
	}
	i := bytes.LastIndexByte(line, '{')
	if i < 0 {
		return Literal{}, false
	}
	lit := Literal{Binary: i > 0 && line[i-1] == '~'}
	num := line[i+1 : n-1]
	if k := len(num) - 1; k >= 0 && num[k] == '+' {
		lit.NonSync = true
		num = num[:k]
	}
	for _, c := range num {
		if !isDigit(c) {
			return Literal{}, false
		}
	}
	size, ok := parseNumber(num, 1<<63-1)
	lit.Size = int64(size)
	return lit, ok
}

// Literal takes the announcement of a literal, binary or not, and nothing of the literal
// itself. Then the caller decides: it either calls Open to read it, or it answers with an error
// and calls EndCommand. A synchronizing literal is then never sent.
//
// It fails with BAD [TOOBIG] if a non-synchronizing literal is larger than [Limits] allow.
func (d *Decoder) Literal() Literal {
	if d.err != nil {
		return Literal{}
	}
	rest := d.line[d.pos:]
	lit, ok := cutLiteral(rest)
	start := 1
	if lit.Binary {
		start = 2
	}
	// It must be all there is on the line.
	if !ok || bytes.IndexByte(rest, '{') != start-1 {
		d.expected("literal")
		return Literal{}
	}
	if most := d.limits.NonSync; lit.NonSync && most > 0 && lit.Size > most {
		// RFC 7888 §5.
		d.exceeded(imap.CodeTooBig, "Non-synchronizing literal too big")
		return Literal{}
	}
	d.pos = len(d.line)
	return lit
}

// Open returns a reader for exactly the octets of a literal, after asking the peer to send
// them if it waits for that. Afterwards CloseLiteral must be called, whether or not they were
// all read, before anything else is taken from the command; EndCommand does so too.
//
// The reader returns [io.EOF] after the literal and [io.ErrUnexpectedEOF] if the connection ends
// in it. It may not be used after CloseLiteral.
func (d *Decoder) Open(lit Literal) io.Reader {
	d.stream.left = 0
	if d.err == nil && !lit.NonSync && d.ask != nil {
		if err := d.ask(); err != nil {
			d.fail(err)
		}
	}
	if d.err == nil {
		d.stream.left, d.stream.open = lit.Size, true
		d.before += lit.Size
	}
	return &d.stream
}

// CloseLiteral skips what was not read of a literal and goes on with the line after it.
func (d *Decoder) CloseLiteral() {
	if !d.stream.open || d.fatal() {
		return
	}
	n := d.stream.left
	d.stream.open, d.stream.left = false, 0
	if err := d.discard(n); err != nil {
		d.err = err
		return
	}
	d.readLine()
}

// literalReader reads a literal as a stream.
type literalReader struct {
	d    *Decoder
	left int64
	open bool
}

func (l *literalReader) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, l.end()
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.d.r.Read(p)
	l.left -= int64(n)
	if err != nil && l.left > 0 {
		err = unexpected(err)
		l.d.fail(err)
		return n, err
	}
	return n, nil
}

// end returns the error at the end of the literal.
func (l *literalReader) end() error {
	if l.d.fatal() {
		return l.d.err
	}
	return io.EOF
}

// WriteTo writes the literal from the buffer it was received in.
func (l *literalReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for l.left > 0 {
		if l.d.r.Buffered() == 0 {
			if _, err := l.d.r.Peek(1); err != nil {
				err = unexpected(err)
				l.d.fail(err)
				return total, err
			}
		}
		b, err := l.d.r.Peek(int(min(l.left, int64(l.d.r.Buffered()))))
		if err != nil {
			return total, err
		}
		n, err := w.Write(b)
		total += int64(n)
		l.left -= int64(n)
		l.d.r.Discard(n) // Of what is buffered, so without error.
		if err != nil {
			return total, err
		}
	}
	if err := l.end(); err != io.EOF {
		return total, err
	}
	return total, nil
}

// literalString takes a literal that stands for a string. It is valid until the next
// element is read.
func (d *Decoder) literalString() []byte {
	lit := d.Literal()
	if d.err != nil {
		return nil
	}
	if lit.Size > d.litLeft {
		d.exceeded(imap.CodeTooBig, "Literal too big")
		return nil
	}
	d.litLeft -= lit.Size
	r := d.Open(lit)
	if d.err != nil {
		return nil
	}
	b := append(d.scratch[:0], make([]byte, lit.Size)...)
	d.scratch = b
	if _, err := io.ReadFull(r, b); err != nil && lit.Size > 0 {
		return nil // Read has kept the error.
	}
	d.CloseLiteral()
	// RFC 9051 §9: NUL must not be used, except in a literal8.
	if !lit.Binary && bytes.IndexByte(b, 0) >= 0 {
		d.invalid("NUL in literal")
		return nil
	}
	return b
}
