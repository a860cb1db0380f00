package message

import (
	"bytes"
	"io"
	"sync"
)

// maxBoundary is how many bytes of a boundary are compared. RFC 2046 §5.1.1 allows 70.
const maxBoundary = 256

// maxLine is how much is kept of a line that is cut by the end of a piece: enough to
// tell whether it is a boundary line.
const maxLine = maxBoundary + 16

// maxReread is how many bytes of a message are read again after they were taken for a part of a
// header, so that no message is read over and over.
const maxReread = 4 << 20

// Parser makes the part tree of one message from its bytes, given in pieces to Write.
// It is not safe for concurrent use. A Parser is made by [NewParser] and used for one
// message.
type Parser struct {
	opts  Options
	root  *Part
	stack []frame // Open parts, outermost first; the last is the current one.

	pos     int64 // Bytes taken, which is the offset of the next.
	lines   int64 // Line ends taken.
	last    byte  // Last byte taken.
	prevEnd int   // Length of the line end before the current line: 0, 1 or 2.

	// held is the number of bytes of the current line that were given but not taken,
	// because the line may be a boundary line and its end is not there yet. Its first
	// bytes are in line.
	held     int64
	heldLast byte
	line     []byte

	inHeader  bool
	candidate bool // In a body: the current line may be a boundary line.

	header        []byte // The header being read, up to the limit.
	headerLines   int64  // Value of lines at its beginning.
	headerPrevEnd int    // Value of prevEnd at its beginning.
	wholeLines    int    // Length of header up to the current line.
	truncated     bool   // The header is longer than the limit.
	total         int    // Bytes of all headers looked at.

	reread   int // Bytes that were taken for a header and then for a body.
	parts    int // Parts made.
	elements int // Addresses and parameters kept.

	boundaries []boundary // Of the multiparts on the stack whose closing boundary line was not seen.
}

// boundary is the boundary of an open multipart.
type boundary struct {
	text  []byte
	frame int // Index of the multipart in Parser.stack.
}

// frame is an open part.
type frame struct {
	part    *Part
	message bool // The root, or inside a message/rfc822.
	digest  bool // Child of a multipart/digest, by default a message.

	bodyLines int64 // Value of Parser.lines at the beginning of the body.
	// minEnd is the first possible end of the body: its beginning, or where the last
	// child ended; minEndLines is Parser.lines there.
	minEnd, minEndLines int64
}

// NewParser returns a Parser with the limits of opts.
func NewParser(opts Options) *Parser {
	root := &Part{}
	return &Parser{
		opts:     opts.withDefaults(),
		root:     root,
		stack:    append(make([]frame, 0, 8), frame{part: root, message: true}),
		inHeader: true,
		parts:    1,
	}
}

// Write takes the next bytes of the message. It keeps no reference to them, returns
// len(data) and never fails.
func (p *Parser) Write(data []byte) (int, error) {
	n := len(data)
	for len(data) > 0 {
		if p.inHeader {
			data = data[p.headerBytes(data):]
		} else {
			data = data[p.bodyBytes(data):]
		}
	}
	return n, nil
}

// Finish ends the message and returns its tree. The error is always nil: it is there
// for callers that end a parser like other sinks. The Parser must not be used any more.
func (p *Parser) Finish() (*Part, error) {
	// Ending a header may show that text was taken for a header. It is then read as
	// a body, and may end in the header of a part.
	for p.inHeader || p.held > 0 {
		m, ok := p.matchBoundary(p.line)
		switch {
		case p.inHeader && ok:
			p.headerAtBoundary(p.line, nil)
		case p.inHeader:
			p.takeHeld()
			p.endHeader()
		case ok:
			p.boundaryLine(m, nil)
		default:
			p.takeHeld()
		}
	}
	p.closeParts(0, p.pos, p.lines)
	return p.root, nil
}

// Parse reads a message to its end and returns its tree. An error is one of r.
func Parse(r io.Reader) (*Part, error) {
	p := NewParser(Options{})
	buf := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buf)
	for {
		n, err := r.Read(*buf)
		p.Write((*buf)[:n])
		if err == io.EOF {
			return p.Finish()
		} else if err != nil {
			return nil, err
		}
	}
}

// ParseBytes returns the tree of a message in memory, to which it keeps no reference.
func ParseBytes(msg []byte) *Part {
	p := NewParser(Options{})
	p.Write(msg)
	root, _ := p.Finish()
	return root
}

// readBuffers holds buffers for reading bodies.
var readBuffers = sync.Pool{New: func() any {
	b := make([]byte, 32*1024)
	return &b
}}

func (p *Parser) top() *frame { return &p.stack[len(p.stack)-1] }

// take counts data as taken. No bytes may be held.
func (p *Parser) take(data []byte) {
	if len(data) == 0 {
		return
	}
	p.pos += int64(len(data))
	p.lines += int64(bytes.Count(data, []byte("\n")))
	p.last = data[len(data)-1]
}

// takeLine takes data, which ends the current line, with what is held of that line.
func (p *Parser) takeLine(data []byte) {
	before := p.last
	if p.held > 0 {
		before = p.heldLast
	}
	if n := len(data); n > 1 {
		before = data[n-2]
	}
	p.prevEnd = 1
	if before == '\r' {
		p.prevEnd = 2
	}
	p.takeHeld()
	p.take(data)
}

// hold keeps data, the current line or more of it, until the line's end is there.
func (p *Parser) hold(data []byte) {
	p.line = append(p.line, data[:min(len(data), maxLine-len(p.line))]...)
	p.held += int64(len(data))
	p.heldLast = data[len(data)-1]
}

// takeHeld takes the bytes that are held, in which there is no line end.
func (p *Parser) takeHeld() {
	if p.held > 0 {
		p.pos += p.held
		p.last = p.heldLast
		p.held = 0
		p.line = p.line[:0]
	}
}

// headerBytes takes a line of a header, or what there is of it, and returns how many
// bytes it took.
func (p *Parser) headerBytes(data []byte) int {
	n := bytes.IndexByte(data, '\n') + 1
	if n == 0 {
		p.keepHeader(data)
		p.hold(data)
		return len(data)
	}
	data = data[:n]
	line := p.wholeLine(data)
	if len(p.boundaries) > 0 {
		if _, ok := p.matchBoundary(line); ok {
			p.headerAtBoundary(line, data)
			return n
		}
	}
	blank := isBlankLine(line)
	p.keepHeader(data)
	p.takeLine(data)
	if !p.truncated {
		p.wholeLines = len(p.header)
	}
	if blank {
		p.endHeader()
	}
	return n
}

// wholeLine returns the current line, which ends with data; of one that was cut only as much
// as is needed.
func (p *Parser) wholeLine(data []byte) []byte {
	if p.held == 0 {
		return data
	}
	p.line = append(p.line, data[:min(len(data), maxLine-len(p.line))]...)
	return p.line
}

// keepHeader adds bytes to the header being read, up to the limit.
func (p *Parser) keepHeader(data []byte) {
	if p.truncated {
		return
	}
	room := min(p.opts.MaxHeaderBytes, p.opts.MaxTotalHeaderBytes-p.total) - len(p.header)
	if len(data) > room {
		data = data[:max(room, 0)]
		p.truncated = true
	}
	p.header = append(p.header, data...)
}

// bodyBytes takes bytes of a body and returns how many.
func (p *Parser) bodyBytes(data []byte) int {
	if len(p.boundaries) == 0 {
		p.takeHeld()
		p.take(data)
		return len(data)
	}
	if p.candidate {
		if n := p.candidateBytes(data); n > 0 {
			return n
		}
		p.takeHeld()
	}
	// The next line that may be a boundary line begins after LF and with two dashes, of
	// which we may see fewer yet.
	n := bytes.Index(data, []byte("\n--")) + 1
	if n == 0 {
		switch {
		case data[len(data)-1] == '\n':
			n = len(data)
		case len(data) > 1 && data[len(data)-1] == '-' && data[len(data)-2] == '\n':
			n = len(data) - 1
		default:
			p.take(data)
			p.candidate = false
			return len(data)
		}
	}
	p.takeLine(data[:n])
	p.candidate = true
	return n
}

// candidateBytes takes bytes of a line that may be a boundary line. It returns 0 if the line
// can be none.
func (p *Parser) candidateBytes(data []byte) int {
	for i := range min(len(data), 2-int(min(p.held, 2))) {
		if data[i] != '-' {
			return 0
		}
	}
	n := bytes.IndexByte(data, '\n') + 1
	if n == 0 {
		p.hold(data)
		return len(data)
	}
	data = data[:n]
	if b, ok := p.matchBoundary(p.wholeLine(data)); ok {
		p.boundaryLine(b, data)
	} else {
		p.takeLine(data)
	}
	return n
}

// boundaryMatch tells to which multipart a boundary line belongs.
type boundaryMatch struct {
	frame   int // Index in the stack.
	closing bool
}

// matchBoundary finds the multipart that a line is a boundary line of. It is enough that the
// line begins with the boundary (RFC 2046 §5.1.1), but where boundaries begin with each other
// a whole match is better than a longer one, and that better than a shorter.
func (p *Parser) matchBoundary(line []byte) (m boundaryMatch, ok bool) {
	if len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return m, false
	}
	line = bytes.TrimRight(line[2:], " \t\r\n")
	longest := 0
	for i := len(p.boundaries) - 1; i >= 0; i-- {
		b := &p.boundaries[i]
		if len(b.text) <= longest || !bytes.HasPrefix(line, b.text) {
			continue
		}
		longest = len(b.text)
		rest := line[longest:]
		m = boundaryMatch{b.frame, len(rest) >= 2 && rest[0] == '-' && rest[1] == '-'}
		if len(rest) == 0 || m.closing && len(rest) == 2 {
			break
		}
	}
	if longest > 0 && !m.closing && p.parts >= p.opts.MaxParts {
		p.stack[m.frame].part.Defects |= DefectTooManyParts
		return m, false
	}
	return m, longest > 0
}

// headerAtBoundary ends a header, and with it the part, before the current line, a boundary
// line that ends with data.
func (p *Parser) headerAtBoundary(line, data []byte) {
	line = bytes.Clone(line)
	held, last := p.held, p.heldLast
	p.held, p.line = 0, p.line[:0]
	p.header = p.header[:p.wholeLines]
	for p.inHeader {
		p.endHeader()
	}
	p.held, p.heldLast = held, last
	// The stack may have changed: the part can be a multipart with a boundary that fits better.
	if m, ok := p.matchBoundary(line); ok {
		p.boundaryLine(m, data)
	} else {
		p.takeLine(data)
	}
}

// boundaryLine ends parts at the current line, a boundary line that ends with data, and begins
// what comes after it.
func (p *Parser) boundaryLine(m boundaryMatch, data []byte) {
	end, lines := p.pos, p.lines
	if p.prevEnd > 0 {
		end -= int64(p.prevEnd)
		lines--
	}
	p.closeParts(m.frame+1, end, lines)
	p.takeLine(data)
	p.candidate = true
	f := p.top()
	if m.closing {
		p.boundaries = p.boundaries[:len(p.boundaries)-1]
		return
	}
	part := &Part{}
	f.part.Parts = append(f.part.Parts, part)
	p.openPart(frame{part: part, digest: f.part.Subtype == "digest"})
}

// openPart begins a part, with its header.
func (p *Parser) openPart(f frame) {
	f.part.HeaderOffset = p.pos
	p.stack = append(p.stack, f)
	p.parts++
	p.inHeader = true
	p.header = p.header[:0]
	p.wholeLines = 0
	p.truncated = false
	p.headerLines = p.lines
	p.headerPrevEnd = p.prevEnd
}

// closeParts ends all open parts from index i of the stack.
func (p *Parser) closeParts(i int, end, lines int64) {
	for len(p.stack) > i {
		f := p.top()
		if end < f.minEnd {
			end, lines = f.minEnd, f.minEndLines
		}
		part := f.part
		part.EndOffset = end
		part.Lines = lines - f.bodyLines
		if n := len(p.boundaries); n > 0 && p.boundaries[n-1].frame == len(p.stack)-1 {
			p.boundaries = p.boundaries[:n-1]
			part.Defects |= DefectNoCloseBoundary
		}
		if part.IsMultipart() && len(part.Parts) == 0 {
			part.Defects |= DefectNoParts
			part.Parts = []*Part{emptyPart(end)}
		}
		p.stack = p.stack[:len(p.stack)-1]
		if len(p.stack) > 0 {
			parent := p.top()
			parent.minEnd, parent.minEndLines = end, lines
		}
	}
	p.inHeader = false
}

// emptyPart returns a text part of size zero.
func emptyPart(offset int64) *Part {
	p := &Part{HeaderOffset: offset, BodyOffset: offset, EndOffset: offset}
	p.setDefaultType()
	p.Encoding = "7bit"
	return p
}

// endHeader ends the header of the current part at the current position and begins its body.
func (p *Parser) endHeader() {
	f := p.top()
	part := f.part
	header := p.header
	var text []byte // Text that was taken for a part of the header.
	if p.truncated {
		header = header[:p.wholeLines]
		part.Defects |= DefectHeaderTooLarge
	} else if n := textOffset(header); n >= 0 && p.reread+len(header)-n <= maxReread {
		p.reread += len(header) - n
		part.Defects |= DefectNoBlankLine
		text = bytes.Clone(header[n:])
		header = header[:n]
		p.pos -= int64(len(text))
		p.lines -= int64(bytes.Count(text, []byte("\n")))
		p.prevEnd = lineEndLen(header)
		if n == 0 {
			p.prevEnd = p.headerPrevEnd
		}
	} else if !endsInBlankLine(header) {
		part.Defects |= DefectNoBlankLine
	}
	p.total += len(header)
	if part == p.root {
		part.Header = bytes.Clone(header)
	}
	part.BodyOffset = p.pos
	part.HeaderLines = p.lines - p.headerLines
	f.bodyLines = p.lines
	f.minEnd, f.minEndLines = p.pos, p.lines
	p.inHeader = false
	p.candidate = true

	bodyIsMessage := p.readHeader(f, header)
	switch {
	case part.IsMultipart():
		p.beginMultipart(f)
	case bodyIsMessage:
		p.beginMessage(f)
	}
	p.Write(text)
}

// beginMultipart begins the body of a multipart.
func (p *Parser) beginMultipart(f *frame) {
	text := trimBoundary(f.part.rawParam("boundary"))
	if text == "" {
		f.part.Defects |= DefectNoBoundary
		f.part.setDefaultType()
		return
	}
	if p.atLimit(f.part) {
		return
	}
	if !validBoundary(text) {
		f.part.Defects |= DefectBadBoundary
	}
	p.boundaries = append(p.boundaries, boundary{[]byte(text[:min(len(text), maxBoundary)]), len(p.stack) - 1})
}

// beginMessage begins the body of a message/rfc822, which is a message.
func (p *Parser) beginMessage(f *frame) {
	if p.atLimit(f.part) {
		return
	}
	f.part.Message = &Part{}
	p.openPart(frame{part: f.part.Message, message: true})
}

// atLimit reports whether no part may be made below part. It then makes the part opaque.
func (p *Parser) atLimit(part *Part) bool {
	switch {
	case len(p.stack) > p.opts.MaxDepth:
		part.Defects |= DefectTooDeep
	case p.parts >= p.opts.MaxParts:
		part.Defects |= DefectTooManyParts
	default:
		return false
	}
	part.setType("application", "octet-stream")
	return true
}

// textOffset returns where text begins in a header that has no blank line before it, or -1.
// That is at a line that can be no field, when no fields follow it. Otherwise the line is
// just odd, and no part of the text.
func textOffset(header []byte) int {
	offset := -1
	for f := range Fields(header) {
		switch {
		case offset < 0 && f.Name == nil && !(f.Offset == 0 && isMboxLine(f.Raw)):
			offset = f.Offset
			if isOwnBoundary(header[:offset], f.Raw) {
				return offset
			}
		case offset >= 0 && bytes.HasPrefix(f.Raw, []byte("--")):
			return offset // A boundary line: fields after it are of a part.
		case offset >= 0 && f.Name != nil:
			return -1
		}
	}
	return offset
}

// isOwnBoundary reports whether a line is a boundary line of the multipart with the given header.
func isOwnBoundary(header, line []byte) bool {
	if !bytes.HasPrefix(line, []byte("--")) {
		return false
	}
	f, _ := FirstField(header, "Content-Type")
	_, rest := token(f.Value)
	if len(rest) == 0 || rest[0] != '/' {
		return false
	}
	_, rest = token(rest[1:])
	for _, p := range scanParams(rest) {
		if p.name == "boundary" {
			boundary := trimBoundary(string(p.value))
			return boundary != "" && bytes.HasPrefix(line[2:], []byte(boundary))
		}
	}
	return false
}

// isMboxLine reports whether a line separates messages in an mbox file (RFC 4155). Some programs
// leave it before the header.
func isMboxLine(line []byte) bool {
	return bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))
}

func endsInBlankLine(header []byte) bool {
	n := lineEndLen(header)
	rest := header[:len(header)-n]
	return n > 0 && (len(rest) == 0 || rest[len(rest)-1] == '\n')
}

// lineEndLen returns the length of the line end that b ends in, 0 if there is none.
func lineEndLen(b []byte) int { return len(b) - len(trimLineEnd(b)) }

// trimBoundary removes white space that cannot be at the end of a boundary (RFC 2046 §5.1.1),
// and line ends from folding.
func trimBoundary(s string) string {
	b := bytes.TrimRight(Unfold([]byte(s)), " \t")
	return string(b)
}

// validBoundary reports whether a boundary has the form of RFC 2046 §5.1.1.
func validBoundary(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') && bytes.IndexByte([]byte("'()+_,-./:=? "), c) < 0 {
			return false
		}
	}
	return len(s) <= 70
}
