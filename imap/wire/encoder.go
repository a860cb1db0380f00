package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mox/imap"
)

// ErrShortLiteral says that less could be read than was announced as a literal. What follows
// would be taken for a part of it, so the connection must be closed.
var ErrShortLiteral = errors.New("imap: content is shorter than its announced literal")

// Encoder writes responses, or commands. The methods that write an element put a space before
// it unless it is the first one of a line or a list, so
//
//	enc.Untagged().Number(12).Atom("FETCH").Open().Atom("UID").Number(7).Close().CRLF()
//
// writes "* 12 FETCH (UID 7)". The first error is kept, afterwards nothing more is written.
// Nothing is flushed but by Flush and by what does not fit the buffer. An Encoder is not safe for
// concurrent use.
type Encoder struct {
	// UTF8 says that the peer takes mailbox names and text in UTF-8: after ENABLE IMAP4rev2
	// (RFC 9051 §5.1) or UTF8=ACCEPT (RFC 6855 §3).
	UTF8 bool

	w   *bufio.Writer
	err error
	sep bool // A space belongs before the next element.
}

// NewEncoder returns an Encoder that writes to w.
func NewEncoder(w *bufio.Writer) *Encoder { return &Encoder{w: w} }

// Reset makes the Encoder write to w and forget its error. What it has buffered is not
// flushed.
func (e *Encoder) Reset(w *bufio.Writer) { e.w, e.err, e.sep = w, nil, false }

// Err returns the first error.
func (e *Encoder) Err() error { return e.err }

// Flush writes what is buffered.
func (e *Encoder) Flush() error {
	if e.err == nil {
		e.err = e.w.Flush()
	}
	return e.err
}

func (e *Encoder) write(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

// element returns the free part of the buffer, to which an element may be appended, with the
// space that belongs before it.
func (e *Encoder) element() []byte {
	b := e.w.AvailableBuffer()
	if e.sep {
		b = append(b, ' ')
	}
	e.sep = true
	return b
}

// Untagged begins an untagged response.
func (e *Encoder) Untagged() *Encoder { return e.Raw("*") }

// Tagged begins a command, or its response.
func (e *Encoder) Tagged(tag []byte) *Encoder {
	e.write(append(e.element(), tag...))
	return e
}

// CRLF ends a line.
func (e *Encoder) CRLF() *Encoder {
	e.sep = false
	if e.err == nil {
		_, e.err = e.w.WriteString("\r\n")
	}
	return e
}

// Raw writes an element that is in its wire form.
func (e *Encoder) Raw(s string) *Encoder {
	e.write(append(e.element(), s...))
	return e
}

// RawBytes is Raw for bytes, as ENVELOPE from [imap.AppendEnvelope].
func (e *Encoder) RawBytes(b []byte) *Encoder {
	if e.sep && e.err == nil {
		e.err = e.w.WriteByte(' ')
	}
	e.sep = true
	e.write(b)
	return e
}

// Atom writes an atom, which the caller knows to be one.
func (e *Encoder) Atom(s string) *Encoder { return e.Raw(s) }

// Nil writes NIL.
func (e *Encoder) Nil() *Encoder { return e.Raw("NIL") }

// Open begins a list. Its first element has no space before it.
func (e *Encoder) Open() *Encoder {
	e.write(append(e.element(), '('))
	e.sep = false
	return e
}

// Close ends a list.
func (e *Encoder) Close() *Encoder {
	e.write(append(e.w.AvailableBuffer(), ')'))
	e.sep = true
	return e
}

// Number writes a number.
func (e *Encoder) Number(n uint32) *Encoder {
	e.write(strconv.AppendUint(e.element(), uint64(n), 10))
	return e
}

// Number64 writes a number of 63 bits. It must not be negative.
func (e *Encoder) Number64(n int64) *Encoder {
	e.write(strconv.AppendInt(e.element(), n, 10))
	return e
}

// String writes a string, quoted or as literal.
func (e *Encoder) String(s string) *Encoder {
	e.write(imap.AppendString(e.element(), s))
	return e
}

// NString writes a string, or NIL if s is nil.
func (e *Encoder) NString(s *string) *Encoder {
	if s == nil {
		return e.Nil()
	}
	return e.String(*s)
}

// Mailbox writes a mailbox name, always as string: clients with naive parsers look for the
// quotes.
func (e *Encoder) Mailbox(name string) *Encoder {
	e.write(e.appendMailbox(e.element(), name))
	return e
}

func (e *Encoder) appendMailbox(b []byte, name string) []byte {
	if strings.ContainsAny(name, "\r\n\x00") {
		return imap.AppendString(b, name)
	}
	if !e.UTF8 {
		return imap.AppendString(b, imap.AppendUTF7(make([]byte, 0, len(name)+16), name))
	}
	// RFC 9051 §9: a quoted string may have UTF-8.
	b = append(b, '"')
	for i := range len(name) {
		if c := name[i]; c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, name[i])
	}
	return append(b, '"')
}

// Flags writes a list of flags and keywords, in parentheses. If recent is set \Recent is among
// them.
func (e *Encoder) Flags(flags imap.Flags, keywords []string, recent bool) *Encoder {
	b := append(e.element(), '(')
	n := len(b)
	b = flags.AppendTo(b)
	if recent {
		if len(b) > n {
			b = append(b, ' ')
		}
		b = append(b, `\Recent`...)
	}
	for _, k := range keywords {
		if len(b) > n {
			b = append(b, ' ')
		}
		b = append(b, k...)
	}
	e.write(append(b, ')'))
	return e
}

// SeqSet writes a set of sequence numbers, which must not be empty.
func (e *Encoder) SeqSet(s imap.SeqSet) *Encoder { return writeSet(e, s) }

// UIDSet writes a set of UIDs, which must not be empty.
func (e *Encoder) UIDSet(s imap.UIDSet) *Encoder { return writeSet(e, s) }

// writeSet writes a set in pieces that mostly fit the buffer, since it can be as long as the mailbox.
func writeSet[T imap.Num](e *Encoder, s imap.Set[T]) *Encoder {
	const piece = 32 // Ranges.
	b := e.element()
	for len(s) > piece && e.err == nil {
		e.write(append(s[:piece].AppendTo(b), ','))
		b, s = e.w.AvailableBuffer(), s[piece:]
	}
	e.write(s.AppendTo(b))
	return e
}

// DateTime writes a date-time, with quotes.
func (e *Encoder) DateTime(t time.Time) *Encoder {
	e.write(imap.AppendDateTime(e.element(), t))
	return e
}

// Section writes the name of a section in a response: name is BODY, BINARY or BINARY.SIZE.
func (e *Encoder) Section(name string, s *Section) *Encoder {
	e.write(s.AppendTo(append(e.element(), name...)))
	return e
}

// Literal writes exactly size octets of r as a literal, through the buffer of the writer. If
// binary is set it is a literal8, which may have NUL (RFC 3516 §4.2.1). If r ends early it fails with
// [ErrShortLiteral]. It does not read r beyond size.
func (e *Encoder) Literal(r io.Reader, size int64, binary bool) *Encoder {
	b := e.element()
	if binary {
		b = append(b, '~')
	}
	b = append(b, '{')
	b = strconv.AppendInt(b, size, 10)
	e.write(append(b, "}\r\n"...))
	idle := 0
	for e.err == nil && size > 0 {
		if e.w.Available() == 0 {
			e.Flush()
			continue
		}
		// Reading into the free part of the buffer makes the write a copy to itself.
		b := e.w.AvailableBuffer()
		b = b[:min(int64(cap(b)), size)]
		n, err := r.Read(b)
		size -= int64(n)
		e.write(b[:n])
		if idle++; n > 0 {
			idle = 0
		}
		switch {
		case e.err != nil || size == 0:
		case err == io.EOF:
			e.err = ErrShortLiteral
		case err != nil:
			e.err = fmt.Errorf("%w: %w", ErrShortLiteral, err)
		case idle == 100:
			e.err = fmt.Errorf("%w: %w", ErrShortLiteral, io.ErrNoProgress)
		}
	}
	return e
}

// Status writes a status response: tagged, or untagged if tag is nil. The text gets a
// replacement for what cannot stand in a line.
func (e *Encoder) Status(tag []byte, status imap.Status, code imap.Code, text string) *Encoder {
	if tag == nil {
		e.Untagged()
	} else {
		e.Tagged(tag)
	}
	b := append(e.element(), status...)
	if code != "" {
		b = append(b, " ["...)
		b = append(b, code...)
		b = append(b, ']')
	}
	b = append(b, ' ')
	e.write(e.appendText(b, text))
	return e.CRLF()
}

// Error writes an error as status response: BYE is always untagged.
func (e *Encoder) Error(tag []byte, err *imap.Error) *Encoder {
	if err.Status == imap.StatusBye {
		tag = nil
	}
	return e.Status(tag, err.Status, err.Code, err.Text)
}

// Continue writes a continuation request (RFC 9051 §7.6).
func (e *Encoder) Continue(text string) *Encoder {
	e.write(e.appendText(append(e.w.AvailableBuffer(), "+ "...), text))
	return e.CRLF()
}

// appendText appends text for people (text in RFC 9051 §9), which has at least one character.
func (e *Encoder) appendText(b []byte, text string) []byte {
	if text == "" {
		return append(b, '.')
	}
	for _, r := range text {
		switch {
		case r < ' ' || r == 0x7f:
			b = append(b, ' ')
		case r < 0x80:
			b = append(b, byte(r))
		case e.UTF8:
			b = append(b, string(r)...)
		default:
			b = append(b, '?')
		}
	}
	return b
}

// AppendAString appends s as astring: as atom if it is one.
func AppendAString(b []byte, s string) []byte {
	if s == "" || len(s) == 3 && asciiFold([]byte(s), "NIL") {
		return imap.AppendString(b, s)
	}
	for i := range len(s) {
		if !imap.IsAtomChar(s[i]) {
			return imap.AppendString(b, s)
		}
	}
	return append(b, s...)
}
