package htmlmail

import (
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// tokens reads the tokens of HTML. A tag with very many attributes leaves a large table in the
// tokenizer, which clears it for each tag that follows: a new tokenizer goes on behind such a tag.
type tokens struct {
	*html.Tokenizer
	s    string // The rest, from where Tokenizer began.
	read int    // Bytes of s that were read.

	huge    bool
	context string // The element within which a new tokenizer begins.
}

const hugeTag = 16 << 10

func newTokens(s string) *tokens {
	return &tokens{Tokenizer: html.NewTokenizer(strings.NewReader(s)), s: s}
}

// next reads a token.
func (t *tokens) next() html.TokenType {
	if t.huge {
		t.s, t.read, t.huge = t.s[t.read:], 0, false
		if t.context == "" {
			t.Tokenizer = html.NewTokenizer(strings.NewReader(t.s))
		} else {
			t.Tokenizer = html.NewTokenizer(io.MultiReader(strings.NewReader("<"+t.context+">"), strings.NewReader(t.s)))
			t.Tokenizer.Next()
		}
	}
	typ := t.Tokenizer.Next()
	start, size := t.read, len(t.Raw())
	t.read += size
	if typ == html.StartTagToken && size > hugeTag {
		t.huge = true
		t.context = ""
		// The element matters where its content is not markup.
		tag := t.s[start+1 : start+16]
		if i := strings.IndexAny(tag, " \t\n\f\r/"); i >= 0 {
			switch name := strings.ToLower(tag[:i]); name {
			case "iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp":
				t.context = name
			}
		}
	}
	return typ
}

// notRawText says that the content of the element which was just begun is markup.
func (t *tokens) notRawText() {
	t.NextIsNotRawText()
	t.context = ""
}

// cleanText returns text in valid UTF-8 without characters that HTML does not have, and without those that
// reverse the order in which others are shown.
func cleanText(s string) string {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7f {
		i++
	}
	if i == len(s) {
		return s
	}
	clean := utf8.ValidString(s)
	for _, r := range s[i:] {
		if !clean {
			break
		}
		clean = keepRune(r)
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if !keepRune(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func keepRune(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\f':
		return true
	case r < ' ' || 0x7f <= r && r < 0xa0:
		return false
	case r == '\u202d' || r == '\u202e': // Overrides.
		return false
	case 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe: // No characters.
		return false
	case 0xe0000 <= r && r <= 0xe007f: // Tags, which are invisible. Flags of regions need them.
		return r >= 0xe0020
	}
	return true
}

// cutText returns s cut to at most n bytes at the border of a character.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
