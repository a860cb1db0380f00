package redirect_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"mox/http/redirect"
)

// Whatever is asked for, a redirect leads to the host it was configured for, is one line
// of ASCII, and leads away.
func FuzzLocation(f *testing.F) {
	for _, seed := range [][2]string{
		{"/go/a", "q=1"}, {"/go//evil.example", ""}, {"/go/%2F/evil.example", ""}, {`/go/\\evil.example`, ""},
		{"/go/%0d%0aSet-Cookie:a", "\r\n"}, {"//evil.example/go/", ""}, {"/go/%09/evil.example", ""}, {"/go/..//evil.example", ""},
		{"/go/@evil.example", ""}, {"*", ""}, {"", ""}, {"/go/é", "é"},
	} {
		f.Add(seed[0], seed[1])
	}
	handlers := map[string]*redirect.Handler{
		"site.example":  newHandler(f, redirect.Options{OrigPathRegexp: regexp.MustCompile("^/go/(.*)$"), ReplacePath: "/$1"}),
		"other.example": newHandler(f, redirect.Options{BaseURL: "https://other.example", OrigPathRegexp: regexp.MustCompile("^/go/"), ReplacePath: ""}),
		"third.example": newHandler(f, redirect.Options{BaseURL: "https://third.example"}),
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			u = &url.URL{Path: path}
		}
		u.Scheme, u.Host, u.RawQuery = "", "", query
		asked := &url.URL{Scheme: "https", Host: "site.example"}
		for host, h := range handlers {
			to, err := h.Location("https", "site.example", u)
			if err != nil {
				continue
			}
			for i := range len(to) {
				if to[i] <= ' ' || to[i] >= 0x7f || to[i] == '\\' {
					t.Fatalf("%q?%q: unclean location %q", path, query, to)
				}
			}
			// Browsers remove tabs and line ends, and take backslashes for slashes.
			got, err := asked.Parse(to)
			if err != nil {
				t.Fatalf("%q?%q: location %q: %v", path, query, to, err)
			}
			if got.Host != host || got.Scheme != "https" || strings.HasPrefix(to, "//") {
				t.Fatalf("%q?%q: location %q leads to %s", path, query, to, got.Host)
			}
		}
	})
}
