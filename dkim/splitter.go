package dkim

import "bytes"

// DefaultMaxHeader is how many bytes of header a [Splitter], a [Verifier] and a
// [Signer] take by default.
const DefaultMaxHeader = 1 << 20

// Splitter is an io.Writer for a message in pieces of any size. It collects the header
// and passes on the body.
//
// A header ends at the first empty line, which belongs to neither, or with the message.
type Splitter struct {
	// Max is how many bytes a header may have. Zero means DefaultMaxHeader.
	Max int

	// Header is called once, by Write or Close, with the header. If it is larger than
	// Max, tooLarge is true, header is the beginning of it, and there will be no Body. The
	// callee may keep the header. Nil leaves it out.
	Header func(header []byte, tooLarge bool)

	// Body is called with each piece of the body. The callee must not keep it. Nil leaves it
	// out.
	Body func(p []byte)

	buf   []byte
	line  int // Where the last line begins in buf.
	state splitState
}

type splitState uint8

const (
	inHeader splitState = iota
	inBody
	ignoring // The header was too large, or the message is closed.
)

// Write takes the next piece of the message. It keeps nothing of p and never fails.
func (s *Splitter) Write(p []byte) (int, error) {
	n := len(p)
	if s.state == inHeader && s.buf == nil {
		s.buf = make([]byte, 0, headerLen(p))
	}
	for s.state == inHeader && len(p) > 0 {
		p = s.headerLine(p)
	}
	if s.state == inBody && len(p) > 0 && s.Body != nil {
		s.Body(p)
	}
	return n, nil
}

// headerLen returns the length that a message which begins with p is likely to have for a header.
func headerLen(p []byte) int {
	const most = 8 << 10
	p = p[:min(len(p), most)]
	if i := bytes.Index(p, []byte("\r\n\r\n")); i >= 0 {
		return i + len("\r\n\r\n")
	}
	return len(p)
}

// Close says that the message is over. It calls Header if that did not happen yet; further
// writes are ignored.
func (s *Splitter) Close() {
	if s.state == inHeader {
		s.passHeader(s.buf, false)
	}
	s.state = ignoring
	s.buf = nil
}

// headerLine takes what p has of the current line of the header and returns the rest.
func (s *Splitter) headerLine(p []byte) []byte {
	end := lineEnd(p)
	max := s.Max
	if max <= 0 {
		max = DefaultMaxHeader
	}
	// Two more bytes may be the empty line.
	if room := max + 2 - len(s.buf); end > room {
		s.buf = append(s.buf, p[:room]...)
		s.tooLarge(max)
		return nil
	}
	s.buf = append(s.buf, p[:end]...)
	p = p[end:]
	if s.buf[len(s.buf)-1] != '\n' {
		return p
	}
	if line := s.buf[s.line:]; len(line) == 1 || len(line) == 2 && line[0] == '\r' {
		header := s.buf[:s.line:s.line]
		s.buf = nil
		s.state = inBody
		s.passHeader(header, false)
		return p
	}
	s.line = len(s.buf)
	if len(s.buf) > max {
		s.tooLarge(max)
		return nil
	}
	return p
}

// tooLarge ends the header before its end.
func (s *Splitter) tooLarge(max int) {
	header := s.buf[:max:max]
	s.buf = nil
	s.state = ignoring
	s.passHeader(header, true)
}

func (s *Splitter) passHeader(header []byte, tooLarge bool) {
	if s.Header != nil {
		s.Header(header, tooLarge)
	}
}
