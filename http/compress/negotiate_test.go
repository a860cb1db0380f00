package compress_test

import (
	"strings"
	"testing"

	"mox/http/compress"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	all := []compress.Encoding{compress.Zstd, compress.Brotli, compress.Gzip}
	for _, tc := range []struct {
		accept  string
		want    compress.Encoding
		refused bool // Identity.
	}{
		// What browsers and tools send.
		{"gzip, deflate, br, zstd", compress.Zstd, false},
		{"gzip, deflate, br", compress.Brotli, false},
		{"gzip, deflate", compress.Gzip, false},
		{"gzip;q=1.0, identity; q=0.5, *;q=0", compress.Gzip, false}, // RFC 9110 §12.5.3.
		{"compress;q=0.5, gzip;q=1.0", compress.Gzip, false},
		{"*", compress.Zstd, false},
		{"*;q=0.5, br;q=1", compress.Brotli, false},
		{"zstd;q=0, *", compress.Brotli, false},
		{"br;q=0.8, gzip;q=0.9", compress.Gzip, false},
		{"gzip;q=0.001", compress.Gzip, false},
		{"x-gzip", compress.Gzip, false},
		{"GZIP;Q=0.5", compress.Gzip, false},
		{"gzip ; q=0.5", compress.Gzip, false},
		{"\tgzip ,\t", compress.Gzip, false},
		{",,gzip,,", compress.Gzip, false},
		{"gzip;q=0, gzip", compress.Gzip, false}, // The last one counts.
		{"identity;q=0, gzip", compress.Gzip, true},
		{"*;q=0, gzip;q=0.2", compress.Gzip, true},

		// Refusals: the plain form.
		{"", compress.Identity, false},
		{"identity", compress.Identity, false},
		{"deflate", compress.Identity, false},
		{"gzip;q=0", compress.Identity, false},
		{"gzip;q=0.000", compress.Identity, false},
		{"*;q=0", compress.Identity, true},
		{"identity;q=0", compress.Identity, true},
		{"identity;q=0.9, gzip;q=0.8", compress.Identity, false},
		{"identity, gzip;q=0.8", compress.Identity, false},
		{"gzip;q=", compress.Identity, false},
		{"gzip;q=2", compress.Identity, false},
		{"gzip;q=1.001", compress.Identity, false},
		{"gzip;q=0.0001", compress.Identity, false},
		{"gzip;q=-1", compress.Identity, false},
		{"gzip;q=.5", compress.Identity, false},
		{"gzip;q=0,5", compress.Identity, false}, // "5" is an encoding nobody knows.
		{"gzip;q=1;x=y", compress.Identity, false},
		{"gzip;level=9", compress.Identity, false},
		{"gzip;q", compress.Identity, false},
		{"gzip br", compress.Identity, false},
		{"\"gzip\"", compress.Identity, false},
		{"gzip\x00", compress.Identity, false},
		{"brotli", compress.Identity, false},
		{"gzipp", compress.Identity, false},
	} {
		values := []string{tc.accept}
		if got := compress.Negotiate(values, all...); got != tc.want {
			t.Errorf("Accept-Encoding %q: got %s, want %s", tc.accept, got, tc.want)
		}
		if got := compress.ParseAccept(values).IdentityRefused; got != tc.refused {
			t.Errorf("Accept-Encoding %q: identity refused is %v", tc.accept, got)
		}
	}
	if got := compress.Negotiate(nil, all...); got != compress.Identity {
		t.Errorf("without a field: %s", got)
	}
	if got := compress.Negotiate([]string{"gzip;q=0.5", "br"}, all...); got != compress.Brotli {
		t.Errorf("two fields: %s", got)
	}
	if got := compress.Negotiate([]string{"br, gzip"}, compress.Gzip); got != compress.Gzip {
		t.Errorf("only what is offered: %s", got)
	}
}

func TestCompressible(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		typ  string
		want bool
	}{
		{"text/html; charset=utf-8", true},
		{"TEXT/CSS", true},
		{"text/javascript", true},
		{"application/json", true},
		{"application/problem+json", true},
		{"image/svg+xml", true},
		{"application/wasm", true},
		{"font/ttf", true},

		{"", false},
		{"text/", false},
		{"text/event-stream", false},
		{"Text/Event-Stream; charset=utf-8", false},
		{"image/png", false},
		{"video/mp4", false},
		{"font/woff2", false},
		{"application/zip", false},
		{"application/gzip", false},
		{"application/octet-stream", false},
		{"application/json2", false},
	} {
		if got := compress.Compressible(tc.typ); got != tc.want {
			t.Errorf("%q: got %v", tc.typ, got)
		}
	}
}

// FuzzAcceptEncoding compares with what a list means read element by element.
func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"", "gzip, deflate, br, zstd", "*;q=0", "identity;q=0, *;q=0.5", "gzip;q=1.0, identity; q=0.5, *;q=0", "br;q=0.123,zstd;q=1.000,,", "gzip;q=0.1\x00, x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := compress.ParseAccept([]string{s})
		best := a.Best(compress.Gzip, compress.Brotli, compress.Zstd)
		lower := strings.ToLower(s)
		if best != compress.Identity && !strings.Contains(lower, best.String()) && !strings.Contains(s, "*") {
			t.Fatalf("%q: %s was never named", s, best)
		}
		for _, e := range []compress.Encoding{compress.Identity, compress.Gzip, compress.Brotli, compress.Zstd} {
			if w := a.Weight(e); w < 0 || w > 1000 || e != compress.Identity && w > a.Weight(best) && best != compress.Identity {
				t.Fatalf("%q: weight of %s is %d, best is %s", s, e, w, best)
			}
		}
		if a.IdentityRefused && !strings.Contains(lower, "q=0") {
			t.Fatalf("%q: identity was not refused", s)
		}
		// Lists are the same in one field or several, RFC 9110 §5.3.
		if b := compress.ParseAccept(strings.Split(s, ",")); a != b {
			t.Fatalf("%q: %v as one field, %v as several", s, a, b)
		}
	})
}
