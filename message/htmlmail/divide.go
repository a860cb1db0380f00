package htmlmail

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Bounds of a piece of text, in bytes: it ends at the first white space after leastPiece, or at mostPiece.
const (
	leastPiece = 512
	mostPiece  = 1024
)

// divide puts long stretches of text into elements piece by piece. A browser looks for each line through all runs of the
// stretch that the line is of, a run being letters of one script in one font. Where runs are as short as words or
// shorter the time grows with the square of the length, to minutes. Elements part stretches, and change nothing
// that is seen. Lines tells that line ends are kept, which part them too.
func divide(n *html.Node, lines bool) {
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		switch c.Type {
		case html.ElementNode:
			divide(c, lines)
		case html.TextNode:
			divideText(c, lines)
		}
		c = next
	}
}

// newPiece returns an element that changes nothing that is seen.
func newPiece() *html.Node {
	return newElement("span", html.Attribute{Key: "class", Val: "mox-piece"})
}

// divideText divides a text node. All of it stays in one element: where the parent lays out its children side by side (CSS Flexbox §4),
// each would be a column otherwise.
func divideText(n *html.Node, lines bool) {
	if len(n.Data) <= mostPiece || isASCII(n.Data) {
		return // Letters of ASCII are of one run, together with what stands between them.
	}
	whole := newPiece()
	add := func(to *html.Node, s string) {
		if s != "" {
			to.AppendChild(&html.Node{Type: html.TextNode, Data: s})
		}
	}
	rest, kept := n.Data, 0 // What is before kept has its place.
	for rest != "" {
		line := rest
		if lines {
			if i := strings.IndexByte(line, '\n'); i >= 0 {
				line = line[:i+1]
			}
		}
		rest = rest[len(line):]
		if len(line) <= mostPiece || isASCII(line) {
			continue
		}
		at := len(n.Data) - len(rest) - len(line)
		add(whole, n.Data[kept:at])
		kept = at + len(line)
		for line != "" {
			end := pieceEnd(line)
			piece := newPiece()
			add(piece, line[:end])
			whole.AppendChild(piece)
			if line = line[end:]; line != "" && !strings.ContainsRune(" \n\t", rune(piece.LastChild.Data[end-1])) {
				whole.AppendChild(newElement("wbr")) // A line is looked for in a word as a whole; this ends it there.
			}
		}
	}
	if kept == 0 {
		return
	}
	add(whole, n.Data[kept:])
	n.Parent.InsertBefore(whole, n)
	n.Parent.RemoveChild(n)
}

// pieceEnd returns where the first piece of a text ends: behind white space, or else between characters that do not belong together.
func pieceEnd(s string) int {
	if len(s) <= mostPiece {
		return len(s)
	}
	if i := strings.IndexAny(s[leastPiece:mostPiece], " \n\t"); i >= 0 {
		return leastPiece + i + 1
	}
	for end := mostPiece; end > leastPiece; end-- {
		if !utf8.RuneStart(s[end]) {
			continue
		}
		after, _ := utf8.DecodeRuneInString(s[end:])
		before, _ := utf8.DecodeLastRuneInString(s[:end])
		if !joins(after) && before != '\u200d' && !isRegional(after) {
			return end
		}
	}
	end := mostPiece // Nobody reads that.
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return end
}

// joins reports whether a character belongs to the one before it.
func joins(r rune) bool {
	return unicode.In(r, unicode.M, unicode.Cf) || r >= 0x1f3fb && r <= 0x1f3ff
}

// isRegional reports whether a character is half of a flag.
func isRegional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
