package static_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"mox/http/static"
)

// walk calls f with each element of a page.
func walk(n *html.Node, f func(*html.Node)) {
	if n.Type == html.ElementNode {
		f(n)
	}
	for c := range n.ChildNodes() {
		walk(c, f)
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// names returns the entries of a listing in order, having followed each link.
func names(t *testing.T, s *site, target string) []string {
	t.Helper()
	resp := s.do("GET", target)
	page, err := html.Parse(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: status %d, %v", target, resp.StatusCode, err)
	}
	base, err := url.Parse("http://localhost" + target)
	if err != nil {
		t.Fatal(err)
	}
	var l []string
	walk(page, func(n *html.Node) {
		if n.Data != "th" || attr(n, "scope") != "row" {
			return
		}
		walk(n, func(a *html.Node) {
			if a.Data != "a" {
				return
			}
			l = append(l, textOf(a))
			link, err := base.Parse(attr(a, "href"))
			if err != nil || link.Host != "localhost" {
				t.Errorf("link %q: %v", attr(a, "href"), err)
				return
			}
			if status := s.do("GET", link.RequestURI()).StatusCode; status != 200 {
				t.Errorf("link %q of %q: status %d", link, textOf(a), status)
			}
		})
	})
	return l
}

func TestListing(t *testing.T) {
	t.Parallel()
	rootDir, _ := plant(t)
	s := newSite(t, static.Options{Root: rootDir, ListFiles: true, StripPrefix: "/docs"})
	// What is hidden, special, dangling or outside is not shown.
	want := []string{"link-dir-inside/", "link-index/", "sub/", "file.txt", "link-compressed", "link-inside"}
	if got := names(t, s, "/docs/"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	none := newSite(t, static.Options{Root: rootDir, ListFiles: true, Symlinks: static.SymlinksNone})
	if got := names(t, none, "/"); !slices.Equal(got, []string{"link-index/", "sub/", "file.txt", "link-compressed"}) {
		t.Errorf("without links: %q", got)
	}
	hidden := newSite(t, static.Options{Root: rootDir, ListFiles: true, ShowHidden: true, Symlinks: static.SymlinksNone})
	if got := names(t, hidden, "/"); !slices.Contains(got, ".htpasswd") || !slices.Contains(got, ".git/") {
		t.Errorf("with hidden ones: %q", got)
	}
}

func TestListingNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{ListFiles: true})
	odd := []string{"<script>alert(1)<", `"onmouseover="x`, "'quotes'", "a&amp;b", "a b", "a?b=c", "a#b", "a%2fb", "a:b", "javascript:alert(1)", "ünïcode", "{{.Path}}", "C:", "-->", "`x`", "a;b"}
	for _, name := range odd {
		s.write(name, "x", time.Time{})
	}
	s.write("dir<b>/x:y/file.txt", "x", time.Time{})
	slices.Sort(odd)
	got := names(t, s, "/")
	if got[0] != "dir<b>/" {
		t.Errorf("directories come first: %q", got)
	}
	rest := slices.Sorted(slices.Values(got[1:]))
	if !slices.Equal(rest, odd) {
		t.Errorf("got %q, want %q", rest, odd)
	}
	if got := names(t, s, "/dir%3Cb%3E/"); !slices.Equal(got, []string{"x:y/"}) {
		t.Errorf("got %q", got)
	}
}

func TestListingSort(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{ListFiles: true})
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	s.write("b", "1", day(1))
	s.write("A", "333", day(2))
	s.write("c", "22", day(3))
	s.write("d", "22", day(3))
	s.write("z/x", "", day(1))
	for query, want := range map[string]string{
		"": "z/ A b c d", "?sort=name": "z/ A b c d", "?sort=name&order=desc": "z/ d c b A", "?sort=size": "z/ b c d A", "?sort=size&order=desc": "z/ A c d b",
		"?sort=modified": "z/ b A c d", "?sort=modified&order=desc": "z/ c d A b",
		"?sort=<script>": "z/ A b c d", "?sort=size;order": "z/ A b c d", "?%zz": "z/ A b c d", "?order=desc": "z/ A b c d",
	} {
		if got := strings.Join(names(t, s, "/"+query), " "); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
}

// The page is whole without anything from elsewhere, and can be read without seeing it.
func TestListingPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{ListFiles: true, CacheControl: "max-age=9999", ResponseHeaders: http.Header{"X-Own": {"1"}}})
	s.write("sub/dir/file.txt", strings.Repeat("x", 1_500_000), time.Time{})
	resp := s.do("GET", "/sub/dir/?sort=size")
	h := resp.Header
	page, err := html.Parse(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-cache" || h.Get("X-Own") != "1" {
		t.Errorf("header %v", h)
	}
	found := map[string]int{}
	var style, all string
	walk(page, func(n *html.Node) {
		found[n.Data]++
		switch n.Data {
		case "style":
			style = textOf(n)
		case "html":
			all = textOf(n)
			if attr(n, "lang") != "en" {
				t.Error("no language")
			}
		case "th":
			if attr(n, "scope") == "" {
				t.Error("heading without scope")
			}
			if sort := attr(n, "aria-sort"); (sort == "ascending") != (attr(n, "scope") == "col" && strings.HasPrefix(textOf(n), "Size")) {
				t.Errorf("%s: sorted %q", textOf(n), sort)
			}
		case "time":
			if attr(n, "datetime") != "2026-03-04T05:06:07Z" || textOf(n) != "2026-03-04 05:06" {
				t.Errorf("time %q, %q", attr(n, "datetime"), textOf(n))
			}
		case "data":
			if attr(n, "value") != "1500000" || textOf(n) != "1.4 MiB" {
				t.Errorf("size %q, %q", attr(n, "value"), textOf(n))
			}
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src" {
				t.Errorf("attribute %s", a.Key)
			}
		}
	})
	for _, element := range []string{"main", "h1", "nav", "table", "caption", "title"} {
		if found[element] != 1 {
			t.Errorf("%d elements %s", found[element], element)
		}
	}
	if found["script"] != 0 || found["link"] != 0 || !strings.Contains(all, "Index of /sub/dir/") || !strings.Contains(all, "1 file.") {
		t.Errorf("page: %v, %s", found, all)
	}
	sum := sha256.Sum256([]byte(style))
	if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if !strings.Contains(style, "prefers-color-scheme: dark") {
		t.Error("no dark colours")
	}
	etag := h.Get("ETag")
	if again := s.do("GET", "/sub/dir/?sort=size", "If-None-Match", etag); again.StatusCode != 304 {
		t.Errorf("again: status %d", again.StatusCode)
	}
	s.write("sub/dir/file.txt", "y", time.Time{})
	if again := s.do("GET", "/sub/dir/?sort=size", "If-None-Match", etag); again.StatusCode != 200 {
		t.Errorf("after a change: status %d", again.StatusCode)
	}
}

func TestListingIsBoundedAndCompressed(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{ListFiles: true, Compress: true})
	for i := range 5100 {
		if err := os.WriteFile(filepath.Join(s.dir, fmt.Sprintf("file-%04d", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	resp := s.do("GET", "/", "Accept-Encoding", "gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("header %v", resp.Header)
	}
	page := body(t, resp)
	if n := strings.Count(page, "<tr>"); n != 5001 || !strings.Contains(page, "only 5000 entries are shown") {
		t.Errorf("%d rows", n)
	}
}
