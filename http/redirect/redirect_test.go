package redirect_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"mox/http/redirect"
)

func newHandler(t testing.TB, opts redirect.Options) *redirect.Handler {
	t.Helper()
	h, err := redirect.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// get asks for a target as a client would, without the cleaning that clients do.
func get(t testing.TB, h http.Handler, method, scheme, host, target string) *http.Response {
	t.Helper()
	r := &http.Request{Method: method, Host: host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}}
	if scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	var err error
	if r.URL, err = url.ParseRequestURI(target); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	const base = "https://other.example"
	for _, tc := range []struct {
		name              string
		base, orig, place string
		target            string // On https://site.example.
		location          string // Or the code, where there is none.
	}{
		{"all paths", base, "", "", "/a/b", base + "/a/b"},
		{"query", base, "", "", "/a?x=1&y=%2F", base + "/a?x=1&y=%2F"},
		{"queries", base + "/?k=v#f", "", "", "/a?x=1", base + "/a?k=v&x=1#f"},
		{"query of the base", base + "?k=v", "", "", "/", base + "/?k=v"},
		{"encoding is kept", base, "", "", "/a%2Fb%20c", base + "/a%2Fb%20c"},
		{"not ASCII", base, "", "", "/\xc3\xa9?\xc3\xa9", base + "/%C3%A9?%C3%A9"},
		{"port", "http://other.example:8080", "", "", "/", "http://other.example:8080/"},
		{"rewritten", "", "^/old/(.*)$", "/new/$1", "/old/a?q", "/new/a?q"},
		{"rewritten elsewhere", base, "^/old/(?P<rest>.*)$", "/new/${rest}", "/old/a", base + "/new/a"},
		{"only what matches", "", "^/old/", "/new/", "/old/a/old/", "/new/a/old/"},
		{"no match", "", "^/old/(.*)$", "/new/$1", "/other", "404"},
		{"same host, other path", "https://site.example", "^/a$", "/b", "/a", "https://site.example/b"},
		{"other scheme", "http://site.example", "", "", "/a", "http://site.example/a"},

		{"itself", "https://site.example", "", "", "/a?b", "508"},
		{"itself by another spelling", "https://SITE.example.:443", "", "", "/a?b", "508"},
		{"itself by rewriting", "", "^/(.*)$", "/$1", "/a", "508"},
		{"itself, encoded", "", "^/(.*)$", "/$1", "/%61", "508"},
		{"slash in the path", "", "^/go/(.*)$", "$1", "/go//evil.example/", "/evil.example/"},
		{"host in the path", "", "^/go/(.*)$", "$1", "/go///evil.example/", "400"},
		{"host in the path by rewriting", "", "^/go/(.*)$", "/$1", "/go//evil.example/", "400"},
		{"backslash", "", "^/go/(.*)$", "/$1", `/go/%5Cevil.example/`, "/%5Cevil.example/"},
		{"backslash as it is", "", "^/go/(.*)$", "/$1", `/go/\evil.example/`, "/%5Cevil.example/"},
		{"line ends", "", "^/go/((?s:.*))$", "/$1", "/go/%0d%0aSet-Cookie:%20a=b", "/%0D%0ASet-Cookie:%20a=b"},
		{"tab", "", "^/go/(.*)$", "/$1", "/go/%09/evil.example", "/%09/evil.example"},
		{"user name from the path", base, "^/go/(.*)$", "$1", "/go/@evil.example", base + "/@evil.example"},
		{"domain from the path", base, "^/go/(.*)$", "$1", "/go/.evil.example", base + "/.evil.example"},
		{"host in the path of a base", base, "", "", "//evil.example/a", base + "//evil.example/a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			opts := redirect.Options{BaseURL: tc.base, ReplacePath: tc.place}
			if tc.orig != "" {
				opts.OrigPathRegexp = regexp.MustCompile(tc.orig)
			}
			resp := get(t, newHandler(t, opts), "GET", "https", "site.example", tc.target)
			if len(tc.location) == 3 {
				if got := resp.Status[:3]; got != tc.location || resp.Header.Get("Location") != "" {
					t.Fatalf("got %s to %q, want %s", got, resp.Header.Get("Location"), tc.location)
				}
				return
			}
			if got := resp.Header.Get("Location"); got != tc.location || resp.StatusCode != http.StatusPermanentRedirect {
				t.Fatalf("got %d to %q, want 308 to %q", resp.StatusCode, got, tc.location)
			}
		})
	}
}

// Bytes that end a line come in queries from HTTP/2.
func TestQueriesWithControlCharactersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHandler(t, redirect.Options{BaseURL: "https://other.example"})
	for _, q := range []string{"a\r\nSet-Cookie: b", "a b", "a\x00", "a\x7f"} {
		if to, err := h.Location("https", "site.example", &url.URL{Path: "/", RawQuery: q}); err == nil {
			t.Errorf("query %q: redirected to %q", q, to)
		}
	}
}

func TestDomain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ to, location string }{
		{"other.example", "https://other.example/a?b"},
		{"other.example:8443", "https://other.example:8443/a?b"},
		{"http://other.example", "http://other.example/a?b"},
		{"[2001:db8::1]:8443", "https://[2001:db8::1]:8443/a?b"},
		{"", ""},
		{"other.example/path", ""},
		{"user@other.example", ""},
		{"ftp://other.example", ""},
		{"other example", ""},
	} {
		h, err := redirect.Domain(tc.to)
		if tc.location == "" {
			if err == nil {
				t.Errorf("%q: accepted", tc.to)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tc.to, err)
			continue
		}
		if got := get(t, h, "POST", "http", "site.example", "/a?b").Header.Get("Location"); got != tc.location {
			t.Errorf("%q: got %q, want %q", tc.to, got, tc.location)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	any := regexp.MustCompile(".*")
	for name, opts := range map[string]redirect.Options{
		"nothing":                     {},
		"code":                        {BaseURL: "https://a.example", StatusCode: 200},
		"not modified":                {BaseURL: "https://a.example", StatusCode: 304},
		"scheme":                      {BaseURL: "javascript:alert(1)"},
		"no host":                     {BaseURL: "https:///x"},
		"path":                        {BaseURL: "https://a.example/b"},
		"user":                        {BaseURL: "https://u:p@a.example"},
		"replacement only":            {BaseURL: "https://a.example", ReplacePath: "/x"},
		"query in the replacement":    {OrigPathRegexp: any, ReplacePath: "/x?y"},
		"line end in the replacement": {OrigPathRegexp: any, ReplacePath: "/x\r\n"},
		"backslash":                   {OrigPathRegexp: any, ReplacePath: `/\evil.example`},
	} {
		if _, err := redirect.New(opts); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	h := newHandler(t, redirect.Options{BaseURL: "https://a.example/", StatusCode: 302})
	if resp := get(t, h, "HEAD", "http", "b.example", "/"); resp.StatusCode != 302 || resp.ContentLength > 0 {
		t.Errorf("got %s with %d bytes", resp.Status, resp.ContentLength)
	}
}

func TestFindLoops(t *testing.T) {
	t.Parallel()
	rewrite := func(orig, place string) *redirect.Handler {
		return newHandler(t, redirect.Options{OrigPathRegexp: regexp.MustCompile(orig), ReplacePath: place})
	}
	domain := func(to string) *redirect.Handler {
		h, err := redirect.Domain(to)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	on := func(name, host, path string, h *redirect.Handler) redirect.Rule {
		rule := redirect.Rule{Name: name, Host: host, Redirect: h}
		if path != "" {
			rule.Path = regexp.MustCompile(path)
		}
		return rule
	}
	for _, tc := range []struct {
		name  string
		rules []redirect.Rule
		loops []string
	}{
		{"none", nil, nil},
		{"chain", []redirect.Rule{on("a", "a.example", "", domain("b.example")), on("b", "b.example", "", domain("c.example"))}, nil},
		{"ends at other handlers", []redirect.Rule{on("a", "a.example", "", domain("b.example")), on("files", "b.example", "", nil), on("b", "b.example", "", domain("a.example"))}, nil},
		{"not matching any more", []redirect.Rule{on("a", "a.example", "", rewrite("^/old/(.*)$", "/new/$1"))}, nil},
		{"plain to HTTPS", []redirect.Rule{{Name: "a", Host: "a.example", Redirect: domain("www.a.example"), HTTPS: true}}, nil},

		{"two domains", []redirect.Rule{on("a", "a.example", "", domain("b.example")), on("b", "b.example", "", domain("A.example"))}, []string{"a b"}},
		{"itself", []redirect.Rule{on("a", "a.example", "", domain("a.example"))}, []string{"a"}},
		{"two paths", []redirect.Rule{on("a", "", "^/a$", rewrite("^/a$", "/b")), on("b", "", "^/b$", rewrite("^/b$", "/a"))}, []string{"a b"}},
		{"grows", []redirect.Rule{on("a", "a.example", "^/x/", rewrite("^/x/(.*)$", "/x/y/$1"))}, []string{"a"}},
		{"grows from few paths", []redirect.Rule{on("a", "a.example", "^/user/[0-9]+/?$", rewrite("^/user/([0-9]+)", "/user/${1}0"))}, []string{"a"}},
		{"against plain to HTTPS", []redirect.Rule{{Name: "a", Host: "a.example", Redirect: domain("http://a.example"), HTTPS: true}}, []string{"a"}},
		{"two loops", []redirect.Rule{on("a", "a.example", "", domain("a.example")), on("b", "b.example", "", domain("b.example"))}, []string{"a", "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			loops := redirect.FindLoops(tc.rules)
			if len(loops) != len(tc.loops) {
				t.Fatalf("got %v, want %q", loops, tc.loops)
			}
			for i, want := range tc.loops {
				for name := range strings.FieldsSeq(want) {
					if !strings.Contains(strings.Join(loops[i].Rules, " "), name) || loops[i].URL == "" {
						t.Errorf("got %v, want %q", loops[i], want)
					}
				}
			}
		})
	}
}
