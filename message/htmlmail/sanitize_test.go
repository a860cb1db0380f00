package htmlmail

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// sanitized returns the body of a document, which must stand the checks.
func sanitized(t *testing.T, input string, opts Options) Document {
	t.Helper()
	doc := New(Limits{}).Sanitize(input, opts)
	check(t, input, doc.HTML, opts.AllowRemote)
	if !strings.HasSuffix(doc.HTML, doc.Body+"</body></html>") {
		t.Errorf("%q: body %q is not in %q", input, doc.Body, doc.HTML)
	}
	return doc
}

// TestMarkup tells what becomes of the markup that messages have.
func TestMarkup(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ input, want string }{
		{"", ""},
		{"just text < & >", "just text &lt; &amp; &gt;"},
		{"<p>a<p>b", "<p>a</p><p>b</p>"},
		{"<p>a<b>b<p>c</b>d", "<p>a<b>b</b></p><p><b>c</b>d</p>"},
		{"<b><i>a</b>b</i>c", "<b><i>a</i></b><i>b</i>c"},
		{"<div><b>a</div>b", "<div><b>a</b></div><b>b</b>"},
		{"<b>a<div>b</b>c</div>d", "<b>a<div>bc</div></b>d"},
		{"<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"},
		{"<dl><dt>a<dd>b</dl>", "<dl><dt>a</dt><dd>b</dd></dl>"},
		{"<h1>a<h2>b", "<h1>a</h1><h2>b</h2>"},
		{"</p></div>a</b>", "a"},
		{"a</br>b", "a<br/>b"},
		{"<table><tr><td>a<td>b<tr><td>c</table>", "<table><tbody><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></tbody></table>"},
		{"<table><td>a</table>", "<table><tbody><tr><td>a</td></tr></tbody></table>"},
		{"<table>a<tr><td>b</table>", "<table><tbody><tr><td>a</td></tr><tr><td>b</td></tr></tbody></table>"},
		{"<table><b><tr><td>b</table>", "<table><tbody><tr><td>b</td></tr></tbody></table>"},
		{"<table><form><tr><td>b</form></table>", "<table><tbody><tr><td>b</td></tr></tbody></table>"},
		{"<table><caption>a<col width=5><thead><tr><th>b</table>", `<table><caption>a</caption><colgroup><col width="5"/></colgroup><thead><tr><th>b</th></tr></thead></table>`},
		{"<td>a</td>", "a"},
		{"<b><table><tr><td>a</b>b</table>c", "<b><table><tbody><tr><td>ab</td></tr></tbody></table>c</b>"},
		{"<p>a<table><tr><td>b</table>", "<p>a</p><table><tbody><tr><td>b</td></tr></tbody></table>"},
		{"<o:p>a</o:p><st1:place>b</st1:place><foo>c", "abc"},
		{"<!-- a -->b<!--[if mso]>c<![endif]--><![if !mso]>d<![endif]>", "bd"},
		{"<noscript>a</noscript><noframes>b</noframes>", "ab"},
		{"<form>a<button>b</button><input value=c><select><option>d</select><textarea>e<b></textarea></form>", "<div>a<span>b</span><pre>e&lt;b&gt;</pre></div>"},
		{"<select><option>a<p>b", "<p>b</p>"},
		{"<title>a</title>b<script>c</script><style>d</style><template>e</template>", "b"},
		{"<svg><text>a</text></svg>b<math><mi>c</mi></math>d", "bd"},
		{"<svg><p>a</p>b", "<p>a</p>b"},
		{"<svg/>a<math/>b", "ab"},
		{"<video><p>a</p></video><object>b</object><iframe>c</iframe>d", "<p>a</p>bd"},
		{"<xmp><b>a</xmp><plaintext><i>b", "<pre>&lt;b&gt;a</pre><pre>&lt;i&gt;b</pre>"},
		{"<pre>\n\na</pre>", "<pre>\n\na</pre>"},
		{"<nobr>a</nobr><center>b</center><marquee>c</marquee>", `<span style="white-space:nowrap">a</span><center>b</center><div>c</div>`},
		{`<font color=red size="+2" face="Arial, sans-serif">a</font>`, `<font color="red" face="Arial, sans-serif" size="+2">a</font>`},
		{`<td><table bgcolor="#ff0000" width="100%" align=center border=0 cellpadding=1><tr valign=top><td nowrap colspan=2 rowspan=5000>a`,
			`<table bgcolor="#ff0000" width="100%" align="center" border="0" cellpadding="1"><tbody><tr valign="top"><td nowrap="" colspan="2" rowspan="200">a</td></tr></tbody></table>`},
		{`<p width=1 onclick=x foo=bar align="left&quot;;" dir=up lang=en>a`, `<p lang="en">a</p>`},
		{`<td width="expression(1)" colspan=-1>`, ``},
		{`<p class="a mox-quote b" id="x y" title=t>a`, `<p class="a b" title="t">a</p>`},
		{`<p id=top>a<a href="#top">b</a><a href="#">c</a>`, `<p id="m-top">a<a href="#m-top">b</a><a>c</a></p>`},
		{`<a name=x>a</a><map name=m><area shape=rect coords="0,0,1,1" alt=b></map><img usemap=#m>`,
			`<a name="m-x">a</a><map name="m-m"><area shape="rect" coords="0,0,1,1" alt="b"/></map><img usemap="#m-m"/>`},
		{`<a href="/relative">a</a><a href="page.html">b</a><img src="image.png" alt=c>`, `<a>a</a><a>b</a><img alt="c"/>`},
		{"a\x00b\x01\u202ec\ufffe\xff", "abc\ufffd"},
		{"<details open><summary>a</summary>b</details>", "<div><div>a</div>b</div>"},
		{"<dialog>a</dialog><slot>b</slot><canvas>c</canvas>", "abc"},
		{"<ruby>a<rt>b</ruby>", "ab"},
		{`<img alt="a > b" src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw">`,
			`<img alt="a &gt; b" src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="/>`},
	} {
		if doc := sanitized(t, tc.input, Options{}); doc.Body != tc.want {
			t.Errorf("%q\nbecame %q\nwant   %q", tc.input, doc.Body, tc.want)
		}
	}
}

func TestBodyAttributes(t *testing.T) {
	t.Parallel()
	doc := sanitized(t, `<html lang=de onload=x><body bgcolor=red style="color:blue;position:fixed" onload=y>a<body text=green bgcolor=blue>`, Options{})
	for _, want := range []string{`<html lang="de">`, `<body bgcolor="red" style="color:blue" text="green">a</body>`} {
		if !strings.Contains(doc.HTML, want) {
			t.Errorf("%q is not in %q", want, doc.HTML)
		}
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	const remote = `<img src="http://A.example/x.png?a=1&b=2" width=10 alt=x><p style="background:url(https://b.example/y) red">a</p><table background=//a.example/z>`
	doc := sanitized(t, remote, Options{})
	if want := `<img width="10" alt="x" class="mox-blocked"/><p style="background:none red">a</p><table></table>`; doc.Body != want {
		t.Errorf("blocked: %q, want %q", doc.Body, want)
	}
	hosts := []RemoteHost{{"a.example", 2}, {"b.example", 1}}
	if !slices.Equal(doc.Remote, hosts) || doc.RemoteCount != 3 {
		t.Errorf("reported %v", doc.Remote)
	}
	doc = sanitized(t, remote, Options{AllowRemote: true})
	if want := `<img width="10" alt="x" src="http://a.example/x.png?a=1&amp;b=2" referrerpolicy="no-referrer"/><p style="background:url(&#34;https://b.example/y&#34;) red">a</p><table background="https://a.example/z"></table>`; doc.Body != want {
		t.Errorf("allowed: %q, want %q", doc.Body, want)
	}
	if !slices.Equal(doc.Remote, hosts) {
		t.Errorf("reported %v", doc.Remote)
	}
	proxy := func(url string) string { return "https://mail.invalid/part/proxy?" + url }
	doc = sanitized(t, remote, Options{AllowRemote: true, RemoteURL: proxy})
	if strings.Count(doc.HTML, "https://mail.invalid/part/proxy?http") != 3 {
		t.Errorf("by a proxy: %q", doc.Body)
	}
	doc = sanitized(t, remote, Options{RemoteURL: proxy})
	if strings.Contains(doc.HTML, "proxy") {
		t.Errorf("blocked, with a proxy: %q", doc.Body)
	}
	// Pictures nobody sees are not marked, but count.
	doc = sanitized(t, `<img src=http://t.example/ width=1 height=1>`, Options{})
	if doc.Body != `<img width="1" height="1"/>` || doc.RemoteCount != 1 {
		t.Errorf("tiny: %q, %v", doc.Body, doc.Remote)
	}
	// What a rule loads when the mouse is over something would tell of that.
	doc = sanitized(t, `<style>p:hover{background:url(//a.example/x)}</style>`, Options{AllowRemote: true})
	if !strings.Contains(doc.HTML, "p:hover{background:none;}") {
		t.Errorf("hover: %q", doc.HTML)
	}
}

func TestContentIDs(t *testing.T) {
	t.Parallel()
	input := `<img src="cid:a%25b@x.example" alt=a><img src="CID:missing"><img src=cid:><td background=cid:c><p style="background:url('cid:c')">x`
	doc := sanitized(t, "<table>"+input, Options{CID: testCID})
	for _, want := range []string{
		`<img alt="a" src="https://mail.invalid/part/a%25b@x.example"/><img class="mox-missing"/><img/>`,
		`background="https://mail.invalid/part/c"`, `style="background:url(&#34;https://mail.invalid/part/c&#34;)"`,
	} {
		if !strings.Contains(doc.Body, want) {
			t.Errorf("%q is not in %q", want, doc.Body)
		}
	}
	if !slices.Equal(doc.CIDs, []string{"a%b@x.example", "c"}) || !slices.Equal(doc.MissingCIDs, []string{"missing"}) || doc.RemoteCount != 0 {
		t.Errorf("reported %q, missing %q", doc.CIDs, doc.MissingCIDs)
	}
	if doc = sanitized(t, input, Options{}); len(doc.CIDs) != 0 || len(doc.MissingCIDs) != 3 {
		t.Errorf("without parts: %q, missing %q", doc.CIDs, doc.MissingCIDs)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, " a%d=x", i)
	}
	fonts := ""
	for i := range 150 {
		fonts += fmt.Sprintf("<font size=%d>", i)
	}
	for _, tc := range []struct {
		name, input string
		exceeded    Exceeded
		text        string // That must be there.
	}{
		{"nothing", "<p>a</p>", 0, "<p>a</p>"},
		{"long text", strings.Repeat("äb", 4<<20), ExceededInput, "äb"},
		{"nested blocks", strings.Repeat("<div>", 7e5) + "end", ExceededDepth, "end"},
		{"nested formatting", strings.Repeat("<b>", 1e6) + "end", ExceededDepth, "end"},
		{"nested tables", strings.Repeat("<table><tr><td>", 2e5) + "end", ExceededDepth, "end"},
		{"deep and out again", strings.Repeat("<div>", 2000) + "a" + strings.Repeat("</div>", 2000) + "<p>end", ExceededDepth, "<p>end</p>"},
		{"elements", strings.Repeat("<p>a", 2e5) + "end", ExceededElements, "end"},
		{"attributes", "<p" + many.String() + ">end", ExceededAttributes, "<p>end</p>"},
		{"tags after attributes", "<p" + many.String() + ">" + strings.Repeat("<x a=b>", 4e5) + "end", ExceededAttributes, "end"},
		{"raw text after attributes", "<script" + many.String() + "><p>a</script>end", 0, ">end<"},
		{"styles", "<style>" + strings.Repeat("a{color:red}", 1e5) + "</style>end", ExceededStyle, "end"},
		{"formatting opened again", "<p>" + fonts + strings.Repeat("<p>x", 3e5) + "end", ExceededElements, "end"},
		{"formatting in tables", "<table>" + fonts + strings.Repeat("<tr></tr>x", 3e5) + "end", ExceededElements, "end"},
		{"braces", "<style>" + strings.Repeat("{(", 2e5) + "</style>end", 0, "end"},
		{"media", "<style>" + strings.Repeat("@media x{", 5e4) + "</style>end", 0, "end"},
		{"marks", strings.Repeat("pаy ", 1e5) + "end", 0, "end"},
		{"brackets", strings.Repeat("<", 1e6) + " end", 0, "end"},
		{"comments", "end" + strings.Repeat("<!--", 5e5), 0, "end"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			doc := New(Limits{}).Sanitize(tc.input, Options{FoldQuotes: true})
			if doc.Exceeded&tc.exceeded != tc.exceeded || (tc.exceeded == 0) != (doc.Exceeded == 0) {
				t.Errorf("exceeded %b, want %b", doc.Exceeded, tc.exceeded)
			}
			if !strings.Contains(doc.HTML, tc.text) {
				t.Errorf("%q is missing in %.1000q", tc.text, doc.HTML)
			}
			if len(doc.HTML) > 4*len(tc.input)+10_000 {
				t.Errorf("%d bytes became %d", len(tc.input), len(doc.HTML))
			}
			root, err := html.Parse(strings.NewReader(doc.HTML))
			if err != nil {
				t.Fatal(err)
			}
			nodes := 0
			for range root.Descendants() {
				nodes++
			}
			if nodes > 250_000 {
				t.Errorf("%d nodes", nodes)
			}
		})
	}
	doc := New(Limits{Reports: 3, DataImage: 300}).Sanitize(`<img src=//a.example><img src=//b.example><img src=//c.example><img src=//d.example><img src="data:image/png;base64,`+strings.Repeat("AAAA", 300)+`">`, Options{})
	if len(doc.Remote) != 3 || doc.RemoteCount != 4 || strings.Contains(doc.HTML, "data:") {
		t.Errorf("reported %v in %q", doc.Remote, doc.HTML)
	}
}

// TestUnstable checks that what cannot be made stable is shown as text.
func TestUnstable(t *testing.T) {
	t.Parallel()
	var doc Document
	tr := transformer{doc: &doc}
	root, err := parseDocument("<p>a</p>")
	if err != nil {
		t.Fatal(err)
	}
	body := find(find(root, "html"), "body")
	body.FirstChild.AppendChild(newElement("script"))
	if tr.finish(root) || doc.HTML != "" {
		t.Errorf("accepted %q", doc.HTML)
	}
	if got := plainTokens("<p>a<script>b</script><p>c&amp;d", 100); got != "\na\nc&d" {
		t.Errorf("text %q", got)
	}
}

func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		policy FramePolicy
		want   string
	}{
		{FramePolicy{}, "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"},
		{FramePolicy{Images: []string{"'self'", "https://mail.example/part/"}, SameOrigin: true, Ancestors: []string{"https://mail.example"}},
			"default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data: 'self' https://mail.example/part/; form-action 'none'; base-uri 'none'; frame-ancestors https://mail.example; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"},
		{FramePolicy{AllowRemote: true}, "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"},
		{FramePolicy{Images: []string{"", "*", "https:", "https://x.example; script-src *", "'unsafe-inline'", "https://x.example/\r\nA: b", "https://*.example"}, Ancestors: []string{"*"}},
			"default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"},
	} {
		if got := ContentSecurityPolicy(tc.policy); got != tc.want {
			t.Errorf("%+v: %q\nwant %q", tc.policy, got, tc.want)
		}
	}
}
