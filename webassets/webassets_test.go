package webassets

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

const script = "console.log('mox');"

func compressed(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dist(t testing.TB) fstest.MapFS {
	return fstest.MapFS{
		"manifest.json":   {Data: []byte(`{"script": "main.AAAA.js", "style": "main.BBBB.css", "preload": ["chunk.CCCC.js"], "icon": "data:image/svg+xml,%3Csvg%3E"}`)},
		"main.AAAA.js.br": {Data: compressed(t, script)}, "chunk.CCCC.js.br": {Data: compressed(t, script)}, "main.BBBB.css.br": {Data: compressed(t, "a{}")},
	}
}

func newBundle(t testing.TB) *Bundle {
	t.Helper()
	b, err := New(dist(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func get(b *Bundle, method, path string, header http.Header) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Result()
}

func TestFormsOfFile(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	tags := map[string]bool{}
	for _, tc := range []struct{ accept, encoding string }{
		{"gzip, deflate, br, zstd", "br"},
		{"gzip", "gzip"},
		{"br;q=0, gzip;q=0.5", "gzip"},
		{"", ""},
		{"zstd", ""},
		{"br;q=0", ""},
	} {
		resp := get(b, "GET", "/main.AAAA.js", http.Header{"Accept-Encoding": {tc.accept}})
		if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != 200 || got != tc.encoding {
			t.Errorf("Accept-Encoding %q: got %d, encoding %q, expected 200, %q", tc.accept, resp.StatusCode, got, tc.encoding)
		}
		var body io.Reader = resp.Body
		switch tc.encoding {
		case "br":
			body = brotli.NewReader(body)
		case "gzip":
			zr, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = zr
		}
		if text, err := io.ReadAll(body); err != nil || string(text) != script {
			t.Errorf("Accept-Encoding %q: got %q, %v", tc.accept, text, err)
		}
		for name, want := range map[string]string{
			"Cache-Control": "public, max-age=31536000, immutable", "Content-Type": "text/javascript; charset=utf-8",
			"Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("Accept-Encoding %q: %s is %q, expected %q", tc.accept, name, got, want)
			}
		}
		tags[resp.Header.Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("got %d entity tags for three forms: %v", len(tags), tags)
	}
}

func TestUnchangedFileIsNotSent(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	etag := get(b, "GET", "/main.AAAA.js", http.Header{"Accept-Encoding": {"br"}}).Header.Get("ETag")
	for _, tc := range []struct {
		match string
		code  int
	}{
		{etag, 304},
		{"W/" + etag, 304},
		{`"x", ` + etag, 304},
		{"*", 304},
		{`"x"`, 200},
		{strings.Replace(etag, "-br", "-gzip", 1), 200},
		{strings.Trim(etag, `"`), 200},
	} {
		resp := get(b, "GET", "/main.AAAA.js", http.Header{"Accept-Encoding": {"br"}, "If-None-Match": {tc.match}})
		if resp.StatusCode != tc.code {
			t.Errorf("If-None-Match %s: got %d, expected %d", tc.match, resp.StatusCode, tc.code)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for _, tc := range []struct {
		method, path string
		code         int
	}{
		{"HEAD", "/main.BBBB.css", 200},
		{"POST", "/main.AAAA.js", 405},
		{"GET", "/main.AAAA.js.br", 404},
		{"GET", "/manifest.json", 404},
		{"GET", "/", 404},
		{"GET", "/x/main.AAAA.js", 404},
		{"GET", "/main.OLD.js", 404},
	} {
		resp := get(b, tc.method, tc.path, nil)
		if resp.StatusCode != tc.code {
			t.Errorf("%s %s: got %d, expected %d", tc.method, tc.path, resp.StatusCode, tc.code)
		}
		if tc.code == 404 && resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: what is missing may be kept: %q", tc.method, tc.path, resp.Header.Get("Cache-Control"))
		}
		if body, _ := io.ReadAll(resp.Body); tc.method == "HEAD" && (len(body) > 0 || resp.Header.Get("Content-Length") == "0") {
			t.Errorf("HEAD: got %d bytes, Content-Length %s", len(body), resp.Header.Get("Content-Length"))
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(fstest.MapFS){
		"manifest.json: file does not exist": func(d fstest.MapFS) { delete(d, "manifest.json") },
		"manifest.json of a page: ":          func(d fstest.MapFS) { d["manifest.json"] = &fstest.MapFile{Data: []byte("{")} },
		"names no script":                    func(d fstest.MapFS) { d["manifest.json"] = &fstest.MapFile{Data: []byte("{}")} },
		"chunk.CCCC.js is missing":           func(d fstest.MapFS) { delete(d, "chunk.CCCC.js.br") },
		"x.js is no script":                  func(d fstest.MapFS) { d["x.js"] = &fstest.MapFile{} },
		"x.html.br is no script":             func(d fstest.MapFS) { d["x.html.br"] = &fstest.MapFile{} },
	} {
		d := dist(t)
		spoil(d)
		if _, err := New(d); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, expected %q", err, name)
		}
	}
}

func TestDamagedFileIsNotSent(t *testing.T) {
	t.Parallel()
	d := dist(t)
	d["main.AAAA.js.br"].Data = d["main.AAAA.js.br"].Data[:4]
	b, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	if resp := get(b, "GET", "/main.AAAA.js", nil); resp.StatusCode != 500 || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d, %q", resp.StatusCode, resp.Header.Get("Cache-Control"))
	}
}

func TestVersionChangesWithFiles(t *testing.T) {
	t.Parallel()
	d := dist(t)
	a, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	d["manifest.json"].Data = bytes.Replace(d["manifest.json"].Data, []byte("data:"), []byte("DATA:"), 1)
	b, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	if a.Version() == b.Version() || a.Version() != newBundle(t).Version() {
		t.Errorf("versions %q and %q", a.Version(), b.Version())
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	err := newBundle(t).WritePage(w, Page{
		Title: "Mail & <more>", Lang: `ar"`, RightToLeft: true, Theme: ThemeDark, Root: "../", Styles: []string{"../custom.css"},
		Data: map[string]string{"name": "</script><script>alert(1)</script>\u2028"}, NoScript: "It needs <scripts>.",
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `<!doctype html>
<html lang="ar&#34;" dir="rtl" data-theme="dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
<meta name="color-scheme" content="dark">
<meta name="theme-color" content="#1c2127">
<title>Mail &amp; &lt;more&gt;</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg%3E">
<link rel="stylesheet" href="../assets/main.BBBB.css">
<link rel="stylesheet" href="../custom.css">
<link rel="modulepreload" href="../assets/chunk.CCCC.js">
<script type="module" src="../assets/main.AAAA.js"></script>
</head>
<body>
<script type="application/json" id="data">{"name":"\u003c/script\u003e\u003cscript\u003ealert(1)\u003c/script\u003e\u2028"}</script>
<noscript><p>It needs &lt;scripts&gt;.</p></noscript>
</body>
</html>
`
	if got := w.Body.String(); got != want {
		t.Errorf("got page:\n%s\nexpected:\n%s", got, want)
	}
	for name, want := range map[string]string{"Content-Security-Policy": Policy, "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, expected %q", name, got, want)
		}
	}
}

func TestPageFollowsSystemTheme(t *testing.T) {
	t.Parallel()
	for _, theme := range []Theme{ThemeAuto, "sepia", `"><script>`} {
		w := httptest.NewRecorder()
		if err := newBundle(t).WritePage(w, Page{Theme: theme}); err != nil {
			t.Fatal(err)
		}
		page := w.Body.String()
		if strings.Contains(page, "data-theme") || !strings.Contains(page, `content="light dark"`) || strings.Count(page, "theme-color") != 2 {
			t.Errorf("theme %q: got page:\n%s", theme, page)
		}
	}
}

func TestPageWithBadDataWritesNothing(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	if err := newBundle(t).WritePage(w, Page{Data: func() {}}); err == nil || w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("got error %v, %d bytes, headers %v", err, w.Body.Len(), w.Header())
	}
}
