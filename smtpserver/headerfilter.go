package smtpserver

import (
	"bytes"
	"io"
)

// headerFilter takes fields out of the header of a message on its way to w.
type headerFilter struct {
	w io.Writer

	// fateOf tells what becomes of a field by its name.
	fateOf func(name []byte) fate

	// folded has fateOf also asked about a line that has no colon: some look for it in the next.
	folded bool

	// keep tells whether a field that was held goes on. Of one with more than maxHeld bytes it gets
	// so many and one more.
	keep    func(field []byte) bool
	maxHeld int

	body bool // The header is over.

	// line is the beginning of a header line of which it is not known yet what it is.
	line   []byte
	inLine bool // It is known, and the rest of the line follows.
	fate   fate // Of this line, and of those that continue it.

	held []byte // The field so far, for fate hold.
}

// fate is what becomes of a header field.
type fate uint8

const (
	pass fate = iota
	drop      // It is taken out.
	hold      // Its value decides.
)

// maxFilteredName is more than the longest name that a fateOf knows, in whatever disguise, so that one that goes on is another.
const maxFilteredName = 256

// Write takes the next bytes of the message.
func (f *headerFilter) Write(p []byte) (int, error) {
	pos, err := f.endBegin(p)
	from := pos // p[from:pos] goes on, and is not written yet.
	for err == nil && pos < len(p) {
		n := len(p) - pos
		switch {
		case f.body:
		case f.inLine:
			if i := bytes.IndexByte(p[pos:], '\n'); i >= 0 {
				n, f.inLine = i+1, false
			}
		default:
			if p[pos] != ' ' && p[pos] != '\t' {
				if err = f.settle(); err != nil {
					return from, err
				}
			}
			if n = beginning(p[pos:]); n == 0 {
				f.line = append(f.line, p[pos:]...)
				return len(p), f.write(p[from:pos])
			}
			f.decide(p[pos : pos+n])
		}
		if f.fate != pass {
			err = f.write(p[from:pos])
			f.withhold(p[pos : pos+n])
			from = pos + n
		}
		pos += n
	}
	if err != nil {
		return from, err
	}
	return len(p), f.write(p[from:])
}

// endBegin takes what p has of a line that began in an earlier piece, up to where it is known what that is, and
// returns how much that was.
func (f *headerFilter) endBegin(p []byte) (int, error) {
	if len(f.line) == 0 {
		return 0, nil
	}
	for i, c := range p {
		f.line = append(f.line, c)
		if beginning(f.line) == 0 {
			continue
		}
		line := f.line
		f.line = f.line[:0]
		f.decide(line)
		if f.fate != pass {
			f.withhold(line)
			return i + 1, nil
		}
		return i + 1, f.write(line)
	}
	return len(p), nil
}

// beginning returns how many bytes of p, which is at the start of a line, show what the line is; zero if
// that is not known yet.
func beginning(p []byte) int {
	if p[0] == ' ' || p[0] == '\t' {
		return 1 // It continues the line before.
	}
	for i, c := range p[:min(len(p), maxFilteredName)] {
		if c == ':' || c == '\n' {
			return i + 1
		}
	}
	if len(p) >= maxFilteredName {
		return maxFilteredName
	}
	return 0
}

// decide notes what a line is by its beginning.
func (f *headerFilter) decide(begin []byte) {
	last := begin[len(begin)-1]
	switch {
	case len(begin) == 1 && (last == ' ' || last == '\t'):
		f.inLine = true
	case last == '\n':
		line := bytes.TrimSuffix(begin[:len(begin)-1], []byte("\r"))
		f.body = len(line) == 0
		f.fate = pass
		if f.folded && !f.body {
			f.fate = f.fateOf(bytes.TrimRight(line, " \t"))
		}
	default:
		// The obsolete syntax has any amount of space before the colon (RFC 5322 §4.5.8).
		f.fate, f.inLine = f.fateOf(bytes.TrimRight(bytes.TrimSuffix(begin, []byte(":")), " \t")), true
	}
}

// withhold does with a piece of a field that does not go on what its fate is.
func (f *headerFilter) withhold(piece []byte) {
	if f.fate == hold && len(f.held) <= f.maxHeld {
		f.held = append(f.held, piece[:min(len(piece), f.maxHeld+1-len(f.held))]...)
	}
}

// settle ends the field before: one that was held goes on if it is to be kept.
func (f *headerFilter) settle() error {
	if f.fate != hold {
		return nil
	}
	f.fate = pass
	field := f.held
	f.held = f.held[:0]
	if !f.keep(field) {
		return nil
	}
	return f.write(field)
}

func (f *headerFilter) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := f.w.Write(b)
	return err
}

// Close ends the message.
func (f *headerFilter) Close() error {
	if err := f.settle(); err != nil {
		return err
	}
	line := f.line
	f.line = nil
	return f.write(line)
}
