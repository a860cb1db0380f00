package htmlmail

import (
	"slices"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ input, want string }{ // Without want it is refused.
		{"http://example.org", "http://example.org/"},
		{"  HTTPS://EXAMPLE.org/A?b=c&d=%41#e ", "https://example.org/A?b=c&d=%41#e"},
		{"http:example.org", "http://example.org/"},
		{`https:\\example.org\a?b\c`, `https://example.org/a?b%5Cc`},
		{"//example.org/a", "https://example.org/a"},
		{`\/example.org/a`, "https://example.org/a"},
		{"www.example.org/a b", "http://www.example.org/a%20b"},
		{"ht\ntp://exa\tmple.org/\r\n", "http://example.org/"},
		{"https://user:pass@example.org/", "https://example.org/"},
		{"https://good.example@evil.example/", "https://evil.example/"},
		{`https://good.example\@evil.example/`, "https://good.example/@evil.example/"},
		{"https://good.example#@evil.example/", "https://good.example/#@evil.example/"},
		{"https://bücher.example/ä?ö", "https://xn--bcher-kva.example/%C3%A4?%C3%B6"},
		{"https://example.org:8443/", "https://example.org:8443/"},
		{"https://[2001:DB8::1]/", "https://[2001:db8::1]/"},
		{"https://e%78ample.org/100%", "https://example.org/100%25"},
		{"https://example.org/\"<>'`", "https://example.org/%22%3C%3E'%60"},
		{"mailto:a@example.org?subject=a b", "mailto:a@example.org?subject=a%20b"},
		{"tel:+49 1", "tel:+49%201"},
		{"cid:a@b", "cid:a@b"},
		{"#a b", "#a%20b"},
		{"", ""}, {"a", ""}, {"/a", ""}, {"a/b:c", ""}, {"javascript:alert(1)", ""}, {"java\nscript:x", ""}, {"\x01javascript:x", ""},
		{"vbscript:x", ""}, {"file:///x", ""}, {"ftp://example.org/", ""}, {"http:", ""}, {"http://", ""}, {"http://./", ""}, {"http://a b/", ""},
		{"http://exa%00mple.org/", ""}, {"http://exa%2Fmple.org/", ""}, {"http://example.org:99x/", ""}, {"http://example.org:999999/", ""},
		{"http://[::1", ""}, {"http://[::1%25eth0]/", ""}, {"http://[1.2.3.4]/", ""}, {"mailto:", ""}, {"http://" + strings.Repeat("a", 300), ""},
		{"http://example.org/" + strings.Repeat("a", maxURL), ""},
	} {
		u, ok := parseTarget(tc.input)
		if ok != (tc.want != "") || ok && u.String() != tc.want {
			t.Errorf("%q: %q %v, want %q", tc.input, u, ok, tc.want)
		}
		if ok {
			if again, ok := parseTarget(u.String()); !ok || again.String() != u.String() {
				t.Errorf("%q: read again it is %q", u, again)
			}
		}
	}
}

func TestDataImage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ input, want string }{
		{"data:image/png;base64,AAAA", "data:image/png;base64,AAAA"},
		{"DATA:Image/JPG;charset=x;Base64,AA AA\nAA==", "data:image/jpeg;base64,AAAAAA=="},
		{"data:image/gif;base64,AA%2BA%3D", "data:image/gif;base64,AA+A"},
		{"data:image/svg+xml;base64,AAAA", ""}, {"data:text/html;base64,AAAA", ""}, {"data:image/png,AAAA", ""}, {"data:image/png;base64", ""},
		{"data:;base64,AAAA", ""}, {"data:image/png;base64,", ""}, {"data:image/png;base64,A", ""}, {"data:image/png;base64,AA\"A", ""},
		{"data:image/png;base64,AA%zz", ""}, {"data:image/png;base64," + strings.Repeat("A", 2000), ""},
	} {
		u, ok := parseTarget(tc.input)
		if !ok {
			t.Fatalf("%q is no URL", tc.input)
		}
		if got, _ := u.dataImage(1000); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.input, got, tc.want)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		input string
		want  Link
	}{
		{`<a href="https://example.org/a">here</a>`, Link{URL: "https://example.org/a", Host: "example.org", Text: "here"}},
		{`<a href="https://example.org/a">https://www.example.org/b</a>`, Link{URL: "https://example.org/a", Host: "example.org", Text: "https://www.example.org/b"}},
		{`<a href="https://evil.example.net/">https://<b>bank</b>.example.com/login</a>`, Link{URL: "https://evil.example.net/", Host: "evil.example.net", Text: "https://bank.example.com/login", TextHost: "bank.example.com"}},
		{`<a href="https://evil.net/">Go to Bank.com.</a>`, Link{URL: "https://evil.net/", Host: "evil.net", Text: "Go to Bank.com.", TextHost: "bank.com"}},
		{`<a href="https://evil.net/">www.bank.co.uk</a>`, Link{URL: "https://evil.net/", Host: "evil.net", Text: "www.bank.co.uk", TextHost: "www.bank.co.uk"}},
		{`<a href="https://bank.com.evil.net/">bank.com</a>`, Link{URL: "https://bank.com.evil.net/", Host: "bank.com.evil.net", Text: "bank.com", TextHost: "bank.com"}},
		{`<a href="https://bank.com@evil.net/">x</a>`, Link{URL: "https://evil.net/", Host: "evil.net", Text: "x", Userinfo: true}},
		{`<a href="https://127.0.0.1/">bank.com</a>`, Link{URL: "https://127.0.0.1/", Host: "127.0.0.1", Text: "bank.com", TextHost: "bank.com"}},
		{`<a href="https://раура.com/">x</a>`, Link{URL: "https://xn--80aa0cbo.com/", Host: "xn--80aa0cbo.com", Text: "x", Lookalike: "paypa.com"}},
		{`<a href="https://bücher.de/">x</a>`, Link{URL: "https://xn--bcher-kva.de/", Host: "xn--bcher-kva.de", Text: "x"}},
		{`<a href="https://москва.com/">x</a>`, Link{URL: "https://xn--80adxhks.com/", Host: "xn--80adxhks.com", Text: "x"}},
		{`<a href="https://example.org/">version 1.2 of file.tar.gz, e.g. this</a>`, Link{URL: "https://example.org/", Host: "example.org", Text: "version 1.2 of file.tar.gz, e.g. this"}},
		{`<a href="mailto:joe@example.org?subject=x">joe@example.org</a>`, Link{URL: "mailto:joe@example.org?subject=x", Host: "example.org", Text: "joe@example.org"}},
		{`<a href="mailto:joe@evil.net">joe@bank.com</a>`, Link{URL: "mailto:joe@evil.net", Host: "evil.net", Text: "joe@bank.com", TextHost: "bank.com"}},
		{`<a href="tel:+1">bank.com</a>`, Link{URL: "tel:+1", Text: "bank.com"}},
		{`<a href="https://evil.net/"><img alt="bank.com"></a>`, Link{URL: "https://evil.net/", Host: "evil.net", Text: "bank.com", TextHost: "bank.com"}},
		{`<map name=x><area href="https://evil.net/" alt=y></map>`, Link{URL: "https://evil.net/", Host: "evil.net", Text: "y"}},
	} {
		doc := sanitized(t, tc.input, Options{})
		if !slices.Equal(doc.Links, []Link{tc.want}) {
			t.Errorf("%s: %+v", tc.input, doc.Links)
			continue
		}
		if suspicious := tc.want.TextHost != "" || tc.want.Userinfo || tc.want.Lookalike != ""; doc.Links[0].Suspicious() != suspicious {
			t.Errorf("%s: suspicious must be %v", tc.input, suspicious)
		}
		if !strings.Contains(doc.Body, `title="`+tc.want.URL+`"`) {
			t.Errorf("%s: target is not shown in %q", tc.input, doc.Body)
		}
	}
	policy := func(l Link) (string, bool) { return "https://mail.invalid/?" + l.URL, l.Host != "evil.net" }
	doc := sanitized(t, `<a href=http://evil.net/>a</a><a href=http://good.net/>b</a>`, Options{LinkPolicy: policy})
	if want := `<a>a</a><a href="https://mail.invalid/?http://good.net/" rel="noopener noreferrer nofollow" target="_blank" title="http://good.net/">b</a>`; doc.Body != want || len(doc.Links) != 2 {
		t.Errorf("with a policy: %q", doc.Body)
	}
}

func TestMixedScripts(t *testing.T) {
	t.Parallel()
	const mark = `<span class="mox-mixed" title="Latin and Cyrillic">`
	for _, tc := range []struct {
		input, want string
		words       []string
	}{
		{"pаypal", mark + "pаypal</span>", []string{"pаypal"}},
		{"go to pаypal now", "go to " + mark + "pаypal</span> now", []string{"pаypal"}},
		{"p<b>а</b>ypal x", mark + "p</span><b>" + mark + "а</span></b>" + mark + "ypal</span> x", []string{"pаypal"}},
		{"p\u200bа\u00adl", mark + "p\u200bа\u00adl</span>", []string{"p\u200bа\u00adl"}},
		{"p<p>а</p>", "p<p>а</p>", nil},
		{"p<br>а", "p<br/>а", nil},
		{"Привет world, naïve café", "Привет world, naïve café", nil},
		{"5 μm, kΩ, π2r, 日本語text, Straße", "5 μm, kΩ, π2r, 日本語text, Straße", nil},
		{"ΑΒC", `<span class="mox-mixed" title="Latin and Greek">ΑΒC</span>`, []string{"ΑΒC"}},
		{"it-сектор", "it-сектор", nil},
		{"<pre>а b</pre>", "<pre>а b</pre>", nil},
	} {
		doc := sanitized(t, tc.input, Options{})
		if doc.Body != tc.want || !slices.Equal(doc.Mixed, tc.words) {
			t.Errorf("%q: %q, words %q\nwant %q", tc.input, doc.Body, doc.Mixed, tc.want)
		}
	}
	if doc := sanitized(t, "pаypal gооgle  pаypal", Options{}); doc.Body != mark+"pаypal gооgle</span>  "+mark+"pаypal</span>" {
		t.Errorf("words side by side: %q", doc.Body)
	}
	few := New(Limits{Marks: 2})
	for input, want := range map[string]bool{"pаypal x pаypal": false, "pаypal x pаypal x pаypal": true} {
		doc := few.FromText(input, TextOptions{})
		if n := strings.Count(doc.Body, mark); n != 2 || doc.Exceeded.Has(ExceededMarks) != want || strings.Contains(doc.HTML, `<body class="mox-unmarked">`) != want {
			t.Errorf("%q: %d marks, exceeded %b: %s", input, n, doc.Exceeded, doc.HTML)
		}
		check(t, input, doc.HTML, false)
	}
	if len([]rune(confusable)) != len(confusableAs) {
		t.Errorf("%d letters look like %d", len([]rune(confusable)), len(confusableAs))
	}
}
