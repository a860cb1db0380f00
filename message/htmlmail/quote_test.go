package htmlmail

import (
	"strings"
	"testing"
)

func TestQuotes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, input string
		quotes      int
		folded      string // The text within the details element.
	}{
		{"none", "<p>a</p>", 0, ""},
		{"gmail", `<div>a</div><div class="gmail_quote"><div class="gmail_attr">On Mon, Joe wrote:<br></div><blockquote>b</blockquote></div>`, 1, "On Mon, Joe wrote: b"},
		{"thunderbird", `<p>a</p><div class="moz-cite-prefix">Am 1.1. schrieb Joe:<br></div><blockquote type=cite>b</blockquote>`, 1, "Am 1.1. schrieb Joe: b"},
		{"apple", `<div>a</div><div><br><blockquote type=cite><div>On 1 Jan, Joe wrote:</div>b</blockquote></div>`, 1, "On 1 Jan, Joe wrote: b"},
		{"outlook web", `<div>a</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Joe</div><div>b</div>`, 1, "From: Joe b"},
		{"outlook", `<p>a</p><div style="border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Joe<br><b>Sent:</b> Monday<br><b>To:</b> Ann</p></div><p>b</p>`, 1, "From: Joe Sent: Monday To: Ann b"},
		{"original message", `<p>a</p><p>-----Original Message-----</p><p>b</p>`, 1, "-----Original Message----- b"},
		{"line in text", `a<br>On Monday, 1 January, Joe &lt;joe@example.org&gt; wrote:<br><blockquote>b</blockquote>`, 1, "On Monday, 1 January, Joe <joe@example.org> wrote: b"},
		{"answers between", `<p>a</p><blockquote>b</blockquote><p>c</p><blockquote>d</blockquote><p>e</p>`, 2, ""},
		{"the last of several", `<p>a</p><blockquote>b</blockquote><p>c</p><blockquote>d</blockquote>`, 2, "d"},
		{"nothing but a quote", `<blockquote>b</blockquote>`, 1, ""},
		{"nothing but a quote and its line", `<div>On Monday, Joe wrote:</div><blockquote>b</blockquote>`, 1, ""},
		{"picture after", `a<blockquote>b</blockquote><img src=cid:x>`, 1, ""},
		{"no line", `<p>I wrote: nothing</p><p>From: here to there</p>`, 0, ""},
	} {
		doc := sanitized(t, tc.input, Options{FoldQuotes: true})
		_, folded, _ := strings.Cut(doc.HTML, "</summary>")
		folded, _, _ = strings.Cut(folded, "</details>")
		text := strings.Join(strings.Fields(strings.NewReplacer("> ", ">\n").Replace(New(Limits{}).ToText(folded))), " ")
		text = strings.TrimPrefix(strings.ReplaceAll(strings.ReplaceAll(text, " > ", " "), "---------- ", ""), "> ")
		if doc.Quotes != tc.quotes || doc.Folded != (tc.folded != "") || text != tc.folded {
			t.Errorf("%s: %d quotes, folded %q (%v)\n%s", tc.name, doc.Quotes, text, doc.Folded, doc.Body)
		}
		if plain := sanitized(t, tc.input, Options{}); plain.Folded || strings.Contains(plain.HTML, "<details") || plain.Quotes != tc.quotes {
			t.Errorf("%s: not to be folded: %q", tc.name, plain.Body)
		}
	}
}
