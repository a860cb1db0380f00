package message

import (
	"bytes"
	"strings"
)

// DecodeText decodes an unstructured header value: it is unfolded, encoded words (RFC 2047)
// are decoded, 8-bit bytes outside them are UTF-8 or else windows-1252. The result is
// valid UTF-8 without control characters.
//
// Encoded words are understood also where RFC 2047 does not allow them: inside words and
// quoted strings, with spaces in them, too long, with broken base64, not closed.
func DecodeText(value []byte) string {
	s, _ := decodeText(value)
	return s
}

// decodeText is DecodeText. It reports false if a charset is unknown or a text is not valid
// in its charset.
func decodeText(value []byte) (string, bool) {
	value = bytes.Trim(value, " \t\r\n")
	if simpleText(value) {
		return string(value), true
	}
	d := wordDecoder{in: unfoldText(value), ok: true}
	for d.pos < len(d.in) {
		rest := d.in[d.pos:]
		i := bytes.Index(rest, []byte("=?"))
		if i < 0 {
			d.text(rest)
			break
		}
		w, n := d.encodedWord(d.pos + i)
		if n == 0 {
			d.text(rest[:i+2])
			d.pos += i + 2
			continue
		}
		// White space between encoded words is not part of the text (RFC 2047 §6.2).
		if !(d.inWord && isSpace(rest[:i])) {
			d.text(rest[:i])
		}
		d.word(w)
		d.pos += i + n
	}
	d.flush()
	return strings.Trim(cleanText(d.out.String()), " "), d.ok
}

// unfoldText is Unfold for text to be shown: a fold with the white space around it becomes one
// space, because many senders indent the lines of a long text.
func unfoldText(value []byte) []byte {
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '\n':
			b = bytes.TrimRight(b, " \t")
			for i+1 < len(value) && (value[i+1] == ' ' || value[i+1] == '\t' || value[i+1] == '\r' || value[i+1] == '\n') {
				i++
			}
			b = append(b, ' ')
		case '\r', 0:
		default:
			b = append(b, c)
		}
	}
	return b
}

// simpleText reports whether a value is ASCII without anything to decode.
func simpleText(b []byte) bool {
	for i, c := range b {
		if c < ' ' || c >= 0x7f || c == '=' && i+1 < len(b) && b[i+1] == '?' {
			return false
		}
	}
	return true
}

func isSpace(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' {
			return false
		}
	}
	return true
}

// encodedWord is a word of RFC 2047.
type encodedWord struct {
	charset string
	base64  bool
	text    []byte
}

// wordDecoder collects decoded text.
type wordDecoder struct {
	in  []byte
	pos int
	end int // Offset of the first "?=" from where it was last looked for, see wordEnd.
	out strings.Builder
	ok  bool

	// Bytes of encoded words that follow each other in one charset. They are
	// decoded together, because many senders cut words within a character.
	inWord  bool
	charset string
	pending []byte
}

func (d *wordDecoder) text(b []byte) {
	d.flush()
	if len(b) > 0 {
		s, ok := decodeRaw(b)
		d.out.WriteString(s)
		d.ok = d.ok && ok
	}
}

func (d *wordDecoder) word(w encodedWord) {
	if d.inWord && !strings.EqualFold(d.charset, w.charset) {
		d.flush()
	}
	d.inWord = true
	d.charset = w.charset
	if w.base64 {
		d.pending = appendBase64Decoded(d.pending, w.text)
	} else {
		d.pending = appendQDecoded(d.pending, w.text)
	}
}

func (d *wordDecoder) flush() {
	if d.inWord {
		s, ok := decodeCharset(d.charset, d.pending)
		d.out.WriteString(s)
		d.ok = d.ok && ok
		d.pending = d.pending[:0]
		d.inWord = false
	}
}

// encodedWord reads the encoded word at an offset and returns its length, or 0 if there is none.
func (d *wordDecoder) encodedWord(offset int) (w encodedWord, n int) {
	b := d.in[offset:]
	rest := b[2:]
	i := 0
	for i < len(rest) && i < 64 && (isTokenByte(rest[i]) || rest[i] == '"') {
		i++
	}
	if i == 0 || i+2 >= len(rest) || rest[i] != '?' || rest[i+2] != '?' {
		return w, 0
	}
	switch rest[i+1] {
	case 'B', 'b':
		w.base64 = true
	case 'Q', 'q':
	default:
		return w, 0
	}
	w.charset = string(rest[:i])
	text := rest[i+3:]
	start := len(b) - len(text)
	if end := d.wordEnd(offset+start) - offset - start; end >= 0 && (end <= maxEncodedWord || bytes.IndexByte(text[:end], '?') < 0) {
		w.text = text[:end]
		return w, start + end + len("?=")
	}
	// A word that is not closed is understood if it is base64 up to white space or the end.
	if !w.base64 {
		return w, 0
	}
	near := text[:min(len(text), maxEncodedWord)]
	end := bytes.IndexAny(near, " \t")
	if end < 0 {
		end = len(near)
	}
	w.text = bytes.TrimRight(near[:end], "?")
	if !isBase64(w.text) {
		return w, 0
	}
	return w, start + end
}

// wordEnd returns the offset of the next "?=" from an offset, or a negative number. Offsets only grow, so
// that all searches together pass over the text once.
func (d *wordDecoder) wordEnd(from int) int {
	if d.end >= 0 && d.end < from {
		if d.end = bytes.Index(d.in[from:], []byte("?=")); d.end >= 0 {
			d.end += from
		}
	}
	return d.end
}

// maxEncodedWord is how long an encoded word may be that has question marks in it, or no end. RFC 2047 §2
// allows 75 characters.
const maxEncodedWord = 512

func isBase64(b []byte) bool {
	for _, c := range b {
		if base64Values[c] >= 64 && c != '=' {
			return false
		}
	}
	return len(b) > 0
}

// appendQDecoded appends text in the "Q" encoding (RFC 2047 §4.2), decoded.
func appendQDecoded(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '_':
			dst = append(dst, ' ')
		case c == '=' && i+2 < len(b) && unhex(b[i+1]) >= 0 && unhex(b[i+2]) >= 0:
			dst = append(dst, byte(unhex(b[i+1])<<4|unhex(b[i+2])))
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendBase64Decoded appends base64 text, decoded. Bytes outside the alphabet are skipped.
// Padding ends a group of characters wherever it stands, so that pieces that were encoded
// apart and then joined are understood.
func appendBase64Decoded(dst, b []byte) []byte {
	var bits uint32
	n := 0
	flush := func() {
		switch n {
		case 2:
			dst = append(dst, byte(bits>>4))
		case 3:
			dst = append(dst, byte(bits>>10), byte(bits>>2))
		}
		bits, n = 0, 0
	}
	for _, c := range b {
		v := base64Values[c]
		if v >= 64 {
			if c == '=' {
				flush()
			}
			continue
		}
		bits = bits<<6 | uint32(v)
		if n++; n == 4 {
			dst = append(dst, byte(bits>>16), byte(bits>>8), byte(bits))
			bits, n = 0, 0
		}
	}
	flush()
	return dst
}
