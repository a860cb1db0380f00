package message

import (
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// MaxPreview is the number of characters that RFC 8970 §3 allows for a preview.
const MaxPreview = 256

// Bounds of what is read for a preview.
const (
	maxPreviewText  = 32 << 10 // Decoded bytes of a text/plain part.
	maxPreviewHTML  = 256 << 10
	maxPreviewParts = 4 // Parts looked at.
)

// Preview returns the beginning of the text of a message, for lists of messages and IMAP
// PREVIEW (RFC 8970), in at most max characters: of the first part in text/plain that has
// text, or else in text/html. Quoted text and signatures are left out if there is other text.
// White space is collapsed to single spaces. The message is read from r, of which
// an error is returned; a message without text has an empty preview.
func Preview(r io.ReaderAt, root *Part, max int) (string, error) {
	var plain, html []*Part
	root.Walk(func(p *Part) bool {
		if p.IsText() && p.Disposition != "attachment" {
			switch p.Subtype {
			case "html":
				html = append(html, p)
			case "plain", "enriched", "markdown":
				plain = append(plain, p)
			}
		}
		return len(plain)+len(html) < 100
	})
	tried := 0
	for _, p := range append(plain, html...) {
		if p.BodySize() == 0 {
			continue
		}
		if tried++; tried > maxPreviewParts {
			break
		}
		s, err := p.preview(r, max)
		if s != "" || err != nil {
			return s, err
		}
	}
	return "", nil
}

func (p *Part) preview(r io.ReaderAt, max int) (string, error) {
	write := p.previewPlain
	if p.Subtype == "html" {
		write = p.previewHTML
	}
	for _, quotes := range []bool{false, true} {
		w := previewWriter{max: max}
		if err := write(&w, r, quotes); err != nil {
			return "", err
		}
		if w.n > 0 {
			return w.b.String(), nil
		}
	}
	return "", nil
}

// previewPlain writes the text of a part in text/plain. Mostly its beginning is enough.
func (p *Part) previewPlain(w *previewWriter, r io.ReaderAt, quotes bool) error {
	tr := p.TextReader(r)
	text := make([]byte, 0, 2<<10)
	for {
		n, err := io.ReadFull(tr, text[len(text):cap(text)])
		text = text[:len(text)+n]
		whole := err == io.EOF || err == io.ErrUnexpectedEOF || len(text) >= maxPreviewText
		if err != nil && !whole {
			return err
		}
		*w = previewWriter{max: w.max}
		previewLines(w, string(text), quotes, whole)
		if whole || w.full() {
			return nil
		}
		text = slices.Grow(text, 3*cap(text))
	}
}

// previewLines writes the lines of a text, without quoted lines and what introduces them unless
// quotes is set, up to a signature or forwarded message. A text that is not whole is written as far as
// that does not depend on what follows.
func previewLines(w *previewWriter, text string, quotes, whole bool) {
	for text != "" && !w.full() {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if !whole && strings.TrimSpace(text) == "" {
			return
		}
		trimmed := strings.TrimSpace(line)
		if !quotes {
			if strings.HasPrefix(trimmed, ">") || introducesQuote(trimmed, text) {
				continue
			}
			if strings.TrimRight(line, "\r") == "-- " || isQuoteMark(trimmed) {
				w.ended = true
				return
			}
		}
		if isRule(trimmed) {
			continue
		}
		w.text(trimmed)
		w.space()
	}
}

// introducesQuote reports whether a line such as "On Monday, A. wrote:" stands before quoted
// lines.
func introducesQuote(line, rest string) bool {
	if !strings.HasSuffix(line, ":") {
		return false
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	return strings.HasPrefix(rest, ">")
}

// isQuoteMark reports whether a whole message is quoted after a line, as Outlook does.
func isQuoteMark(line string) bool {
	if !strings.HasPrefix(line, "-----") || !strings.HasSuffix(line, "-----") {
		return false
	}
	switch strings.ToLower(strings.Trim(line, "- ")) {
	case "original message", "forwarded message", "ursprüngliche nachricht", "message d'origine", "mensaje original", "oorspronkelijk bericht":
		return true
	}
	return false
}

// isRule reports whether a line is only there for decoration.
func isRule(line string) bool {
	return len(line) > 2 && strings.Trim(line, "-=_*#~+") == ""
}

// previewHTML writes the text of an HTML document, without quoted text unless quotes is set.
func (p *Part) previewHTML(w *previewWriter, r io.ReaderAt, quotes bool) error {
	z := html.NewTokenizer(io.LimitReader(p.TextReader(r), maxPreviewHTML))
	z.SetMaxBuf(maxPreviewHTML)
	hidden, quoted := "", 0
	for !w.full() {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); err != io.EOF && err != html.ErrBufferExceeded {
				return err
			}
			return nil
		case html.TextToken:
			if hidden == "" && (quotes || quoted == 0) {
				w.text(string(z.Text()))
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			switch tag := string(name); tag {
			case "script", "style", "title", "head", "noscript", "template", "textarea", "select":
				if hidden == "" {
					hidden = tag
				}
			case "body":
				hidden = ""
			case "blockquote":
				quoted++
			default:
				w.tag(tag)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch tag := string(name); {
			case tag == hidden:
				hidden = ""
			case tag == "blockquote":
				quoted = max(0, quoted-1)
			default:
				w.tag(tag)
			}
		case html.SelfClosingTagToken:
			name, _ := z.TagName()
			w.tag(string(name))
		}
	}
	return nil
}

// previewWriter collects text with collapsed white space.
type previewWriter struct {
	b       strings.Builder
	n, max  int // Characters written, and their limit.
	pending bool
	ended   bool // Nothing more is to be written.

	invisible rune // Of which it is not known yet whether it stands within a word.
}

func (w *previewWriter) full() bool { return w.ended || w.n >= w.max }

func (w *previewWriter) space() { w.pending = w.n > 0 }

// tag separates words at tags that begin and end lines and cells.
func (w *previewWriter) tag(name string) {
	switch name {
	case "a", "b", "i", "u", "s", "em", "strong", "font", "span", "small", "big", "sub", "sup", "code", "tt", "abbr", "mark", "wbr", "ins", "del":
	default:
		w.space()
	}
}

func (w *previewWriter) text(s string) {
	for _, r := range s {
		switch {
		case w.full():
			return
		case unicode.IsSpace(r):
			w.space()
			w.invisible = 0
		case unicode.IsControl(r) || r == utf8.RuneError && w.n == 0:
		case isInvisible(r):
			// They belong between letters of some scripts and in emoji. Senders of bulk
			// mail fill the preview with them and spaces.
			w.invisible = r
		default:
			if w.invisible != 0 && w.n > 0 && !w.pending && w.n+1 < w.max {
				w.b.WriteRune(w.invisible)
				w.n++
			}
			w.invisible = 0
			if w.pending {
				w.pending = false
				if w.n+1 >= w.max {
					w.n = w.max
					return
				}
				w.b.WriteByte(' ')
				w.n++
			}
			w.b.WriteRune(r)
			w.n++
		}
	}
}

func isInvisible(r rune) bool {
	switch r {
	case '\u00ad', '\u034f', '\u061c', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u180e', '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2060', '\u2061', '\u2062', '\u2063', '\u2064', '\ufeff':
		return true
	}
	return false
}
