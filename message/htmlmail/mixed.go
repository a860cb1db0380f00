package htmlmail

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// scripts is a set of scripts whose letters can pass for those of each other (Unicode TR 39).
type scripts uint8

const (
	latin scripts = 1 << iota
	cyrillic
	greek
	armenian
	cherokee
	coptic
)

func (s scripts) String() string {
	var l []string
	for i, name := range []string{"Latin", "Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic"} {
		if s&(1<<i) != 0 {
			l = append(l, name)
		}
	}
	return strings.Join(l, " and ")
}

func (s scripts) mixed() bool { return s&(s-1) != 0 }

// scriptOf returns the script of a letter, and whether the character belongs to a word. Greek letters that look like no
// Latin one, as in μm and kΩ, are of no script.
func scriptOf(r rune) (s scripts, word bool) {
	switch {
	case r < 0x80:
		if 'a' <= r|0x20 && r|0x20 <= 'z' {
			return latin, true
		}
		return 0, '0' <= r && r <= '9'
	case r < 0x370 && unicode.Is(unicode.Latin, r):
		return latin, true
	case !unicode.IsLetter(r):
		// Marks, and what is invisible within words.
		return 0, unicode.Is(unicode.M, r) || unicode.IsDigit(r) || r == '\u00ad' || r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\u2060' || r == '\ufeff'
	case unicode.Is(unicode.Cyrillic, r):
		return cyrillic, true
	case unicode.Is(unicode.Greek, r):
		if r >= 0x1f00 || latinOf(r) != r {
			return greek, true
		}
		return 0, true
	case unicode.Is(unicode.Latin, r):
		return latin, true
	case unicode.Is(unicode.Armenian, r):
		return armenian, true
	case unicode.Is(unicode.Cherokee, r):
		return cherokee, true
	case unicode.Is(unicode.Coptic, r):
		return coptic, true
	}
	return 0, true
}

// latinOf returns the ASCII letter that a letter can pass for, or the letter itself.
func latinOf(r rune) rune {
	if r < 0x80 {
		return r
	}
	if i := strings.IndexRune(confusable, r); i >= 0 {
		return rune(confusableAs[utf8.RuneCountInString(confusable[:i])])
	}
	return r
}

// Letters and, at the same position, what they look like: of Unicode's confusables.txt those single letters which
// hardly anybody can tell apart.
const (
	confusable   = "асԁеһіјӏорѕԛԝхуү" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "αγικνορτυχωϲϳ" + "ոսօհցզյ" + "ɑɡıɩᴄᴏᴠᴡᴢ"
	confusableAs = "acdehijlopsqwxyy" + "ABEZHIKMNOPTYX" + "ayikvoptuxwcj" + "nuohgqj" + "agiicovwz"
)

// piece is a part of a word in one text node.
type piece struct {
	node       *html.Node
	start, end int
}

// marker finds words that mix scripts, across the borders of elements within a line.
type marker struct {
	t      *transformer
	word   []piece
	script scripts
	marks  []mark
}

// mark is a piece to be marked, with the scripts of its word.
type mark struct {
	piece
	script scripts
}

// markMixed marks the words that mix scripts.
func (t *transformer) markMixed(body *html.Node) {
	m := marker{t: t}
	m.node(body)
	m.flush()
	if m.t.doc.Exceeded.Has(ExceededMarks) {
		addClass(body, "mox-unmarked")
	}
	// From the end, so that positions in a node stay true.
	for _, k := range slices.Backward(m.marks) {
		k.apply()
	}
}

func (m *marker) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		m.text(n)
	case html.ElementNode:
		if k := elements[n.Data].kind; k != kindInline && k != kindFormat && n.Data != "wbr" {
			m.flush()
			defer m.flush()
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		m.node(c)
	}
}

// text finds the words in a text node, of which the first may have begun before it and the last may go on.
func (m *marker) text(n *html.Node) {
	if len(m.word) == 0 && isASCII(n.Data) {
		// The last word may go on in the next node.
		start := len(n.Data)
		for start > 0 {
			if _, word := scriptOf(rune(n.Data[start-1])); !word {
				break
			}
			start--
		}
		m.add(n, start)
		return
	}
	start := -1
	for i, r := range n.Data {
		s, word := scriptOf(r)
		if !word {
			if start >= 0 {
				m.word = append(m.word, piece{n, start, i})
				start = -1
			}
			m.flush()
			continue
		}
		if start < 0 {
			start = i
		}
		m.script |= s
	}
	if start >= 0 {
		m.word = append(m.word, piece{n, start, len(n.Data)})
	}
}

// add begins a word in ASCII at the end of a node.
func (m *marker) add(n *html.Node, start int) {
	if start == len(n.Data) {
		return
	}
	m.word = append(m.word, piece{n, start, len(n.Data)})
	if strings.Trim(n.Data[start:], "0123456789") != "" {
		m.script |= latin
	}
}

// flush ends a word. Each mark is an element, so there is a limit.
func (m *marker) flush() {
	if m.script.mixed() {
		var b strings.Builder
		for _, p := range m.word {
			if b.Len() < longestReport {
				b.WriteString(p.node.Data[p.start:p.end])
			}
			m.mark(mark{p, m.script})
		}
		m.t.doc.Mixed = m.t.report(m.t.doc.Mixed, cutText(b.String(), longestReport))
	}
	m.word, m.script = m.word[:0], 0
}

// longestReport bounds a word that is reported, in bytes.
const longestReport = 200

// mark adds a mark, or makes the last one longer if only a space is between them.
func (m *marker) mark(k mark) {
	if n := len(m.marks); n > 0 {
		last := &m.marks[n-1]
		if last.node == k.node && last.script == k.script && k.end-last.start <= leastPiece && k.start == last.end+1 && k.node.Data[last.end] == ' ' {
			last.end = k.end
			return
		}
	}
	if len(m.marks) >= m.t.limits.Marks {
		m.t.doc.Exceeded |= ExceededMarks
		return
	}
	m.marks = append(m.marks, k)
}

// apply puts a piece into a span of its own.
func (k mark) apply() {
	n := k.node
	before, word, after := n.Data[:k.start], n.Data[k.start:k.end], n.Data[k.end:]
	span := newElement("span", html.Attribute{Key: "class", Val: "mox-mixed"}, html.Attribute{Key: "title", Val: k.script.String()})
	span.AppendChild(&html.Node{Type: html.TextNode, Data: word})
	n.Data = before
	n.Parent.InsertBefore(span, n.NextSibling)
	if after != "" {
		n.Parent.InsertBefore(&html.Node{Type: html.TextNode, Data: after}, span.NextSibling)
	}
	if before == "" {
		n.Parent.RemoveChild(n)
	}
}
