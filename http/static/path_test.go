package static

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	unix, windows := pathRules{}, pathRules{windows: true}
	hidden := pathRules{hidden: true}
	prefixed := pathRules{prefix: "/docs"}
	for _, tc := range []struct {
		rules   pathRules
		target  string
		want    location
		verdict verdict
	}{
		{unix, "/", location{".", true}, pathOK},
		{unix, "http://host", location{".", true}, pathOK},
		{unix, "/a", location{"a", false}, pathOK},
		{unix, "/a/", location{"a", true}, pathOK},
		{unix, "/a/b.c", location{"a/b.c", false}, pathOK},
		{unix, "/a%20b", location{"a b", false}, pathOK},
		{unix, "/%252e", location{"%2e", false}, pathOK},
		{unix, "/.well-known/x", location{".well-known/x", false}, pathOK},
		{unix, "/aux", location{"aux", false}, pathOK},
		{unix, "/a:b.", location{"a:b.", false}, pathOK},
		{hidden, "/.git/x", location{".git/x", false}, pathOK},
		{prefixed, "/docs", location{".", false}, pathOK},
		{prefixed, "/docs/", location{".", true}, pathOK},
		{prefixed, "/docs/a/", location{"a", true}, pathOK},
		{prefixed, "/docs/.well-known/", location{".well-known", true}, pathOK},
		{windows, "/a.b/c~x", location{"a.b/c~x", false}, pathOK},
		{windows, "/console", location{"console", false}, pathOK},
		{windows, "/com10", location{"com10", false}, pathOK},

		{unix, "/..", location{}, pathMalformed},
		{unix, "/a/../b", location{}, pathMalformed},
		{unix, "/./a", location{}, pathMalformed},
		{unix, "//", location{}, pathMalformed},
		{unix, "/a//", location{}, pathMalformed},
		{unix, "//host/a", location{}, pathMalformed}, // As a path.
		{unix, "/a%2fb", location{}, pathMalformed},
		{unix, "/a%2Fb", location{}, pathMalformed},
		{unix, "/a%5cb", location{}, pathMalformed},
		{unix, `/a\b`, location{}, pathMalformed},
		{unix, "/a%00", location{}, pathMalformed},
		{unix, "/a%0a", location{}, pathMalformed},
		{unix, "/%c0%ae", location{}, pathMalformed},
		{unix, "/%ff", location{}, pathMalformed},
		{hidden, "/..", location{}, pathMalformed},
		{hidden, "/.", location{}, pathMalformed},
		{unix, "/.git", location{}, pathAbsent},
		{unix, "/...", location{}, pathAbsent},
		{unix, "/a/.well-known", location{}, pathAbsent},
		{unix, "/.well-known2", location{}, pathAbsent},
		{unix, "/.well-known/.x", location{}, pathAbsent},
		{unix, "/" + strings.Repeat("a", 256), location{}, pathAbsent},
		{unix, strings.Repeat("/a", 2049), location{}, pathAbsent},
		{prefixed, "/", location{}, pathAbsent},
		{prefixed, "/docsx", location{}, pathAbsent},
		{prefixed, "/doc", location{}, pathAbsent},
		{prefixed, "/docs/../a", location{}, pathMalformed},
		{windows, "/aux", location{}, pathAbsent},
		{windows, "/a/NUL.txt", location{}, pathAbsent},
		{windows, "/con .txt", location{}, pathAbsent},
		{windows, "/COM¹", location{}, pathAbsent},
		{windows, "/lpt9.x", location{}, pathAbsent},
		{windows, "/conin$", location{}, pathAbsent},
		{windows, "/a::$DATA", location{}, pathAbsent},
		{windows, "/C:a", location{}, pathAbsent},
		{windows, "/a.", location{}, pathAbsent},
		{windows, "/a%20", location{}, pathAbsent},
		{windows, "/GIT~1", location{}, pathAbsent},
		{windows, "/a*", location{}, pathAbsent},
	} {
		u, err := url.ParseRequestURI(tc.target)
		if err != nil {
			t.Fatal(err)
		}
		if u.Host != "" && u.Scheme == "" {
			u = &url.URL{Path: tc.target} // As net/http has it.
		}
		loc, verdict := tc.rules.locate(u)
		if verdict != tc.verdict || verdict == pathOK && loc != tc.want {
			t.Errorf("%.80q: got %v, %v", tc.target, loc, verdict)
		}
	}
}

// FuzzPath checks that whatever is accepted is a name below the directory, in any reading.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/../x", "/%2e%2e/x", "/a%2f..", "/a\\b", "/%c0%ae", "/.well-known/x", "/docs/../x", "//x/", "/a%00", "/CON", "/a::$DATA", "/a%5c", "http://h/x"} {
		f.Add(s, "", false, false)
		f.Add(s, "/docs", true, true)
	}
	f.Fuzz(func(t *testing.T, target, prefix string, hidden, windows bool) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		loc, verdict := pathRules{prefix, hidden, windows}.locate(u)
		if verdict != pathOK {
			return
		}
		if loc.name == "." {
			return
		}
		if !utf8.ValidString(loc.name) || strings.ContainsAny(loc.name, "\\\x00\r\n") || len(loc.name) > maxPath {
			t.Fatalf("%q: name %q", target, loc.name)
		}
		for i, segment := range strings.Split(loc.name, "/") {
			if segment == "" || segment == "." || segment == ".." || len(segment) > maxSegment {
				t.Fatalf("%q: segment %q", target, segment)
			}
			if segment[0] == '.' && !hidden && (i > 0 || segment != wellKnown) {
				t.Fatalf("%q: hidden %q", target, segment)
			}
			if windows && strings.ContainsAny(segment, `:<>"|?*`) {
				t.Fatalf("%q: %q on Windows", target, segment)
			}
		}
		if !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), loc.name) {
			t.Fatalf("%q: name %q is not what was asked for", target, loc.name)
		}
	})
}
