package htmlmail

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// longestText returns the length of the longest text node, with line ends parting them if lines is set, and the text of all.
func longestText(n *html.Node, lines bool) (longest int, text string) {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type != html.TextNode || d.Parent.Data == "style" {
			continue
		}
		b.WriteString(d.Data)
		for l := range strings.SplitSeq(d.Data, "\n") {
			if !lines {
				l = d.Data
			}
			longest = max(longest, len(l))
		}
	}
	return longest, b.String()
}

func TestLongTextIsDivided(t *testing.T) {
	t.Parallel()
	s := New(Limits{})
	for name, text := range map[string]string{
		"words":        strings.Repeat("раyраl g\u200bo\u200bogle ", 20_000),
		"one word":     strings.Repeat("раy", 50_000),
		"spaced words": strings.Repeat("раyраl x ", 20_000),
		"emoji":        strings.Repeat("a\U0001f600", 20_000),
		"joined emoji": strings.Repeat("\U0001f469\u200d\U0001f469\u200d\U0001f466a", 5_000),
		"flags":        strings.Repeat("\U0001f1e9\U0001f1ea", 5_000),
		"accents":      strings.Repeat("e\u0301", 20_000),
		"accents only": strings.Repeat("\u0301", 20_000),
		"last line":    strings.Repeat("Привет\n", 1000) + strings.Repeat("раyраl ", 1000),
		"first line":   strings.Repeat("раyраl ", 1000) + "\n" + strings.Repeat("Привет\n", 999) + "Привет",
	} {
		for kind, doc := range map[string]Document{"text": s.FromText(text, TextOptions{}), "HTML": s.Sanitize("<p>"+text+"</p>", Options{})} {
			check(t, name, doc.HTML, false)
			root, err := parseDocument(doc.HTML)
			if err != nil {
				t.Fatal(err)
			}
			longest, got := longestText(root, kind == "text")
			if longest > mostPiece {
				t.Errorf("%s as %s: %d bytes are in one piece", name, kind, longest)
			}
			if got != text {
				t.Errorf("%s as %s: the text is another one, of %d bytes instead of %d", name, kind, len(got), len(text))
			}
			if doc.Exceeded&^ExceededMarks != 0 || !utf8.ValidString(doc.HTML) {
				t.Errorf("%s as %s: exceeded %b", name, kind, doc.Exceeded)
			}
		}
	}
	for _, text := range []string{strings.Repeat("words ", 1000), strings.Repeat("Слова и слова\n", 1000)} {
		if doc := s.FromText(text, TextOptions{}); strings.Contains(doc.Body, "mox-piece") {
			t.Errorf("%.20q is divided", text)
		}
	}
}

// Lines may end between pieces of a word that would be laid out as a whole; elsewhere they end where they did.
func TestLongWordsMayBreak(t *testing.T) {
	t.Parallel()
	s := New(Limits{})
	for text, breaks := range map[string]bool{
		strings.Repeat("раy", 5_000):        true,
		strings.Repeat("раyраl word ", 900): false,
		strings.Repeat("раyраl\n", 900):     false,
		"раyраl":                            false,
	} {
		for kind, html := range map[string]string{"text": s.FromText(text, TextOptions{}).HTML, "HTML": s.Sanitize("<p>"+text+"</p>", Options{}).HTML} {
			if n := strings.Count(html, "<wbr"); n >= 10 != breaks || !breaks && n > 0 {
				t.Errorf("%.20q as %s: %d places to break", text, kind, n)
			}
		}
	}
}

// What lays out its children side by side has no more of them.
func TestDividedTextIsOneChild(t *testing.T) {
	t.Parallel()
	doc := New(Limits{}).Sanitize(`<div style="display:flex">`+strings.Repeat("Слова ", 1000)+`<b>b</b> Конец</div>`, Options{})
	root, err := parseDocument(doc.HTML)
	if err != nil {
		t.Fatal(err)
	}
	var children []string
	for c := range find(find(find(root, "html"), "body"), "div").ChildNodes() {
		children = append(children, c.Data)
	}
	if got := strings.Join(children, " "); got != "span b  Конец" || strings.Count(doc.HTML, `<span class="mox-piece">`) < 6 {
		t.Errorf("children are %.100s", got)
	}
}

func TestPiecesEndBetweenCharacters(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text, never string // What no piece after the first begins with.
	}{
		{strings.Repeat("e\u0301", 2000), "\u0301"},
		{strings.Repeat("\U0001f469\u200d\U0001f466", 500), "\u200d\U0001f466"},
		{strings.Repeat("👍\U0001f3fd", 500), "\U0001f3fd"},
		{strings.Repeat("раyраl ", 500), " "},
	} {
		for rest := tc.text; rest != ""; {
			if rest = rest[pieceEnd(rest):]; rest != "" && strings.ContainsRune(tc.never, []rune(rest)[0]) {
				t.Errorf("%.20q is divided before %.10q", tc.text, rest)
				break
			}
		}
	}
}
