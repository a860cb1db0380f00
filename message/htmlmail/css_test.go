package htmlmail

import (
	"strings"
	"testing"
)

func testStyler() *styler {
	return &styler{rules: 100, image: func(url string) (string, bool) { return "https://mail.invalid/part/" + url, url != "blocked" }}
}

func TestStyleAttribute(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ input, want string }{
		{"", ""},
		{"COLOR : Red ; margin:0 auto!important", "color:Red;margin:0 auto!important"},
		{"font-family:'Helvetica Neue', \"Arial\", sans-serif;font:12px/1.5 Arial", `font-family:"Helvetica Neue", "Arial", sans-serif;font:12px / 1.5 Arial`},
		{"width:calc(100% - 2 * (10px + 1em))", "width:calc(100% - 2 * (10px + 1em))"},
		{"background:linear-gradient(to right,#FFF 0%,rgba(0,0,0,.5))", "background:linear-gradient(to right,#FFF 0%,rgba(0,0,0,.5))"},
		{"c\\6flor:red;col\\or:blue", "color:red;color:blue"},
		{"color:r/**/ed;/* margin:0;*/padding:1px", "color:r ed;padding:1px"},
		{"color:red;margin", "color:red"},
		{";;color:red;;:;a:b;color", "color:red"},
		{"color:red}margin:0", "color:red;margin:0"},
		{"a{color:red}margin:0;padding:0", "padding:0"},
		{"a:(;color:red);margin:0", "margin:0"},
		{"margin:0 -5px +.5em 1e3px", "margin:0 -5px +.5em 1e3px"},
		{"background:url(a) no-repeat,url( \"b\" )", `background:url("https://mail.invalid/part/a") no-repeat,url("https://mail.invalid/part/b")`},
		{"background:url(blocked) red", "background:none red"},
		{"background-image:url(a\\)b)", `background-image:url("https://mail.invalid/part/a)b")`},
		{"table-layout:fixed", "table-layout:fixed"}, {"color:javascript", ""}, {"background:url", ""},
		{"color:url(a)", ""}, {"background:url(a b)", ""}, {"background:url('a)", ""}, {"background:url('a' b)", ""}, {"background:url(a\"b)", ""},
		{"background:foo(a)", ""}, {"color:#ggg", ""}, {"color:#12345", ""}, {"width:1x\\20 y", ""}, {"color:red;x", "color:red"}, {"margin:", ""},
		{"position:relative", "position:relative"}, {"position:fixed", ""}, {"position:FIXED", ""}, {"position:absolute!important", ""},
		{"content:\"x\"", ""}, {"content:''", `content:""`}, {"cursor:wait", ""}, {"--a:b", ""}, {"color:var(--a)", ""}, {"z-index:1", ""},
		{"color:a;b:c\"d;e\";margin:0", "color:a;margin:0"},
		{"color:\"a\nb;margin:0", "margin:0"},
		{"color:@x;margin:0", "margin:0"}, {"color:a:b", ""}, {"color:a=b", ""}, {"color:<!--", ""}, {"color:a]", ""}, {"color:a)", ""},
		{"font-family:\"</style>\"", `font-family:"\3c /style\3e "`},
		{"font-family:\\3c b", `font-family:\3c b`},
		{strings.Repeat("color:red;", 3), "color:red;color:red;color:red"},
	} {
		got := testStyler().attribute(tc.input)
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.input, got, tc.want)
		}
		plain := &styler{image: func(url string) (string, bool) { return url, true }}
		if again := plain.attribute(got); again != got {
			t.Errorf("%q: %q is read as %q", tc.input, got, again)
		}
	}
}

func TestStyleSheet(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ input, want string }{
		{"p{color:red}", "p{color:red;}"},
		{"P.a > b , #x:first-child+A:hover{color:red}", "p.a > b,#m-x:first-child+a:hover{color:red;}"},
		{"td[class=\"a b\"],td[ width = '1' ],[align]{color:red}", `td[class="a b"],td[width="1"],[align]{color:red;}`},
		{"p:nth-child(2n+1),p:nth-of-type(odd)::before{color:red}", "p:nth-child(2n+1),p:nth-of-type(odd)::before{color:red;}"},
		{"p{color:red}q{}r{color:red}s{x:y}", "p{color:red;}"},
		{"p,script,[href],.mox-x,p:visited,p:not(a),o\\:p,a|b,p::selection{color:red}", "p{color:red;}"},
		{"[class^=m]{color:red}[class*=blocked]{color:red}[title^=a]{color:red}", ""},
		{"p{color:red;} @media print { p { color:blue } @media (min-width:1px) and (max-width: 2px){q{color:red}} }", "p{color:red;}\n@media print{p{color:blue;}\n@media (min-width:1px) and (max-width: 2px){q{color:red;}\n}\n}"},
		{"@media screen and(max-width:1px){p{color:red}}", "@media screen and (max-width:1px){p{color:red;}\n}"},
		{"@media x{}@media {p{color:red}}@media foo(1){p{color:red}}@media (a<b){p{color:red}}@media ){p{color:red}}", ""},
		{"@import 'x';@import url(x);@charset 'x';p{color:red}", "p{color:red;}"},
		{"@font-face{a:b}@keyframes x{from{a:b}to{a:b}}@page{a:b}@supports(a:b){p{color:red}}q{color:red}", "q{color:red;}"},
		{"@import 'x' p{color:red} q{color:red}", "q{color:red;}"},
		{"<!-- p{color:red} -->", "p{color:red;}"},
		{"p{a{color:red}margin:0;padding:0}", "p{padding:0;}"},
		{"p{color:red", "p{color:red;}"},
		{"}p{color:red}", ""},
		{"p{color:red}}q{color:red}r{color:red}", "p{color:red;}"},
		{"p{background:url(a)}p:hover{background:url(a)}", "p{background:url(\"https://mail.invalid/part/a\");}\np:hover{background:none;}"},
		{".\\31 a,.-\\31 b{color:red}", `.\31 a,.-\31 b{color:red;}`},
	} {
		got := strings.TrimSuffix(string(testStyler().sheet(nil, tc.input)), "\n")
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.input, got, tc.want)
		}
	}
	s := testStyler()
	s.rules = 2
	if got := string(s.sheet(nil, "p{color:red}q{color:red}a{color:red}")); strings.Count(got, "{") != 2 {
		t.Errorf("of two rules allowed: %q", got)
	}
}

func TestStyleMedia(t *testing.T) {
	t.Parallel()
	doc := sanitized(t, `<style media="print">p{color:red}</style><style media="all">q{color:red}</style><style media="{}">b{color:red}</style>`, Options{})
	if !strings.Contains(doc.HTML, "<style>@media print{\np{color:red;}\n}\nq{color:red;}\n.mox") {
		t.Errorf("%q", doc.HTML)
	}
}
