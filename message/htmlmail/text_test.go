package htmlmail

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFromText(t *testing.T) {
	t.Parallel()
	s := New(Limits{})
	for _, tc := range []struct{ input, want string }{
		{"", ""},
		{"a  b\r\n\r\n\tc <d> & \"e\"\r\n", "a  b\n\n\tc &lt;d&gt; &amp; &#34;e&#34;"},
		{"> a\n>b\n>> c\n> > > d\ne", "<blockquote>a\nb<blockquote>c<blockquote>d</blockquote></blockquote></blockquote>e"},
		{"a > b", "a &gt; b"},
		{"see http://example.org/a_(b)?c=d&e=f, and (https://example.org).", "see [http://example.org/a_(b)?c=d&amp;e=f], and ([https://example.org])."},
		{"<https://example.org/x>; \"http://example.org/y\"", "&lt;[https://example.org/x]&gt;; &#34;[http://example.org/y]&#34;"},
		{"www.example.org/x and WWW.example.com! awww.x www.", "[www.example.org/x] and [WWW.example.com]! awww.x www."},
		{"to joe.x+y@example.org, or mailto:a@b.example.", "to [joe.x+y@example.org], or [mailto:a@b.example]."},
		{"javascript:alert(1) data:x file:///x http:// https://. a@b @c.de x@", "javascript:alert(1) data:x file:///x http:// https://. a@b @c.de x@"},
		{"xhttp://example.org/", "xhttp://example.org/"},
		{"http://example.org/ä…", "[http://example.org/ä…]"},
	} {
		doc := s.FromText(tc.input, TextOptions{})
		check(t, tc.input, doc.HTML, false)
		got := strings.TrimSuffix(strings.TrimPrefix(doc.Body, `<div class="mox-text">`), "</div>")
		for strings.Contains(got, "<a ") {
			before, rest, _ := strings.Cut(got, "<a ")
			_, rest, _ = strings.Cut(rest, ">")
			got = before + "[" + strings.Replace(rest, "</a>", "]", 1)
		}
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.input, got, tc.want)
		}
	}
	doc := s.FromText("https://раура.com/ pаypal\n\nOn Monday, Joe wrote:\n> x\n> y\n", TextOptions{Options: Options{FoldQuotes: true}})
	if len(doc.Links) != 1 || doc.Links[0].Lookalike != "paypa.com" || len(doc.Mixed) != 1 || doc.Quotes != 1 || !doc.Folded {
		t.Errorf("%+v", doc)
	}
	if doc := s.FromText(strings.Repeat(">", 1000)+"x\n"+strings.Repeat("> a\nb http://example.org/\n", 100_000), TextOptions{}); strings.Count(doc.HTML, "<") > 400_000 || doc.Exceeded.Has(ExceededStructure) {
		t.Errorf("%d tags, exceeded %b", strings.Count(doc.HTML, "<"), doc.Exceeded)
	}
}

func lines(text string, flowed, delSp bool) []textLine {
	return slices.Collect(textLines(text, flowed, delSp))
}

func TestFlowed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, input string
		delSp       bool
		want        []textLine
	}{
		{"paragraphs", "a \nb \nc\nd\n", false, []textLine{{"a b c", 0}, {"d", 0}}},
		{"delsp", "ab \ncd\n", true, []textLine{{"abcd", 0}}},
		{"stuffing", " >a\n From b\n  c\n", false, []textLine{{">a", 0}, {"From b", 0}, {" c", 0}}},
		{"quotes", "> a \n> b\n>> c \n>> d\ne", false, []textLine{{"a b", 1}, {"c d", 2}, {"e", 0}}},
		{"depth changes within a paragraph", "> a \n>> b\n", false, []textLine{{"a ", 1}, {"b", 2}}},
		{"spaces between marks are content", "> > a", false, []textLine{{"> a", 1}}},
		{"signature", "a \n-- \nb", false, []textLine{{"a ", 0}, {"-- ", 0}, {"b", 0}}},
		{"quoted signature", "> a \n> -- \n> b", false, []textLine{{"a ", 1}, {"-- ", 1}, {"b", 1}}},
		{"empty lines", "a\n\n \nb", false, []textLine{{"a", 0}, {"", 0}, {"", 0}, {"b", 0}}},
		{"goes on at the end", "a \n", false, []textLine{{"a ", 0}}},
		{"a space is stuffed, a second goes on", "  \na", false, []textLine{{" a", 0}}},
	} {
		if got := lines(tc.input, true, tc.delSp); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
	if got := lines("a \n b\n> > c", false, false); !slices.Equal(got, []textLine{{"a ", 0}, {" b", 0}, {"c", 2}}) {
		t.Errorf("not flowed: %+v", got)
	}
}

func TestFlow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ input, want string }{
		{"", "\n"},
		{"short", "short\n"},
		{"one two three four five", "one two \nthree four \nfive\n"},
		{"> one two three four five", "> one two \n> three \n> four five\n"},
		{"From a\n >b\n\n-- \nc ", " From a\n  >b\n\n-- \nc\n"},
		{"averyveryverylongword and more", "averyveryverylongword \nand more\n"},
		{">> a\n>b", ">> a\n> b\n"},
	} {
		if got := Flow(tc.input, 12); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.input, got, tc.want)
		}
	}
	if got := Flow(strings.Repeat("wörd ", 40), 0); strings.Count(got, "\n") != 3 {
		t.Errorf("default width: %q", got)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	if got, want := Quote("a\r\n\n> b\n"), "> a\n>\n>> b\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzFlow checks that flowed text is read as the paragraphs that it was made of.
func FuzzFlow(f *testing.F) {
	for _, s := range []string{"a b c", "> a b\n>> c", "-- \nx", "  a  b  c  ", "From x", " >\n> ", ">>>", "a\r\nb", "-- b c d e f g h i j k"} {
		f.Add(s, uint8(12))
	}
	f.Fuzz(func(t *testing.T, s string, width uint8) {
		if !utf8.ValidString(s) || strings.Contains(s, "\r") {
			return
		}
		var want []textLine
		for l := range textLines(s, false, false) {
			if l.text != "-- " {
				l.text = strings.TrimRight(l.text, " ")
			}
			want = append(want, l)
		}
		if got := lines(Flow(s, int(width)), true, false); !slices.Equal(got, want) {
			t.Fatalf("%q by %q: %+v, want %+v", s, Flow(s, int(width)), got, want)
		}
	})
}

func TestToText(t *testing.T) {
	t.Parallel()
	s := New(Limits{})
	for _, tc := range []struct{ input, want string }{
		{"", ""},
		{"a  b\nc<br>d", "a b c\nd\n"},
		{"<p>a</p><p>b</p>c<div>d</div><div>e</div>", "a\n\nb\n\nc\nd\ne\n"},
		{"<h1>a</h1>b<hr>c", "a\n\nb\n----------\nc\n"},
		{"<b>a</b>b<i> c</i>", "ab c\n"},
		{"<ul><li>a<li>b<ul><li>c</ul></ul><ol start=3><li>d<li>e</ol>f", "- a\n- b\n  - c\n\n3. d\n4. e\n\nf\n"},
		{"<li><p>a</p><p>b</p>", "- a\n\n  b\n"},
		{"<p>a<blockquote><p>b<blockquote>c</blockquote>d</blockquote>e", "a\n\n> b\n>\n>> c\n>\n> d\n\ne\n"},
		{"<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a b\nc d\n"},
		{"<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc\n"},
		{`<a href="https://example.org/x">a</a> <a href="https://example.org/">example.org</a> <a href="mailto:a@b.example">a@b.example</a>`, "a <https://example.org/x> example.org a@b.example\n"},
		{`<a href="javascript:x">a</a><a href="#b">b</a>`, "ab\n"},
		{`<img src=cid:x alt="a b"><img width=1 alt=c><script>d</script><style>e</style><!-- f --><title>g</title>`, "a b\n"},
		{"a&nbsp;b&lt;c&gt;", "a b<c>\n"},
		{"<dl><dt>a<dd>b</dl>", "a\n    b\n"},
		{"a<br><br>b", "a\n\nb\n"},
		{strings.Repeat("<blockquote>", 100) + "a", strings.Repeat(">", 79) + " a\n"},
	} {
		if got := s.ToText(tc.input); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.input, got, tc.want)
		}
	}
}
