package http

import (
	nethttp "net/http"
	"net/netip"
	"testing"
)

func TestHostOf(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"example.org":            "example.org",
		"Example.ORG.:8080":      "example.org",
		"bücher.example":         "xn--bcher-kva.example",
		"192.0.2.1:80":           "192.0.2.1",
		"[2001:DB8::1]:443":      "2001:db8::1",
		"[::ffff:192.0.2.1]":     "192.0.2.1",
		"localhost:":             "localhost",
		"":                       "",
		":80":                    "",
		"a..b":                   "",
		"a b":                    "",
		"a/b":                    "",
		"user@example.org":       "",
		"example.org:80:90":      "",
		"example.org:8o":         "",
		"example.org:+80":        "",
		"example.org:65536":      "",
		"[2001:db8::1]:65536":    "",
		"[example.org]":          "",
		"[192.0.2.1]":            "",
		"[::1":                   "",
		"2001:db8::1":            "",
		"example.org\\.evil.org": "",
	} {
		if got, ok := hostOf(s); got != want && ok || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", s, got, ok, want)
		}
	}
}

func TestCleanPath(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]string{
		"/":             "/",
		"/a/b/":         "/a/b/",
		"//a///b//":     "/a/b/",
		"/a..b/...":     "/a..b/...",
		"":              "",
		"*":             "",
		"a":             "",
		"/..":           "",
		"/a/../b":       "",
		"/a/./b":        "",
		"/a/.":          "",
		"/a\\..\\b":     "",
		"/a/..;/b":      "",
		"/a/.;x=1/b":    "",
		"/a;..":         "/a;..",
		"/a\x00":        "",
		"//..//":        "",
		"/a/..\\../etc": "",
	} {
		if got, ok := cleanPath(p); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", p, got, ok, want)
		}
	}
}

// Whatever a client writes, it does not choose its address: at least the last element is of the proxy.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "for=192.0.2.1", `for="[2001:db8::1]:80";proto=https, for=10.0.0.1`, `for="a\"b"`, "for=;,", `for="`} {
		f.Add(s)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	peer := netip.MustParseAddr("10.0.0.1")
	seen := netip.MustParseAddr("203.0.113.9")
	f.Fuzz(func(t *testing.T, s string) {
		h := nethttp.Header{"X-Forwarded-For": {s, "203.0.113.9"}}
		if client, _ := forwarded(h, peer, trusted); client != seen {
			t.Errorf("X-Forwarded-For: %q: client %s", s, client)
		}
		h = nethttp.Header{"Forwarded": {s, "for=203.0.113.9"}}
		if client, _ := forwarded(h, peer, trusted); client != seen && client != peer {
			t.Errorf("Forwarded: %q: client %s", s, client)
		}
	})
}
