package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// textWriter passes text on to a terminal, or to what may be shown on one later, in a form that cannot command it: names,
// errors and mail may come from strangers, also by way of the running server. Line ends and tabs stay; other control
// characters, with the 8-bit ones (ISO 6429), and those that change the direction of text become escapes as JSON has
// them, so JSON stays the same JSON. What is not UTF-8 becomes U+FFFD. It is safe for concurrent use.
type textWriter struct {
	w io.Writer

	mu  sync.Mutex // Guards buf and pending.
	buf bytes.Buffer
	// Pending is the beginning of a character, or a CR, at the end of what was written. At most utf8.UTFMax bytes.
	pending []byte
}

var _ io.Writer = (*textWriter)(nil)

// Write implements io.Writer.
func (t *textWriter) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) == 0 && isPlain(p) {
		return t.w.Write(p)
	}
	text := p
	if len(t.pending) > 0 {
		text = append(t.pending, p...)
	}
	t.buf.Reset()
	n := appendPrintable(&t.buf, text)
	t.pending = append([]byte(nil), text[n:]...)
	if _, err := t.w.Write(t.buf.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isPlain tells whether a text is of printable ASCII, line ends and tabs.
func isPlain(p []byte) bool {
	for _, c := range p {
		if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

// appendPrintable appends the form of a text that cannot command a terminal, and returns how many bytes of text that is: what
// may depend on the next ones is left.
func appendPrintable(b *bytes.Buffer, text []byte) int {
	for i := 0; i < len(text); {
		if !utf8.FullRune(text[i:]) || text[i] == '\r' && i+1 == len(text) {
			return i
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == '\r' && text[i+1] == '\n', r == '\n', r == '\t', !commandsTerminal(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
		i += size
	}
	return len(text)
}

// commandsTerminal tells whether a character does something in a terminal besides being shown. All of them are below U+10000.
func commandsTerminal(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// printableText returns the form of a text that cannot command a terminal.
func printableText(s string) string {
	if isPlain([]byte(s)) {
		return s
	}
	var b bytes.Buffer
	n := appendPrintable(&b, []byte(s))
	b.WriteString(strings.ToValidUTF8(strings.ReplaceAll(s[n:], "\r", `\u000d`), "\ufffd"))
	return b.String()
}

// messageOutput returns where the bytes of messages are to be written, as they are: what a writer of text passes on to,
// unless that is a terminal.
func messageOutput(w io.Writer) io.Writer {
	t, ok := w.(*textWriter)
	if !ok || terminalOf(w) != nil {
		return w
	}
	return t.w
}

// terminalOf returns the terminal that a writer leads to, nil if it is none.
func terminalOf(w io.Writer) io.Writer {
	if t, ok := w.(*textWriter); ok {
		w = t.w
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
