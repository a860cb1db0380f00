package smtpserver

import (
	"bytes"
	"io"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"mox/message"
)

// headerFilter takes fields out of the header of a submitted message on its way to w: private ones, and
// the Date and Message-ID that do not conform, in whose place the server adds good ones (RFC 6409 §8.2,
// §8.3; RFC 5321 §6.4 lets only the server of its author repair a message).
type headerFilter struct {
	w    io.Writer
	body bool // The header is over.

	// line is the beginning of a header line of which it is not known yet what it is.
	line   []byte
	inLine bool // It is known, and the rest of the line follows.
	fate   fate // Of this line, and of those that continue it.

	held         []byte // The field so far, for fate hold.
	hasDate      bool   // A good one was let through.
	hasMessageID bool

	// date is what a field that was taken out for its form said, zero if that was nothing.
	date time.Time
}

// fate is what becomes of a header field.
type fate uint8

const (
	pass fate = iota
	drop      // It is taken out.
	hold      // Its value decides.
)

const (
	// maxPrivateName is more than the longest name that fateOf knows, so that one that goes on is another.
	maxPrivateName = 32

	// maxHeld is more than a good field that is held can have.
	maxHeld = 1500
)

// fateOf tells what becomes of a field by its name. Private are the hidden recipients (RFC 5322 §3.6.3),
// and Return-Path, which only final delivery may add (RFC 5321 §4.4).
func fateOf(name []byte) fate {
	is := func(s string) bool { return len(name) == len(s) && bytes.EqualFold(name, []byte(s)) }
	switch {
	case is("Bcc"), is("Resent-Bcc"), is("Return-Path"):
		return drop
	case is("Date"), is("Message-ID"):
		return hold
	}
	return pass
}

// Write takes the next bytes of the message.
func (f *headerFilter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		piece := p
		switch {
		case f.body:
			p = nil
		case f.inLine:
			if i := bytes.IndexByte(p, '\n'); i >= 0 {
				piece, f.inLine = p[:i+1], false
			}
			p = p[len(piece):]
		default:
			if len(f.line) == 0 && p[0] != ' ' && p[0] != '\t' {
				if err := f.settle(); err != nil {
					return n - len(p), err
				}
			}
			f.line = append(f.line, p[0])
			p = p[1:]
			if !f.decide() {
				continue
			}
			piece, f.line = f.line, f.line[:0]
		}
		if err := f.put(piece); err != nil {
			return n - len(p), err
		}
	}
	return n, nil
}

// decide tells whether line shows what it is, and sets the fields if it does.
func (f *headerFilter) decide() bool {
	last := f.line[len(f.line)-1]
	switch {
	case len(f.line) == 1 && (last == ' ' || last == '\t'):
		f.inLine = true // It continues the line before.
	case last == '\n':
		f.body = len(bytes.TrimSuffix(f.line[:len(f.line)-1], []byte("\r"))) == 0
		f.fate = pass
	case last == ':':
		f.fate = fateOf(bytes.TrimRight(f.line[:len(f.line)-1], " \t"))
		f.inLine = true
	case len(f.line) == maxPrivateName:
		// The obsolete syntax has any amount of space before the colon (RFC 5322 §4.5.8).
		f.fate, f.inLine = fateOf(bytes.TrimRight(f.line, " \t")), true
	default:
		return false
	}
	return true
}

// put does with a piece of the message what its fate is.
func (f *headerFilter) put(piece []byte) error {
	switch {
	case f.fate == drop:
	case f.fate == pass:
		_, err := f.w.Write(piece)
		return err
	case len(f.held) <= maxHeld:
		f.held = append(f.held, piece[:min(len(piece), maxHeld+1-len(f.held))]...)
	}
	return nil
}

// settle ends the field before: one that was held goes on if it is good, and the first one.
func (f *headerFilter) settle() error {
	if f.fate != hold {
		return nil
	}
	f.fate = pass
	field := f.held
	f.held = f.held[:0]
	if !f.isGood(field) {
		return nil
	}
	_, err := f.w.Write(field)
	return err
}

// isGood tells whether a field that was held conforms, and notes what it is.
func (f *headerFilter) isGood(field []byte) bool {
	name, value, _ := bytes.Cut(field, []byte(":"))
	text := strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(string(value)))
	good := len(field) <= maxHeld
	if name[0]|0x20 == 'm' {
		good = good && !f.hasMessageID && isMessageID(text)
		f.hasMessageID = f.hasMessageID || good
		return good
	}
	// All of RFC 5322 §3.3, and of the obsolete syntax of §4.3.
	_, err := mail.ParseDate(text)
	if good = good && !f.hasDate && err == nil; good {
		f.hasDate = true
	} else if t, ok := message.ParseDate(text); ok && f.date.IsZero() {
		f.date = t
	}
	return good
}

// isMessageID tells whether s can serve as a message id (RFC 5322 §3.6.4). It is no stricter than needed: to
// replace an id parts the message from the copy that its sender keeps, and clients make ids that are not
// dot-atoms, such as with two dots.
func isMessageID(s string) bool {
	s, ok := strings.CutPrefix(s, "<")
	id, comment, ended := strings.Cut(s, ">")
	comment = strings.TrimSpace(comment)
	left, right, parts := strings.Cut(id, "@")
	if !ok || !ended || !parts || left == "" || right == "" || !utf8.ValidString(id) {
		return false
	}
	if comment != "" && (comment[0] != '(' || comment[len(comment)-1] != ')') {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == '<' || r >= 0x7f && r < 0xa0 })
}

// Close ends the message.
func (f *headerFilter) Close() error {
	if err := f.settle(); err != nil {
		return err
	}
	_, err := f.w.Write(f.line)
	f.line = nil
	return err
}
