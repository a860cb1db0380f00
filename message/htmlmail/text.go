package htmlmail

import (
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// TextOptions say how text is to be shown.
type TextOptions struct {
	Options // CID and what is about remote images have no effect.

	Flowed bool // The part has format=flowed (RFC 3676 §4.1).
	DelSp  bool // It has delsp=yes too.
}

// maxQuoteLevel bounds the depth of quotes that is shown.
const maxQuoteLevel = 20

// FromText returns a document for text/plain, in UTF-8: with its line ends and spaces, quotes as
// blockquote elements, and links where there are URLs and addresses. With Flowed, lines become paragraphs again.
func (s *Sanitizer) FromText(text string, opts TextOptions) Document {
	var doc Document
	if len(text) > s.limits.Input {
		text = cutText(text, s.limits.Input)
		doc.Exceeded |= ExceededInput
	}
	var b strings.Builder
	b.Grow(len(text) + len(text)/4)
	b.WriteString("<html><head></head><body><div class=\"mox-text\">")
	w := textWriter{b: &b, budget: s.limits.Elements}
	for l := range textLines(cleanText(strings.ReplaceAll(text, "\r\n", "\n")), opts.Flowed, opts.DelSp) {
		w.line(l)
	}
	w.level(0)
	b.WriteString("</div></body></html>")
	root, err := parseDocument(b.String())
	if err == nil {
		t := transformer{opts: opts.Options, limits: s.limits, doc: &doc, lines: true}
		body := find(find(root, "html"), "body")
		t.links(body)
		t.additions(find(find(root, "html"), "head"), body, "")
		if t.finish(root) {
			return doc
		}
	}
	doc.Exceeded |= ExceededStructure
	doc.Body = "<pre>\n" + html.EscapeString(cleanText(text)) + "</pre>"
	doc.HTML = doctype + "<html><head></head><body>" + doc.Body + "</body></html>"
	return doc
}

// links handles the links that were made of URLs in text.
func (t *transformer) links(n *html.Node) {
	if n.Type == html.ElementNode && n.Data == "a" {
		t.link(n)
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		t.links(c)
	}
}

// textWriter writes lines of text as HTML.
type textWriter struct {
	b      *strings.Builder
	depth  int  // Of open blockquote elements.
	begun  bool // A line was written at this depth.
	budget int  // Elements that may still be written.
}

// level opens or closes blockquote elements.
func (w *textWriter) level(n int) {
	if w.budget <= 0 && n > w.depth {
		n = w.depth
	}
	for ; w.depth < n; w.depth++ {
		w.b.WriteString("<blockquote>")
		w.begun = false
		w.budget--
	}
	for ; w.depth > n; w.depth-- {
		w.b.WriteString("</blockquote>")
		w.begun = false
	}
}

func (w *textWriter) line(l textLine) {
	if level := min(l.quote, maxQuoteLevel); level != w.depth {
		w.level(level)
	}
	if w.begun {
		w.b.WriteByte('\n')
	}
	w.begun = true
	s := l.text
	for s != "" {
		start, end, href := findLink(s)
		if href == "" || w.budget <= 0 {
			break
		}
		w.budget--
		w.b.WriteString(html.EscapeString(s[:start]))
		w.b.WriteString(`<a href="` + html.EscapeString(href) + `">` + html.EscapeString(s[start:end]) + "</a>")
		s = s[end:]
	}
	w.b.WriteString(html.EscapeString(s))
}

// findLink finds the first URL or mail address in a line, and returns what it leads to.
func findLink(s string) (start, end int, href string) {
	for at := 0; at < len(s); {
		i := strings.IndexAny(s[at:], ":@wW")
		if i < 0 {
			break
		}
		i += at
		at = i + 1
		switch s[i] {
		case ':':
			for _, scheme := range []string{"https", "http", "mailto"} {
				start = i - len(scheme)
				if start < 0 || !strings.EqualFold(s[start:i], scheme) || start > 0 && isWordByte(s[start-1]) || scheme != "mailto" && !strings.HasPrefix(s[i:], "://") {
					continue
				}
				end = urlEnd(s, i+1, start)
				if u, ok := parseTarget(s[start:end]); ok {
					return start, end, u.String()
				}
			}
		case '@':
			start, end = addressAround(s, i)
			if start < i && end > i+1 {
				if u, ok := parseTarget("mailto:" + s[start:end]); ok && addressHost(s[start:end]) != "" {
					return start, end, u.String()
				}
			}
		default:
			if len(s) < i+5 || !strings.EqualFold(s[i:i+4], "www.") || i > 0 && (isWordByte(s[i-1]) || s[i-1] == '/' || s[i-1] == '.' || s[i-1] == '@') {
				continue
			}
			end = urlEnd(s, i, i)
			if u, ok := parseTarget(s[i:end]); ok && strings.Count(u.host, ".") > 1 {
				return i, end, u.String()
			}
		}
	}
	return 0, 0, ""
}

func isWordByte(c byte) bool { return isName(c) || c == '+' }

// urlEnd returns where a URL ends that goes on at i: before white space, quotes and angle brackets, without punctuation
// that belongs to the sentence.
func urlEnd(s string, i, start int) int {
	end := strings.IndexFunc(s[i:], func(r rune) bool {
		return r <= ' ' || unicode.IsSpace(r) || strings.ContainsRune("<>\"`“”„«»", r)
	})
	if end < 0 {
		end = len(s)
	} else {
		end += i
	}
	for end > i {
		switch c := s[end-1]; c {
		case '.', ',', ';', ':', '!', '?', '\'', '*', '|':
			end--
			continue
		case ')', ']', '}':
			open := map[byte]string{')': "(", ']': "[", '}': "{"}[c]
			if part := s[start:end]; strings.Count(part, string(c)) > strings.Count(part, open) && end-start <= maxURL {
				end--
				continue
			}
		}
		break
	}
	return end
}

// addressAround returns the borders of the mail address around an @ sign.
func addressAround(s string, i int) (start, end int) {
	start, end = i, i+1
	for start > 0 && i-start < 64 && (isWordByte(s[start-1]) && s[start-1] < 0x80 || strings.IndexByte(".!#$%&*/=?^_`{|}~", s[start-1]) >= 0) {
		start--
	}
	for start < i && s[start] == '.' {
		start++
	}
	for end < len(s) && end-i < 255 && (isName(s[end]) && s[end] != '_' || s[end] == '.') {
		end++
	}
	for end > i && (s[end-1] == '.' || s[end-1] == '-') {
		end--
	}
	return start, end
}
