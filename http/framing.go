package http

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// framing follows the requests of an HTTP/1 connection, and refuses what two servers in a row could
// understand in different ways, so that one request is taken for two (RFC 9112 §11.2). Package
// net/http reads what is here refused: lines that end in a lone LF, folded lines, and a length
// beside a transfer coding.
//
// It is fed the bytes of the client in order, and tells how many of them are good.
type framing struct {
	state framingState
	line  []byte // Beginning of a line of which the end has not come yet.
	cr    bool   // The last byte of that was CR.

	// Of the current request.
	old       bool // HTTP/1.0.
	upgrade   bool // The connection may become something else.
	length    int64
	hasLength bool
	coded     bool // Has a transfer coding,
	chunked   bool // which is chunked, and no other.
	size      int  // Bytes of the header, or of the trailer.

	remain int64 // Bytes of the body or of the chunk.
}

type framingState uint8

const (
	inRequestLine framingState = iota
	inHeader
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	inOpaque // Nothing is known of what follows.
)

const (
	// maxChunkLine is how long the line before a chunk may be, in bytes. Extensions are of no use to anybody.
	maxChunkLine = 256

	// keptLine is up to which capacity the memory of a line is kept for the next one, in bytes.
	keptLine = 512

	// maxHeader is how large a header may be, in bytes.
	maxHeader = 64 << 10

	// maxTrailer is how large a trailer may be, in bytes.
	maxTrailer = 16 << 10
)

// errFraming ends a body that is not framed as it must be.
var errFraming = errors.New("malformed chunked body")

// badHeader is read in place of what is not good in a header: net/http answers it with
// "bad request", wherever it comes.
const badHeader = "\x00\r\n\x00\r\n\r\n"

// inHeaders tells whether the next byte belongs to a request line or header.
func (f *framing) inHeaders() bool { return f.state == inRequestLine || f.state == inHeader }

// scan takes the next bytes. It returns how many are good: all, or those before a mistake.
func (f *framing) scan(p []byte) int {
	for i := 0; i < len(p); {
		switch f.state {
		case inOpaque:
			return len(p)
		case inBody, inChunk:
			n := min(f.remain, int64(len(p)-i))
			i += int(n)
			if f.remain -= n; f.remain > 0 {
				break
			}
			if f.state == inChunk {
				f.state = inChunkEnd
			} else {
				f.endMessage()
			}
		default:
			n, good := f.scanLine(p[i:])
			if !good {
				return i + n
			}
			i += n
		}
	}
	return len(p)
}

// scanLine takes what p has of a line. It returns how many bytes it took, or how many come before a mistake.
func (f *framing) scanLine(p []byte) (n int, good bool) {
	if len(f.line) == 0 && !f.cr && f.state != inRequestLine && (p[0] == ' ' || p[0] == '\t') {
		return 0, false // A folded line (RFC 9112 §5.2), or a chunk size after space.
	}
	if f.cr && p[0] != '\n' {
		return 0, false
	}
	end := bytes.IndexByte(p, '\n')
	text := p
	if end >= 0 {
		text = p[:end]
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return i, false
	}
	if i := bytes.IndexByte(text, '\r'); i >= 0 && i != len(text)-1 {
		return i, false
	}
	cr := f.cr || len(text) > 0 && text[len(text)-1] == '\r'
	text = bytes.TrimSuffix(text, []byte("\r"))
	if end < 0 {
		// All of it: what matters may be at its end. Net/http reads no more than maxHeader and a little.
		f.line = append(f.line, text...)
		f.size += len(p)
		f.cr = cr
		return len(p), f.fits()
	}
	if !cr {
		return end, false // A lone LF.
	}
	f.size += end + 1
	if len(f.line) > 0 {
		text = append(f.line, text...)
	}
	f.line, f.cr = f.line[:0], false
	if cap(f.line) > keptLine {
		f.line = nil
	}
	if !f.fits() || !f.endLine(text) {
		return max(end-1, 0), false
	}
	return end + 1, true
}

// fits tells whether what has come of a header, trailer or chunk line is not too large.
func (f *framing) fits() bool {
	switch f.state {
	case inChunkSize, inChunkEnd:
		return f.size <= maxChunkLine
	case inTrailer:
		return f.size <= maxTrailer
	}
	return true // Net/http has an answer of its own.
}

// endLine takes a line without its end.
func (f *framing) endLine(line []byte) bool {
	switch f.state {
	case inRequestLine:
		if len(line) == 0 {
			return true // Net/http skips it where it may be (RFC 9112 §2.2).
		}
		f.state = inHeader
		f.old = bytes.HasSuffix(line, []byte(" HTTP/1.0"))
		f.upgrade = false
		f.hasLength, f.length, f.coded, f.chunked = false, 0, false, false
	case inHeader:
		if len(line) == 0 {
			return f.endHeader()
		}
		return f.field(line)
	case inChunkSize:
		size, ok := chunkSize(line)
		if !ok {
			return false
		}
		f.size = 0
		f.remain = size
		f.state = inChunk
		if size == 0 {
			f.state = inTrailer
		}
	case inChunkEnd:
		f.size = 0
		f.state = inChunkSize
		return len(line) == 0
	case inTrailer:
		if len(line) == 0 {
			f.endMessage()
			return true
		}
		return bytes.IndexByte(line, ':') > 0
	}
	return true
}

// field takes a field of the header.
func (f *framing) field(line []byte) bool {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
		n, ok := contentLength(bytes.Trim(value, " \t"))
		if !ok || f.hasLength && n != f.length {
			return false
		}
		f.hasLength, f.length = true, n
	case len(name) == len("Transfer-Encoding") && bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if f.coded {
			return false
		}
		f.coded = true
		f.chunked = bytes.EqualFold(bytes.Trim(value, " \t"), []byte("chunked"))
	case len(name) == len("Upgrade") && bytes.EqualFold(name, []byte("Upgrade")):
		f.upgrade = true
	}
	return true
}

// endHeader takes the end of a header, and finds out how the body is framed (RFC 9112 §6.3).
func (f *framing) endHeader() bool {
	switch {
	case f.coded && (f.hasLength || f.old):
		return false
	case f.chunked:
		f.size = 0
		f.state = inChunkSize
	case f.coded:
		f.state = inOpaque // Net/http answers that it does not know the coding, and closes.
	case f.length > 0:
		f.remain = f.length
		f.state = inBody
	default:
		f.endMessage()
	}
	return true
}

func (f *framing) endMessage() {
	f.size = 0
	f.state = inRequestLine
	if f.upgrade {
		// If it does not become something else, it is closed after the response.
		f.state = inOpaque
	}
}

// contentLength parses a length: digits only (RFC 9112 §6.2).
func contentLength(s []byte) (int64, bool) {
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// chunkSize parses the line before a chunk, with extensions (RFC 9112 §7.1).
func chunkSize(line []byte) (int64, bool) {
	var n int64
	i := 0
	for ; i < len(line); i++ {
		var digit byte
		switch c := line[i]; {
		case c >= '0' && c <= '9':
			digit = c - '0'
		case c >= 'a' && c <= 'f':
			digit = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			digit = c - 'A' + 10
		default:
			return n, i > 0 && chunkExtensions(string(line[i:]))
		}
		if i == 15 {
			return 0, false
		}
		n = n<<4 | int64(digit)
	}
	return n, i > 0
}

// chunkExtensions tells whether s is a list of extensions (RFC 9112 §7.1.1).
func chunkExtensions(s string) bool {
	for s != "" {
		rest, ok := strings.CutPrefix(s, ";")
		if !ok {
			return false
		}
		name := token(rest)
		if name == 0 {
			return false
		}
		s = rest[name:]
		if value, ok := strings.CutPrefix(s, "="); ok {
			n := token(value)
			if n == 0 {
				n = quoted(value)
			}
			if n == 0 {
				return false
			}
			s = value[n:]
		}
	}
	return true
}

// token returns the length of the token that s begins with (RFC 9110 §5.6.2).
func token(s string) int {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return i
		}
	}
	return len(s)
}

// quoted returns the length of the quoted string that s begins with (RFC 9110 §5.6.4).
func quoted(s string) int {
	if s == "" || s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			i++
		case c < ' ' && c != '\t', c == 0x7f:
			return 0
		}
	}
	return 0
}

// strictReader reads from a client what framing accepts.
type strictReader struct {
	framing
	rest    []byte // Was read before.
	bad     bool
	pending string // To be read in place of what is not good.
}

// read passes on what from gives.
func (s *strictReader) read(p []byte, from func([]byte) (int, error)) (int, error) {
	if len(p) == 0 {
		return from(p)
	}
	if s.bad {
		return s.end(p)
	}
	var n int
	var err error
	if len(s.rest) > 0 {
		n = copy(p, s.rest)
		if s.rest = s.rest[n:]; len(s.rest) == 0 {
			s.rest = nil
		}
	} else {
		n, err = from(p)
	}
	good := s.scan(p[:n])
	if good == n {
		return n, err
	}
	s.bad = true
	if s.inHeaders() {
		s.pending = badHeader
	}
	if good > 0 {
		return good, nil
	}
	return s.end(p)
}

// end ends what was read.
func (s *strictReader) end(p []byte) (int, error) {
	if s.pending != "" {
		n := copy(p, s.pending)
		s.pending = s.pending[n:]
		return n, nil
	}
	if s.inHeaders() {
		return 0, io.EOF
	}
	return 0, errFraming
}
