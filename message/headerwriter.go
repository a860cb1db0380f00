package message

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Line lengths of RFC 5322 §2.1.1, without CRLF.
const (
	lineLength    = 78
	maxLineLength = 998
)

// maxWordLength is the length of an encoded word (RFC 2047 §2).
const maxWordLength = 75

// ErrNeedsUTF8 is returned (wrapped) when an address or id with characters outside ASCII is to be
// written to a header without UTF-8. There is no encoding for them (RFC 6532).
var ErrNeedsUTF8 = errors.New("message: address needs a header in UTF-8")

// DateFormat is the layout of a Date field for [time.Time.Format] (RFC 5322 §3.3).
const DateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// HeaderWriter writes header fields with folding and encoding. Control characters in values become
// spaces, so that no value can begin another field. The zero value is an empty header for
// mail without SMTPUTF8. The first error is kept and returned by Err.
type HeaderWriter struct {
	// UTF8 writes text outside ASCII as it is (RFC 6532), rather than in encoded words. Such a
	// message can only be sent with SMTPUTF8.
	UTF8 bool

	b      []byte
	column int // Length of the current line.
	err    error
}

// Bytes returns the fields written so far, each with its CRLF. It is valid until the next write.
func (h *HeaderWriter) Bytes() []byte { return h.b }

// Err returns the first error of a write.
func (h *HeaderWriter) Err() error { return h.err }

// Text writes an unstructured field, such as Subject (RFC 5322 §2.2.1).
func (h *HeaderWriter) Text(name, text string) {
	if !h.begin(name) {
		return
	}
	text = strings.Trim(cleanValue(text), " ")
	before, middle, after := text, "", ""
	if !h.plain(text) {
		before, middle, after = h.splitForEncoding(text)
	}
	h.fold(before)
	if middle != "" {
		if before != "" {
			h.write(" ")
		}
		h.encodedWords(middle, false)
	}
	if after != "" {
		h.fold(" " + after)
	}
	h.end()
}

// Structured writes a field whose value is in the syntax of the field already, in ASCII or, if UTF8
// is set, in UTF-8. It is folded at spaces.
func (h *HeaderWriter) Structured(name, value string) {
	value = strings.Trim(cleanValue(value), " ")
	if !h.begin(name) || !h.checkUTF8(name, value) {
		return
	}
	h.fold(value)
	h.end()
}

// Date writes a date field (RFC 5322 §3.3).
func (h *HeaderWriter) Date(name string, t time.Time) { h.Structured(name, t.Format(DateFormat)) }

// MessageIDs writes a list of message ids, which are given without angle brackets. Ids that cannot
// be written, because they are too long for a line or have characters that need UTF8, are left out.
// Without ids no field is written.
func (h *HeaderWriter) MessageIDs(name string, ids ...string) {
	var b strings.Builder
	for _, id := range ids {
		if id = strings.Trim(cleanValue(id), " <>"); id != "" && len(id) < maxLineLength-10 && (h.UTF8 || isASCII(id)) {
			b.WriteString(" <" + id + ">")
		}
	}
	if b.Len() > 0 {
		h.Structured(name, b.String()[1:])
	}
}

// Addresses writes an address list (RFC 5322 §3.4). Elements without User and Host are left out;
// without addresses no field is written. Names are taken from Address.Name.
func (h *HeaderWriter) Addresses(name string, l []Address) {
	if !h.begin(name) {
		return
	}
	start := len(h.b)
	inGroup, first := false, true
	separate := func() {
		if !first {
			h.write(",")
		}
		first = false
		if h.column > 0 && len(h.b) > start {
			h.write(" ")
		}
	}
	for _, a := range l {
		switch a.Kind {
		case GroupStart:
			separate()
			h.phrase(a.Name)
			h.write(":")
			inGroup, first = true, true
		case GroupEnd:
			if inGroup {
				h.write(";")
			}
			inGroup, first = false, false
		default:
			if a.User == "" && a.Host == "" || !h.checkUTF8(name, a.User+a.Host) {
				continue
			}
			separate()
			h.mailbox(a)
		}
	}
	if inGroup {
		h.write(";")
	}
	if len(h.b) == start {
		h.cancel(name)
		return
	}
	h.end()
}

// Params writes a field with a value and parameters, such as Content-Type (RFC 2045 §5.1). Values
// outside ASCII and long ones are written as RFC 2231 tells.
func (h *HeaderWriter) Params(name, value string, params []Param) {
	if !h.begin(name) {
		return
	}
	h.fold(cleanValue(value))
	for _, p := range params {
		h.write(";")
		h.param(p.Name, cleanValue(p.Value))
	}
	h.end()
}

// Raw writes fields that are complete, each with its CRLF, as they are.
func (h *HeaderWriter) Raw(fields []byte) { h.b = append(h.b, fields...) }

// begin writes the name of a field.
func (h *HeaderWriter) begin(name string) bool {
	if !ValidFieldName(name) {
		h.fail(fmt.Errorf("message: invalid field name %q", name))
		return false
	}
	h.b = append(h.b, name...)
	h.b = append(h.b, ": "...)
	h.column = len(name) + 2
	return true
}

// cancel takes back a field of which only the name was written.
func (h *HeaderWriter) cancel(name string) {
	h.b = h.b[:len(h.b)-len(name)-2]
	h.column = 0
}

func (h *HeaderWriter) end() {
	h.b = append(h.b, '\r', '\n')
	h.column = 0
}

func (h *HeaderWriter) fail(err error) {
	if h.err == nil {
		h.err = err
	}
}

// ValidFieldName reports whether s can be the name of a header field (RFC 5322 §3.6.8).
func ValidFieldName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return s != "" && len(s) <= maxLineLength-2
}

func (h *HeaderWriter) checkUTF8(name, s string) bool {
	if !h.UTF8 && !isASCII(s) {
		h.fail(fmt.Errorf("%w: field %s", ErrNeedsUTF8, name))
		return false
	}
	return true
}

// write writes text that holds no place to fold but at its beginning, if that is a space. It leaves
// room for a comma or semicolon after it.
func (h *HeaderWriter) write(s string) {
	if strings.HasPrefix(s, " ") && h.column+len(s) >= lineLength && len(s) > 1 {
		h.b = append(h.b, '\r', '\n')
		h.column = 0
	}
	h.b = append(h.b, s...)
	h.column += len(s)
}

// fold writes text, folded before spaces.
func (h *HeaderWriter) fold(s string) {
	for s != "" {
		// The next piece: spaces and the word after them.
		n := 0
		for n < len(s) && s[n] == ' ' {
			n++
		}
		for n < len(s) && s[n] != ' ' {
			n++
		}
		h.write(s[:n])
		s = s[n:]
	}
}

// plain reports whether text can stand in a header as it is.
func (h *HeaderWriter) plain(s string) bool {
	return (h.UTF8 || isASCII(s)) && !strings.Contains(s, "=?") && !hasLongWord(s)
}

// hasLongWord reports whether text has a word that folding could not keep within the line length.
func hasLongWord(s string) bool {
	word := 0
	for i := range len(s) {
		if s[i] == ' ' {
			word = 0
		} else if word++; word > maxLineLength-200 {
			return true
		}
	}
	return false
}

// splitForEncoding splits text into words to leave as they are, words to encode, and again words to
// leave. The spaces between are in none of them.
func (h *HeaderWriter) splitForEncoding(s string) (before, middle, after string) {
	start, end := -1, 0
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], ' ')
		if n < 0 {
			n = len(s) - i
		}
		if word := s[i : i+n]; !isASCII(word) || strings.Contains(word, "=?") || hasLongWord(word) {
			if start < 0 {
				start = i
			}
			end = i + n
		}
		i += n + 1
	}
	if start < 0 {
		return s, "", ""
	}
	before = strings.TrimSuffix(s[:start], " ")
	after = strings.TrimPrefix(s[end:], " ")
	return before, s[start:end], after
}

// phrase writes a display name (RFC 5322 §3.2.5): as atoms, as a quoted string, or in encoded words.
func (h *HeaderWriter) phrase(s string) {
	s = strings.Trim(cleanValue(s), " ")
	switch {
	case !h.plain(s):
		h.encodedWords(s, true)
	case isPhrase(s):
		h.fold(s)
	default:
		h.fold(string(appendQuoted(nil, s)))
	}
}

// isPhrase reports whether s is atoms with single spaces between them.
func isPhrase(s string) bool {
	for word := range strings.SplitSeq(s, " ") {
		if !isAtom(word) {
			return false
		}
	}
	return true
}

// mailbox writes a name and address.
func (h *HeaderWriter) mailbox(a Address) {
	spec := string(appendAddrSpec(nil, Address{User: cleanValue(a.User), Host: cleanValue(a.Host)}))
	if a.Host == "" {
		spec = strings.TrimSuffix(spec, "@")
	}
	if strings.Trim(a.Name, " ") == "" {
		h.breakBefore(len(spec))
		h.write(spec)
		return
	}
	h.breakBefore(min(len(a.Name), 30))
	h.phrase(a.Name)
	h.write(" <" + spec + ">")
}

// breakBefore begins a new line where n bytes do not fit on this one, which ends in a space.
func (h *HeaderWriter) breakBefore(n int) {
	if last := len(h.b) - 1; h.column+n >= lineLength && h.b[last] == ' ' && h.b[last-1] != ':' {
		h.b = append(h.b[:last], "\r\n "...)
		h.column = 1
	}
}

// encodedWords writes text in encoded words (RFC 2047), each with whole characters, in the encoding
// that is readable where few characters need it.
func (h *HeaderWriter) encodedWords(s string, phrase bool) {
	s = strings.ToValidUTF8(s, "\ufffd")
	const overhead = len("=?utf-8?q??=")
	high := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			high++
		}
	}
	base64 := high*2 > len(s)
	for first := true; s != ""; first = false {
		room := maxWordLength - overhead
		if first && h.column > 1 {
			room = min(room, lineLength-h.column-overhead)
		}
		if !first || room < 12 {
			if room < 12 {
				room = maxWordLength - overhead
			}
			h.newLine()
		}
		n, used := 0, 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			cost := 0
			for i := range size {
				cost += qLength(s[n+i], phrase)
			}
			if base64 && (n+size+2)/3*4 > room || !base64 && used+cost > room {
				break
			}
			n += size
			used += cost
		}
		h.encodedWord(s[:n], base64, phrase)
		s = s[n:]
	}
}

// newLine folds here. The line may end in the space that folding needs.
func (h *HeaderWriter) newLine() {
	if n := len(h.b); h.b[n-1] == ' ' {
		if h.b[n-2] == ':' {
			return // No line may consist of the name alone.
		}
		h.b = h.b[:n-1]
	}
	h.b = append(h.b, "\r\n "...)
	h.column = 1
}

func (h *HeaderWriter) encodedWord(s string, base64, phrase bool) {
	start := len(h.b)
	if base64 {
		h.b = append(h.b, "=?utf-8?b?"...)
		h.b = appendBase64(h.b, s)
	} else {
		h.b = append(h.b, "=?utf-8?q?"...)
		for i := range len(s) {
			switch c := s[i]; {
			case c == ' ':
				h.b = append(h.b, '_')
			case qLength(c, phrase) == 1:
				h.b = append(h.b, c)
			default:
				h.b = append(h.b, '=', hexUpper[c>>4], hexUpper[c&15])
			}
		}
	}
	h.b = append(h.b, "?="...)
	h.column += len(h.b) - start
}

// qLength is the length of a byte in the "Q" encoding. In a phrase fewer characters may stand for
// themselves (RFC 2047 §5).
func qLength(c byte, phrase bool) int {
	switch {
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == ' ':
		return 1
	case phrase && strings.IndexByte("!*+-/", c) >= 0:
		return 1
	case !phrase && c > ' ' && c < 0x7f && c != '=' && c != '?' && c != '_':
		return 1
	}
	return 3
}

// param writes a parameter, on a line of its own if it does not fit.
func (h *HeaderWriter) param(name, value string) {
	switch {
	case value != "" && len(value) < lineLength && isToken(value): // No token has the "=?" of encoded words.
		h.write(" " + name + "=" + value)
	case len(value) < lineLength && (h.UTF8 || isASCII(value)) && !strings.Contains(value, "=?"):
		h.write(" " + name + "=" + string(appendQuoted(nil, value)))
	default:
		h.extendedParam(name, string(appendExtendedValue(nil, strings.ToValidUTF8(value, "\ufffd"))))
	}
}

// extendedParam writes a percent-encoded value in as many pieces as are needed (RFC 2231 §4.1).
func (h *HeaderWriter) extendedParam(name, value string) {
	if len(name)+len(value)+4 <= lineLength {
		h.write(" " + name + "*=" + value)
		return
	}
	for i := 0; value != ""; i++ {
		prefix := fmt.Sprintf(" %s*%d*=", name, i)
		n := min(len(value), max(lineLength-1-len(prefix), 20))
		// A percent sign stays with its digits.
		if n < len(value) {
			if j := strings.LastIndexByte(value[n-2:n], '%'); j >= 0 {
				n += j - 2
			}
		}
		if i > 0 {
			h.write(";")
		}
		h.write(prefix + value[:n])
		value = value[n:]
	}
}

func isToken(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 || !isTokenByte(s[i]) {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cleanValue replaces what may not be in the value of a field.
func cleanValue(s string) string {
	clean := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
		}
	}
	return string(b)
}
