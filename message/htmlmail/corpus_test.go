package htmlmail

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"mox/internal/corpus"
	"mox/message"
)

// htmlParts returns the HTML of all messages of the corpus, by name.
func htmlParts(tb testing.TB) map[string]string { return textParts(tb, "html") }

func textParts(tb testing.TB, subtype string) map[string]string {
	parts := map[string]string{}
	for _, m := range corpus.Messages(tb) {
		message.ParseBytes(m.Data).Walk(func(p *message.Part) bool {
			if p.Type == "text" && p.Subtype == subtype {
				text, err := io.ReadAll(p.TextReader(bytes.NewReader(m.Data)))
				if err != nil {
					tb.Fatal(err)
				}
				parts[m.Name] += string(text)
			}
			return true
		})
	}
	return parts
}

// visible returns the letters and digits that a browser shows of a document, in their order.
func visible(tb testing.TB, markup string) string {
	tb.Helper()
	root, err := html.ParseWithOptions(strings.NewReader(markup), html.ParseOptionEnableScripting(false))
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.ElementNode:
			switch n.Data {
			case "script", "style", "title", "select", "template", "svg", "summary", "iframe":
				return
			}
		case html.TextNode:
			for _, r := range n.Data {
				if unicode.IsLetter(r) || unicode.IsDigit(r) {
					b.WriteRune(r)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return b.String()
}

// letters counts letters: text directly within tables is shown before them by some and within by us.
func letters(s string) map[rune]int {
	m := map[rune]int{}
	for _, r := range s {
		m[r]++
	}
	return m
}

// TestCorpusHTML checks that real messages keep their text and their links.
func TestCorpusHTML(t *testing.T) {
	t.Parallel()
	parts := htmlParts(t)
	if len(parts) < 40 {
		t.Fatalf("%d messages with HTML", len(parts))
	}
	s := New(Limits{})
	moved := 0
	for name, input := range parts {
		doc := s.Sanitize(input, Options{CID: testCID, FoldQuotes: true})
		check(t, name, doc.HTML, false)
		if doc.Exceeded.Has(ExceededStructure) {
			t.Errorf("%s: only text is shown", name)
		}
		want, got := visible(t, input), visible(t, doc.HTML)
		if want != got {
			w, g := letters(want), letters(got)
			for r := range w {
				if w[r] != g[r] {
					t.Errorf("%s: %q is there %d times, not %d:\n%.2000s\n%.2000s", name, r, g[r], w[r], got, want)
					break
				}
			}
			moved++
		}
		if len(want) > 100 && len(s.ToText(input)) < len(want)/2 {
			t.Errorf("%s: text is %q", name, s.ToText(input))
		}
	}
	if moved > len(parts)/20 {
		t.Errorf("in %d of %d messages text changed its place", moved, len(parts))
	}
}

// TestCorpusText does the same for text.
func TestCorpusText(t *testing.T) {
	t.Parallel()
	s := New(Limits{})
	for name, input := range textParts(t, "plain") {
		doc := s.FromText(input, TextOptions{})
		check(t, name, doc.HTML, false)
		var want strings.Builder
		for _, r := range input {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				want.WriteRune(r)
			}
		}
		if got := visible(t, doc.HTML); got != want.String() {
			t.Errorf("%s: shown is %q", name, doc.HTML)
		}
	}
}
