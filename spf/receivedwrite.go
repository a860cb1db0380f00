package spf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// lineLen is how long lines should be at most, without CRLF (RFC 5322 §2.1.1).
	lineLen = 78

	// maxValue is the length in bytes at which comments and values are cut, so that no
	// line and no field becomes excessively long (RFC 7208 §9.1). No valid mailbox is
	// longer.
	maxValue = 400
)

// AppendField appends the field, with its name and the final CRLF, folded. Control
// characters become "?". It is in ASCII unless its values are not.
func (r Received) AppendField(b []byte) []byte {
	w := fieldWriter{b: slices.Grow(b, 512), start: len(b)}
	w.write("Received-SPF:")
	w.word(string(r.Status))
	if r.Comment != "" {
		for word := range strings.FieldsSeq("(" + escapeComment(clean(r.Comment)) + ")") {
			w.word(word)
		}
	}
	for _, kv := range r.pairs() {
		w.word(kv.Key + "=" + quoteValue(clean(kv.Value)) + ";")
	}
	w.write("\r\n")
	return w.b
}

// pairs returns the pairs of the field in the order in which they are written.
func (r Received) pairs() []KeyValue {
	clientIP := ""
	if r.ClientIP.IsValid() {
		clientIP = r.ClientIP.String()
	}
	all := []KeyValue{
		{"receiver", r.Receiver},
		{"identity", string(r.Identity)},
		{"client-ip", clientIP},
		{"envelope-from", r.EnvelopeFrom},
		{"helo", r.HELO},
		{"mechanism", r.Mechanism},
		{"problem", r.Problem},
	}
	pairs := all[:0]
	for _, kv := range all {
		if kv.Value != "" {
			pairs = append(pairs, kv)
		}
	}
	for _, kv := range r.Others {
		if kv.Value != "" && isKey(kv.Key) {
			pairs = append(pairs, kv)
		}
	}
	return pairs
}

// isKey tells whether s is a name as of a modifier (RFC 7208 §4.6.1).
func isKey(s string) bool {
	_, _, ok := cutModifier(s + "=")
	return ok
}

// fieldWriter writes a folded header field.
type fieldWriter struct {
	b     []byte
	start int // Of the line in b.
}

func (w *fieldWriter) write(s string) { w.b = append(w.b, s...) }

// word writes a space and something that is not folded, on a new line if it does not
// fit.
func (w *fieldWriter) word(s string) {
	if len(w.b)-w.start+1+len(s) > lineLen {
		w.write("\r\n")
		w.start = len(w.b)
	}
	w.write(" ")
	w.write(s)
}

// clean returns s in valid UTF-8 without control characters and not longer than
// maxValue.
func clean(s string) string {
	if len(s) <= maxValue && isPrintableText(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return '?'
		}
		return r
	}, s)
	if len(s) <= maxValue {
		return s
	}
	cut := maxValue
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// isPrintableText tells whether s is printable ASCII.
func isPrintableText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// escapeComment escapes what ends or begins a comment (RFC 5322 §3.2.2).
func escapeComment(s string) string {
	return escape(s, `\()`)
}

// quoteValue returns a value as a dot-atom, or if it is none, as a quoted string (RFC
// 5322 §3.2.3, §3.2.4).
func quoteValue(s string) string {
	if isDotAtom(s) {
		return s
	}
	return `"` + escape(s, `\"`) + `"`
}

// escape returns s with a backslash before each of some characters in ASCII.
func escape(s, special string) string {
	if !strings.ContainsAny(s, special) {
		return s
	}
	var b []byte
	for _, c := range []byte(s) {
		if strings.IndexByte(special, c) >= 0 {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}

// isDotAtom tells whether s is a dot-atom in ASCII.
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			if !isAtext(atom[i]) {
				return false
			}
		}
	}
	return true
}

func isAtext(c byte) bool {
	return isAlnum(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}
