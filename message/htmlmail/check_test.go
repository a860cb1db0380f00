package htmlmail

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// The checks in this file share no list and no parser of URLs and styles with the package.

// shown lists the elements that may be in a document.
const shown = ` html head body style details summary a abbr acronym address area article aside b bdi big blockquote br caption center
 cite code col colgroup dd del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main map mark nav
 ol p pre q s samp section small span strike strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr `

var (
	harmlessHref  = regexp.MustCompile(`^(https?://[a-z0-9._\[\]:-]+/[!-~]*|mailto:[!-~]+|tel:[!-~]+|#m-[!-~]*)$`)
	harmlessData  = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp|bmp|avif);base64,[A-Za-z0-9+/]+={0,2}$`)
	remoteImage   = regexp.MustCompile(`^https?://[a-z0-9._\[\]:-]+/[!-~]*$`)
	mappedImage   = regexp.MustCompile(`^https://mail\.invalid/part/[!-~]*$`)
	harmlessValue = regexp.MustCompile(`^[\w#%.,() *+-]*$`)
	harmlessText  = regexp.MustCompile(`^(alt|title|aria-label|summary|abbr|axis|face|class)$`)
	namedValue    = regexp.MustCompile(`^#?m-\S+$`)
	plainValue    = regexp.MustCompile(`^(align|valign|width|height|bgcolor|color|border|bordercolor|cellpadding|cellspacing|colspan|rowspan|span|size|start|value|` +
		`type|clear|compact|nowrap|noshade|shape|coords|nohref|ismap|hspace|vspace|dir|lang|role|hidden|aria-hidden|reversed|scope|rules|frame|char|charoff|wrap|` +
		`text|link|alink|vlink|leftmargin|topmargin|rightmargin|bottommargin|marginwidth|marginheight)$`)

	cssEscape    = regexp.MustCompile(`\\([0-9a-fA-F]{1,6})\s?|\\(.)`)
	cssStrings   = regexp.MustCompile(`"(\\.|[^"\\])*"`)
	cssClass     = regexp.MustCompile(`\.[A-Za-z_-][\w-]*`)
	cssAddresses = regexp.MustCompile(`url\("([^"\\]*)"\)`)
	cssDanger    = regexp.MustCompile(`(url|expression|image-set|image|attr|var|env|element|paint|cross-fade|src)\(` +
		`|@(import|font-face|charset|namespace|keyframes|document|supports|layer|container|property|page)` +
		`|(^|[;{])\s*(behaviou?r|-moz-binding|filter|mask|animation|transform|transition|z-index|pointer-events|-o-link|clip-path|cursor:url|border-image|--)[a-z-]*\s*:` +
		`|position:[^;}]*(fixed|sticky|absolute)|javascript|vbscript|progid|data:|<|\\|/\*` +
		`|:(visited|has|is|not|where|target|checked)|\[(href|src|title|value|alt|id|name|style)`)
)

// checkDocument returns what is wrong with a document as browsers would parse it.
func checkDocument(markup string, remote bool) []string {
	var problems []string
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, scripting := range []bool{false, true} {
		root, err := html.ParseWithOptions(strings.NewReader(markup), html.ParseOptionEnableScripting(scripting))
		if err != nil {
			bad("parsing: %v", err)
			return problems
		}
		var b strings.Builder
		if err := html.Render(&b, root); err != nil || b.String() != markup {
			bad("rendered again (scripting %v) it is another document: %v", scripting, err)
		}
		for n := range root.Descendants() {
			checkNode(n, remote, bad)
		}
	}
	lower := strings.ToLower(markup)
	for _, s := range []string{"<script", "<svg", "<math", "<iframe", "<!--", "<form", "<input", "<base", "<meta", "<link", "<object", "<embed", "<template", "<noscript", "\x00"} {
		if strings.Contains(lower, s) {
			bad("the bytes hold %q", s)
		}
	}
	return problems
}

func checkNode(n *html.Node, remote bool, bad func(string, ...any)) {
	switch n.Type {
	case html.DoctypeNode:
		if n.Data != "html" || len(n.Attr) > 0 {
			bad("doctype %q %v", n.Data, n.Attr)
		}
		return
	case html.TextNode:
		if n.Parent.Data == "style" {
			checkStyle(n.Data, remote, bad)
		}
		return
	case html.ElementNode:
	default:
		bad("node of type %v: %q", n.Type, n.Data)
		return
	}
	if n.Namespace != "" || !strings.Contains(shown, " "+n.Data+" ") && !strings.Contains(shown, "\n"+n.Data+" ") && !strings.Contains(shown, " "+n.Data+"\n") {
		bad("element %s %s", n.Namespace, n.Data)
	}
	for _, a := range n.Attr {
		if problem := checkAttribute(n, a, remote, bad); problem != "" {
			bad("<%s %s=%q>: %s", n.Data, a.Key, a.Val, problem)
		}
	}
}

func checkAttribute(n *html.Node, a html.Attribute, remote bool, bad func(string, ...any)) string {
	switch {
	case a.Namespace != "" || strings.HasPrefix(a.Key, "on"):
		return "handler or namespace"
	case a.Key == "href":
		if !harmlessHref.MatchString(a.Val) || n.Data != "a" && n.Data != "area" {
			return "href"
		}
		if a.Val[0] != '#' && (attr(n, "target") != "_blank" || attr(n, "rel") != "noopener noreferrer nofollow") {
			return "no rel or target"
		}
	case a.Key == "src" || a.Key == "background":
		if a.Key == "src" && n.Data != "img" {
			return "src"
		}
		if !harmlessData.MatchString(a.Val) && !mappedImage.MatchString(a.Val) && !(remote && remoteImage.MatchString(a.Val)) {
			return "image"
		}
	case a.Key == "style":
		checkStyle(a.Val, remote, bad)
	case a.Key == "id" || a.Key == "name" || a.Key == "usemap":
		if !namedValue.MatchString(a.Val) {
			return "name without prefix"
		}
	case a.Key == "rel" || a.Key == "target" || a.Key == "referrerpolicy":
		if a.Val != "noopener noreferrer nofollow" && a.Val != "_blank" && a.Val != "no-referrer" {
			return "value"
		}
	case harmlessText.MatchString(a.Key):
	case plainValue.MatchString(a.Key):
		if !harmlessValue.MatchString(a.Val) {
			return "value"
		}
	default:
		return "unknown attribute"
	}
	return ""
}

// checkStyle looks for what styles must not have, with strings taken away and then all escapes resolved.
func checkStyle(s string, remote bool, bad func(string, ...any)) {
	s = strings.TrimSuffix(s, ownStyle)
	rest := cssAddresses.ReplaceAllStringFunc(s, func(m string) string {
		u := cssAddresses.FindStringSubmatch(m)[1]
		if harmlessData.MatchString(u) || mappedImage.MatchString(u) || remote && remoteImage.MatchString(u) {
			return "none"
		}
		return m
	})
	if strings.Contains(s, "<") {
		bad("style with <: %q", s)
	}
	rest = cssStrings.ReplaceAllString(rest, `""`)
	rest = cssEscape.ReplaceAllStringFunc(rest, func(m string) string {
		sub := cssEscape.FindStringSubmatch(m)
		if sub[2] != "" {
			return sub[2]
		}
		n, _ := strconv.ParseInt(sub[1], 16, 32)
		if n < '0' || n == '<' || n == '>' {
			return "." // As part of a name it is nothing else.
		}
		return string(rune(n))
	})
	rest = cssClass.ReplaceAllString(rest, ".x")
	if m := cssDanger.FindString(strings.ToLower(rest)); m != "" {
		bad("style with %q: %q", m, s)
	}
	depth := 0
	for _, c := range rest {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 {
		bad("style with braces that do not match: %q", s)
	}
}

// testCID gives each part an address that mappedImage matches.
func testCID(id string) (string, bool) {
	return "https://mail.invalid/part/" + escapeURL(id), id != "missing"
}

func check(t *testing.T, input, markup string, remote bool) {
	t.Helper()
	for _, problem := range checkDocument(markup, remote) {
		t.Errorf("%q\nbecame %q:\n%s", cutText(input, 500), cutText(markup, 3000), problem)
	}
}

// A check that finds nothing checks nothing.
func TestChecksBite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ body, problem string }{
		{`<script>x</script>`, "element  script"},
		{`<img src="x" onerror="y"/>`, "handler"},
		{`<img src="https://evil.example/"/>`, "image"},
		{`<img src="data:image/svg+xml;base64,AAAA"/>`, "image"},
		{`<a href="javascript:x">x</a>`, "href"},
		{`<a href="https://example.org/">x</a>`, "no rel"},
		{`<p id="x">x</p>`, "prefix"},
		{`<p style="background:url(&#34;https://evil.example/&#34;)">x</p>`, "url("},
		{`<p style="b:\75 rl(x)">x</p>`, "url("},
		{`<p style="position:fixed">x</p>`, "position:fixed"},
		{`<p style="color:red}">x</p>`, "braces"},
		{`<p srcset="x">x</p>`, "unknown attribute"},
		{`<svg></svg>`, "element svg"},
		{`<!-- x -->`, "node of type"},
		{`<form></form>`, "element  form"},
		{`<p><div>x</div></p>`, "another document"},
		{`<style>a{b:url(x)}</style>`, "url("},
		{`<meta charset="utf-8"/>`, "element  meta"},
	} {
		problems := checkDocument("<!DOCTYPE html><html><head></head><body>"+tc.body+"</body></html>", false)
		if !strings.Contains(strings.Join(problems, "\n"), tc.problem) {
			t.Errorf("%s: found %q, want %q", tc.body, problems, tc.problem)
		}
	}
	good := `<!DOCTYPE html><html><head></head><body><p style="color:red">x &lt;y&gt;</p></body></html>`
	if problems := checkDocument(good, false); len(problems) > 0 {
		t.Errorf("found %q in a good document", problems)
	}
}
