package proxy

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// head is the head of a response (RFC 9112 §4, §5), and what it says about its own
// connection and framing, which goes no further.
type head struct {
	code   int
	fields []field

	minor   int   // Of HTTP/1.0 or HTTP/1.1.
	length  int64 // Of Content-Length; -1 when there is none.
	chunked bool

	closes   bool     // The connection ends with this response.
	nominees []string // Names in Connection, which are for us alone (RFC 9110 §7.6.1).
	upgrade  string   // The Upgrade field.
	trailers []string // Names in Trailer.
}

// field is one line of a header, its name in canonical form.
type field struct {
	name, value string
}

// parseHead parses a status line and fields with the empty line after them. Where
// RFC 9112 leaves it to the recipient to be lenient, this is not: upstreams with
// unclear ends of lines or of messages are the ones that can be made to confuse two
// responses. The head is parsed into h, whose memory is reused.
func parseHead(h *head, b []byte) error {
	*h = head{fields: h.fields[:0], nominees: h.nominees[:0], trailers: h.trailers[:0], length: -1}
	s := string(b) // One copy, of which names and values are parts.
	line, s, _ := strings.Cut(s, "\r\n")
	if err := h.parseStatus(line); err != nil {
		return err
	}
	keepAlive := false
	transferred := false
	for {
		line, rest, ok := strings.Cut(s, "\r\n")
		if !ok {
			return fmt.Errorf("%w: no empty line", errMalformed)
		}
		if line == "" {
			break
		}
		s = rest
		f, err := parseField(line)
		if err != nil {
			return err
		}
		switch f.name {
		case "Content-Length":
			err = h.parseLength(f.value)
		case "Transfer-Encoding":
			if transferred || !strings.EqualFold(f.value, "chunked") {
				return fmt.Errorf("%w: transfer coding other than chunked", errMalformed)
			}
			transferred, h.chunked = true, true
			continue
		case "Connection":
			eachElement(f.value, func(token string) {
				switch {
				case strings.EqualFold(token, "close"):
					h.closes = true
				case strings.EqualFold(token, "keep-alive"):
					keepAlive = true
				default:
					h.nominees = append(h.nominees, textproto.CanonicalMIMEHeaderKey(token))
				}
			})
			continue
		case "Upgrade":
			if h.upgrade != "" {
				h.upgrade += ", "
			}
			h.upgrade += f.value
			continue
		case "Trailer":
			eachElement(f.value, func(name string) {
				h.trailers = append(h.trailers, textproto.CanonicalMIMEHeaderKey(name))
			})
			continue
		case "Keep-Alive", "Proxy-Connection", "Te":
			continue
		}
		if err != nil {
			return err
		}
		h.fields = append(h.fields, f)
	}
	return h.checkFraming(keepAlive)
}

// checkFraming refuses what does not go together (RFC 9112 §6.1, §6.3).
func (h *head) checkFraming(keepAlive bool) error {
	if h.minor == 0 && !keepAlive {
		h.closes = true
	}
	switch {
	case h.chunked && h.length >= 0:
		return fmt.Errorf("%w: Transfer-Encoding and Content-Length", errMalformed)
	case h.chunked && h.minor == 0:
		return fmt.Errorf("%w: Transfer-Encoding in HTTP/1.0", errMalformed)
	case h.chunked && (h.code < 200 || h.code == http.StatusNoContent):
		return fmt.Errorf("%w: Transfer-Encoding with code %d", errMalformed, h.code)
	}
	return nil
}

// parseStatus parses a status line (RFC 9112 §4), of which only the code is used.
func (h *head) parseStatus(line string) error {
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	switch version {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
	default:
		return fmt.Errorf("%w: no HTTP/1 status line", errMalformed)
	}
	if len(code) != 3 || code[0] < '1' || !digits(code) {
		return fmt.Errorf("%w: bad status code", errMalformed)
	}
	h.code, _ = strconv.Atoi(code)
	if !validValue(reason) {
		return fmt.Errorf("%w: control characters in the status line", errMalformed)
	}
	return nil
}

// parseLength takes a Content-Length. A list of equal values, which RFC 9112 §6.3 allows a
// recipient to take as one, is refused like one of different values.
func (h *head) parseLength(value string) error {
	if h.length >= 0 {
		return fmt.Errorf("%w: several Content-Length", errMalformed)
	}
	if value == "" || len(value) > 18 || !digits(value) {
		return fmt.Errorf("%w: bad Content-Length", errMalformed)
	}
	h.length, _ = strconv.ParseInt(value, 10, 64)
	return nil
}

// parseField parses a field line (RFC 9112 §5). Lines that continue another one are
// refused, as §5.2 allows.
func parseField(line string) (field, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return field{}, fmt.Errorf("%w: field without colon", errMalformed)
	}
	// §5.1: whitespace before the colon is removed from responses.
	if !isToken(name) {
		if name = strings.TrimRight(name, " \t"); !isToken(name) {
			return field{}, fmt.Errorf("%w: bad field name", errMalformed)
		}
	}
	value = strings.TrimPrefix(value, " ")
	if value != "" && (value[0] <= ' ' || value[len(value)-1] <= ' ') { // More than usual.
		value = strings.Trim(value, " \t")
	}
	if !validValue(value) {
		return field{}, fmt.Errorf("%w: control characters in a field", errMalformed)
	}
	return field{textproto.CanonicalMIMEHeaderKey(name), value}, nil
}

// nominated tells whether Connection names a field.
func (h *head) nominated(name string) bool {
	for _, n := range h.nominees {
		if n == name {
			return true
		}
	}
	return false
}

// eachElement calls f for the elements of a list (RFC 9110 §5.6.1).
func eachElement(list string, f func(string)) {
	for list != "" {
		var element string
		element, list, _ = strings.Cut(list, ",")
		if element = strings.Trim(element, " \t"); element != "" {
			f(element)
		}
	}
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// tokenChars are the characters of tokens (RFC 9110 §5.6.2).
var tokenChars = [256]bool{
	'!': true, '#': true, '$': true, '%': true, '&': true, '\'': true, '*': true, '+': true,
	'-': true, '.': true, '^': true, '_': true, '`': true, '|': true, '~': true,
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'A': true, 'B': true, 'C': true, 'D': true, 'E': true, 'F': true, 'G': true, 'H': true, 'I': true,
	'J': true, 'K': true, 'L': true, 'M': true, 'N': true, 'O': true, 'P': true, 'Q': true, 'R': true,
	'S': true, 'T': true, 'U': true, 'V': true, 'W': true, 'X': true, 'Y': true, 'Z': true,
	'a': true, 'b': true, 'c': true, 'd': true, 'e': true, 'f': true, 'g': true, 'h': true, 'i': true,
	'j': true, 'k': true, 'l': true, 'm': true, 'n': true, 'o': true, 'p': true, 'q': true, 'r': true,
	's': true, 't': true, 'u': true, 'v': true, 'w': true, 'x': true, 'y': true, 'z': true,
}

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenChars[s[i]] {
			return false
		}
	}
	return s != ""
}

// validValue tells whether a value has no control characters but tabs (RFC 9110 §5.5).
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
