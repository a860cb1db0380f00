package htmlmail

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// ToText returns the text of HTML, for the text/plain alternative of a message, for previews and for quoting: lines
// end in LF, paragraphs are parted by blank lines, quoted text begins with ">", items of lists with "- " or
// a number, links have their target behind them where it is not the text. Style sheets are not looked at. The limits
// of the sanitizer hold.
func (s *Sanitizer) ToText(input string) string {
	_, root := s.parse(input)
	if root == nil {
		return plainTokens(input, s.limits.Input)
	}
	var w plainWriter
	w.children(find(find(root, "html"), "body"))
	return w.String()
}

// plainTokens returns the text between tags, of HTML that could not be read otherwise.
func plainTokens(input string, max int) string {
	var b strings.Builder
	z := newTokens(cutText(input, max))
	for typ := z.next(); typ != html.ErrorToken; typ = z.next() {
		switch typ {
		case html.TextToken:
			b.WriteString(cleanText(string(z.Text())))
		case html.StartTagToken:
			name, _ := z.TagName()
			e := elements[string(name)]
			if e.kind == kindSkip {
				z.next() // Its text, if it is one of those that hold nothing else.
			} else if e.kind >= kindBlock {
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

// plainWriter writes the text of a tree, line by line.
type plainWriter struct {
	out  []byte
	line []byte // The line being written, with its prefix.

	prefix string // Of each line: quote marks and indentation.
	item   string // Mark of an item of a list, instead of the end of the prefix of its first line.

	inLine      bool // There is a line being written.
	space       bool // A space comes before the next text of the line.
	blank       bool // A blank line comes before the next text.
	blankPrefix string
	pre         int // Depth of pre elements.
	lists       []list
}

// list is a list that is open.
type list struct {
	ordered bool
	n       int
}

func (w *plainWriter) String() string {
	w.endLine()
	return string(w.out)
}

// begin begins a line, if there is none.
func (w *plainWriter) begin() {
	if w.inLine {
		return
	}
	if w.blank && len(w.out) > 0 {
		// Between two depths of quotes, it belongs to the outer one.
		if len(w.prefix) < len(w.blankPrefix) {
			w.blankPrefix = w.prefix
		}
		w.out = append(append(w.out, strings.TrimRight(w.blankPrefix, " ")...), '\n')
	}
	w.blank, w.space, w.inLine = false, false, true
	w.line = append(w.line[:0], strings.TrimSuffix(w.prefix, strings.Repeat(" ", len(w.item)))...)
	w.line = append(w.line, w.item...)
	w.item = ""
}

// endLine ends the line, if there is one.
func (w *plainWriter) endLine() {
	if w.inLine {
		w.out = append(append(w.out, bytes.TrimRight(w.line, " ")...), '\n')
		w.inLine = false
	}
	w.space = false
}

// lineBreak ends the line, also an empty one.
func (w *plainWriter) lineBreak() {
	w.begin()
	w.endLine()
}

// block separates what comes from what was, with a blank line or only the end of the line.
func (w *plainWriter) block(blank bool) {
	w.endLine()
	if blank {
		if !w.blank || len(w.prefix) < len(w.blankPrefix) {
			w.blankPrefix = w.prefix
		}
		w.blank = true
	}
}

// write appends a word to the line.
func (w *plainWriter) write(s string) {
	if s == "" {
		return
	}
	w.begin()
	if w.space && len(w.line) > len(w.prefix) {
		w.line = append(w.line, ' ')
	}
	w.space = false
	w.line = append(w.line, s...)
}

func (w *plainWriter) text(s string) {
	if w.pre > 0 {
		for i, line := range strings.Split(s, "\n") {
			if i > 0 {
				w.lineBreak()
			}
			w.write(line)
		}
		return
	}
	for s != "" {
		n := strings.IndexAny(s, " \t\n\f")
		switch n {
		case 0:
			w.space = true
			s = strings.TrimLeft(s, " \t\n\f")
			continue
		case -1:
			n = len(s)
		}
		w.write(strings.ReplaceAll(s[:n], "\u00a0", " "))
		s = s[n:]
	}
}

func (w *plainWriter) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch c.Type {
		case html.TextNode:
			w.text(c.Data)
		case html.ElementNode:
			w.element(c)
		}
	}
}

func (w *plainWriter) element(n *html.Node) {
	switch n.Data {
	case "br":
		w.lineBreak()
	case "hr":
		w.block(false)
		w.write("----------")
		w.block(false)
	case "img":
		if alt := strings.Join(strings.Fields(attr(n, "alt")), " "); !isTiny(n) {
			w.write(alt)
		}
	case "a":
		w.link(n)
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "figure":
		w.around(n, true)
	case "pre":
		w.pre++
		w.around(n, true)
		w.pre--
	case "blockquote":
		w.indented(n, "> ", true)
	case "dd":
		w.indented(n, "    ", false)
	case "ul", "ol":
		start, err := strconv.Atoi(attr(n, "start"))
		if err != nil || start < 0 || start > 1e6 {
			start = 1
		}
		w.lists = append(w.lists, list{n.Data == "ol", start - 1})
		w.around(n, len(w.lists) == 1)
		w.lists = w.lists[:len(w.lists)-1]
	case "li":
		mark := "- "
		if i := len(w.lists) - 1; i >= 0 && w.lists[i].ordered {
			w.lists[i].n++
			mark = strconv.Itoa(w.lists[i].n) + ". "
		}
		w.block(false)
		w.item = mark
		w.indented(n, strings.Repeat(" ", len(mark)), false)
		w.item = ""
	case "td", "th":
		w.space = true
		w.children(n)
		w.space = true
	default:
		switch elements[n.Data].kind {
		case kindBlock, kindTable, kindRow, kindSection, kindCell:
			w.around(n, false)
		default:
			w.children(n)
		}
	}
}

func (w *plainWriter) around(n *html.Node, blank bool) {
	w.block(blank)
	w.children(n)
	w.block(blank)
}

// maxPrefix bounds the indentation of text.
const maxPrefix = 80

// indented writes an element with more in front of its lines.
func (w *plainWriter) indented(n *html.Node, more string, blank bool) {
	w.block(blank)
	old := w.prefix
	if len(old) < maxPrefix {
		if strings.HasSuffix(old, "> ") && more == "> " {
			w.prefix = strings.TrimSuffix(old, " ")
		}
		w.prefix += more
	}
	w.children(n)
	w.endLine()
	w.prefix = old
	w.block(blank)
}

// link writes the text of a link, and its target if the text is another.
func (w *plainWriter) link(n *html.Node) {
	w.children(n)
	u, ok := parseTarget(attr(n, "href"))
	if !ok {
		return
	}
	target := u.String()
	switch u.scheme {
	case "http", "https":
	case "mailto", "tel":
		target = u.rest
	default:
		return
	}
	same := func(s string) string {
		s = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(s), "https://"), "http://")
		return strings.TrimSuffix(s, "/")
	}
	if same(target) != same(textOf(n, maxURL)) {
		w.space = true
		w.write("<" + target + ">")
	}
}
