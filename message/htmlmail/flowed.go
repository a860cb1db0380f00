package htmlmail

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// textLine is a line without its quote marks, or a paragraph of flowed text.
type textLine struct {
	text  string
	quote int // Depth of the quote.
}

// textLines returns the lines of text with LF as line end.
func textLines(text string, flowed, delSp bool) iter.Seq[textLine] {
	return func(yield func(textLine) bool) {
		var par strings.Builder // The paragraph so far, if open is set.
		open, quote := false, 0
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if !flowed {
				if !yield(fixedLine(line)) {
					return
				}
				continue
			}
			l := flowedLine(line)
			signature := l.text == "-- "
			// A paragraph ends where the depth changes or a signature begins (RFC 3676 §4.3, §4.5).
			if open && (l.quote != quote || signature) {
				if !yield(textLine{par.String(), quote}) {
					return
				}
				par.Reset()
				open = false
			}
			if !signature && strings.HasSuffix(l.text, " ") {
				if delSp {
					l.text = l.text[:len(l.text)-1]
				}
				par.WriteString(l.text)
				open, quote = true, l.quote
				continue
			}
			if open {
				par.WriteString(l.text)
				l.text = par.String()
				par.Reset()
				open = false
			}
			if !yield(l) {
				return
			}
		}
		if open {
			yield(textLine{par.String(), quote})
		}
	}
}

// flowedLine takes the quote marks and the stuffed space off a line (RFC 3676 §4.4, §4.5).
func flowedLine(line string) textLine {
	n := 0
	for n < len(line) && line[n] == '>' {
		n++
	}
	return textLine{strings.TrimPrefix(line[n:], " "), n}
}

// fixedLine takes the quote marks off a line of text that is not flowed, where they are written with and without spaces.
func fixedLine(line string) textLine {
	n, i := 0, 0
	for i < len(line) && line[i] == '>' {
		n++
		i++
		if i+1 < len(line) && line[i] == ' ' && line[i+1] == '>' {
			i++
		}
	}
	if n > 0 {
		return textLine{strings.TrimPrefix(line[i:], " "), n}
	}
	return textLine{line, 0}
}

// Flow returns text in format=flowed with DelSp=no (RFC 3676 §4.2), for text/plain; format=flowed. Lines of text, with LF, are
// paragraphs; they are broken at spaces to be at most width characters long, 72 if width is 0. Lines that
// begin with ">" are quoted text, as Quote returns it.
func Flow(text string, width int) string {
	if width <= 0 {
		width = 72
	}
	var b strings.Builder
	b.Grow(len(text) + len(text)/32)
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		l := fixedLine(strings.TrimSuffix(line, "\r"))
		prefix := strings.Repeat(">", l.quote)
		if l.text != "-- " {
			l.text = strings.TrimRight(l.text, " ") // A space at the end would mean that the line goes on.
		}
		for {
			head, rest := breakLine(l.text, width-l.quote-1)
			b.WriteString(prefix)
			if l.quote > 0 && head != "" || strings.HasPrefix(head, " ") || strings.HasPrefix(head, ">") || strings.HasPrefix(head, "From ") {
				b.WriteByte(' ')
			}
			b.WriteString(head)
			b.WriteByte('\n')
			if rest == "" {
				break
			}
			l.text = rest
		}
	}
	return b.String()
}

// breakLine cuts a line behind the last space within width characters, or else behind the first one.
func breakLine(s string, width int) (head, rest string) {
	if len(s) <= width {
		return s, ""
	}
	n, at := 0, -1
	for i := 0; i < len(s); {
		_, size := utf8.DecodeRuneInString(s[i:])
		if n >= width && at >= 0 {
			return s[:at], s[at:]
		}
		// A line of spaces alone, or "-- ", would be something else.
		if s[i] == ' ' && (i+1 < len(s) && s[i+1] != ' ') && strings.Trim(s[:i], " ") != "" && s[:i+1] != "-- " {
			at = i + 1
		}
		i += size
		n++
	}
	if n <= width || at < 0 {
		return s, ""
	}
	return s[:at], s[at:]
}

// Quote returns text with each line quoted, for replies.
func Quote(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/16)
	for line := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		b.WriteByte('>')
		if line != "" && line[0] != '>' {
			b.WriteByte(' ')
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}
