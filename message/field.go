package message

import (
	"bytes"
	"iter"
)

// Field is a raw header field. Its slices point into the header it was read from.
type Field struct {
	// Name is the field name as written, without the white space that may stand before
	// the colon. It is nil for a line that is no field (with its continuations), such
	// as an mbox "From " line.
	Name []byte

	// Value is what follows the colon, with its folding and leading space, without
	// the last line end. Nil if Name is.
	Value []byte

	// Raw is the whole field with its last line end, if it has one.
	Raw []byte

	// Offset is the offset of Raw in the header.
	Offset int
}

// Is reports whether the field has the given name, ignoring ASCII case.
func (f Field) Is(name string) bool { return f.Name != nil && equalFoldASCII(f.Name, name) }

// Text returns the decoded value: unfolded, with encoded words (RFC 2047) decoded,
// as valid UTF-8 without control characters.
func (f Field) Text() string { return DecodeText(f.Value) }

// Fields iterates over the fields of a raw header until the blank line or the end.
func Fields(header []byte) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for offset := 0; offset < len(header); {
			raw := fieldBytes(header[offset:])
			if isBlankLine(raw) {
				return
			}
			f := Field{Raw: raw, Offset: offset}
			if n, colon := fieldName(raw); n > 0 {
				f.Name = raw[:n]
				f.Value = trimLineEnd(raw[colon+1:])
			}
			if !yield(f) {
				return
			}
			offset += len(raw)
		}
	}
}

// AppendFields appends the fields of a raw header whose name is in names, or is not in
// names, verbatim and in their order, for BODY[HEADER.FIELDS (...)] and
// BODY[HEADER.FIELDS.NOT (...)] (RFC 9051 §6.4.5.1), followed by the blank line if the
// header has one. Names are compared ignoring ASCII case. Lines that are no fields
// count as not named.
func AppendFields(dst, header []byte, names []string, not bool) []byte {
	end := 0
	for f := range Fields(header) {
		end = f.Offset + len(f.Raw)
		named := false
		for _, name := range names {
			if f.Is(name) {
				named = true
				break
			}
		}
		if named != not {
			dst = append(dst, f.Raw...)
		}
	}
	if line := fieldBytes(header[end:]); isBlankLine(line) {
		dst = append(dst, line...)
	}
	return dst
}

// FirstField returns the first field with the given name, and false if there is none.
func FirstField(header []byte, name string) (Field, bool) {
	for f := range Fields(header) {
		if f.Is(name) {
			return f, true
		}
	}
	return Field{}, false
}

// Unfold returns a field value on one line (RFC 5322 §2.2.3): line ends, further CR
// and NUL are removed, and white space at both ends. The result is never nil.
func Unfold(value []byte) []byte {
	value = bytes.Trim(value, " \t\r\n")
	if bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 && bytes.IndexByte(value, 0) < 0 {
		return append([]byte{}, value...)
	}
	b := make([]byte, 0, len(value))
	for _, c := range value {
		if c != '\r' && c != '\n' && c != 0 {
			b = append(b, c)
		}
	}
	return b
}

// fieldBytes returns the first line of b with the continuation lines that follow it.
// A blank line has no continuation.
func fieldBytes(b []byte) []byte {
	n := bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		return b
	}
	if isBlankLine(b[:n]) {
		return b[:n]
	}
	for n < len(b) && (b[n] == ' ' || b[n] == '\t') {
		i := bytes.IndexByte(b[n:], '\n') + 1
		if i == 0 {
			return b
		}
		n += i
	}
	return b[:n]
}

// fieldName returns the length of the field name that a line begins with and the
// offset of its colon, or 0 if the line is no field (RFC 5322 §2.2, §4.5.8).
func fieldName(line []byte) (n, colon int) {
	for n < len(line) && line[n] > ' ' && line[n] < 0x7f && line[n] != ':' {
		n++
	}
	colon = n
	for colon < len(line) && (line[colon] == ' ' || line[colon] == '\t') {
		colon++
	}
	if n == 0 || colon == len(line) || line[colon] != ':' {
		return 0, 0
	}
	return n, colon
}

func isBlankLine(line []byte) bool {
	return len(line) == 1 && line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
}

func trimLineEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
		if n > 1 && b[n-2] == '\r' {
			b = b[:n-2]
		}
	}
	return b
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func equalFoldASCII(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lowerByte(b[i]) != lowerByte(s[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(s string) string {
	for i := range len(s) {
		if lowerByte(s[i]) != s[i] {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = lowerByte(b[i])
			}
			return string(b)
		}
	}
	return s
}
