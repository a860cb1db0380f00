package compress_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"mox/http/compress"
)

var text = strings.Repeat("A line of text that is much like the others.\n", 200)

// decode undoes an encoding.
func decode(t *testing.T, encoding string, body io.Reader) string {
	t.Helper()
	var r io.Reader
	switch encoding {
	case "":
		r = body
	case "gzip":
		gz, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		r = gz
	case "br":
		r = brotli.NewReader(body)
	case "zstd":
		// The window a client must have, RFC 9659 §3.
		d, err := zstd.NewReader(body, zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		r = d
	default:
		t.Fatalf("encoding %q", encoding)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("decoding %s: %v", encoding, err)
	}
	return string(b)
}

func newServer(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(compress.New(compress.Options{}).Handler(h))
	t.Cleanup(s.Close)
	return s
}

// transport is not that of package http: an httptest.Server that is closed closes the idle connections of that, also one that a
// test beside it has just dialed.
var transport = &http.Transport{}

func do(t *testing.T, method, url string, fields ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity") // The client would add gzip.
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		}
		io.WriteString(w, text)
	})
	for _, path := range []string{"/", "/length"} {
		for _, enc := range []string{"gzip", "br", "zstd"} {
			// Several times, for encoders that were used before.
			for range 3 {
				resp := do(t, "GET", s.URL+path, "Accept-Encoding", enc)
				h := resp.Header
				if h.Get("Content-Encoding") != enc || h.Get("Vary") != "Accept-Encoding" || h.Get("ETag") != `W/"v1"` || h.Get("Accept-Ranges") != "" || resp.ContentLength == int64(len(text)) {
					t.Fatalf("%s %s: header %v, length %d", path, enc, h, resp.ContentLength)
				}
				if got := decode(t, enc, resp.Body); got != text {
					t.Errorf("%s: got %d bytes", enc, len(got))
				}
			}
		}
		resp := do(t, "GET", s.URL+path)
		if h := resp.Header; h.Get("Content-Encoding") != "" || h.Get("Vary") != "Accept-Encoding" || h.Get("ETag") != `"v1"` || h.Get("Accept-Ranges") != "bytes" {
			t.Errorf("plain: header %v", h)
		}
		if got := decode(t, "", resp.Body); got != text {
			t.Errorf("plain: got %d bytes", len(got))
		}
		head := do(t, "HEAD", s.URL+path, "Accept-Encoding", "gzip")
		if h := head.Header; h.Get("Content-Encoding") != "gzip" || h.Get("ETag") != `W/"v1"` || head.ContentLength > 0 {
			t.Errorf("HEAD: header %v, length %d", h, head.ContentLength)
		}
	}
}

// What must come out as the handler made it.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		status  int
		header  string // "Field: value" lines.
		body    string
		request []string
	}{
		{"small", 200, "Content-Type: text/html", text[:1023], nil},
		{"small with length", 200, "Content-Type: text/html\nContent-Length: 45", text[:45], nil},
		{"picture", 200, "Content-Type: image/png", text, nil},
		{"sniffed picture", 200, "", "\x89PNG\x0d\x0a\x1a\x0a" + text, nil},
		{"no type", 200, "Content-Type: ", text, nil},
		{"events", 200, "Content-Type: text/event-stream", text, nil},
		{"events, no plain form wanted", 200, "Content-Type: text/event-stream; charset=utf-8", text, []string{"Accept-Encoding", "gzip, identity;q=0"}},
		{"encoded", 200, "Content-Type: text/html\nContent-Encoding: deflate", text, nil},
		{"no-transform", 200, "Content-Type: text/html\nCache-Control: public, No-Transform", text, nil},
		{"no-transform asked for", 200, "Content-Type: text/html", text, []string{"Cache-Control", "no-transform"}},
		{"digest", 200, "Content-Type: text/html\nContent-Digest: sha-256=:AA==:", text, nil},
		{"part", 206, "Content-Type: text/html\nContent-Range: bytes 0-8999/10000", text, nil},
		{"unsatisfiable", 416, "Content-Type: text/html\nContent-Range: bytes */10000", text, nil},
		{"no content", 204, "Content-Type: text/html", "", nil},
		{"reset", 205, "Content-Type: text/html", "", nil},
		{"empty", 200, "Content-Type: text/html\nContent-Length: 0", "", nil},
		{"cross-site with cookie", 200, "Content-Type: text/html", text, []string{"Cookie", "a=b", "Sec-Fetch-Site", "cross-site"}},
		{"same-site with cookie", 200, "Content-Type: text/html", text, []string{"Cookie", "a=b", "Sec-Fetch-Site", "same-site"}},
		{"cross-site with password", 200, "Content-Type: text/html", text, []string{"Authorization", "Basic eDp5", "Sec-Fetch-Site", "cross-site"}},
		{"old browser, foreign referer", 200, "Content-Type: text/html", text, []string{"Cookie", "a=b", "Referer", "https://evil.example/x"}},
		{"old browser, foreign origin", 200, "Content-Type: text/html", text, []string{"Cookie", "a=b", "Origin", "null"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"v1"`)
				for line := range strings.SplitSeq(tc.header, "\n") {
					if name, value, ok := strings.Cut(line, ": "); ok {
						w.Header()[name] = []string{value}
					}
				}
				w.WriteHeader(tc.status)
				io.WriteString(w, tc.body)
			})
			resp := do(t, "GET", s.URL, append([]string{"Accept-Encoding", "gzip, br, zstd"}, tc.request...)...)
			if resp.StatusCode != tc.status || resp.Header.Get("ETag") != `"v1"` {
				t.Errorf("status %d, header %v", resp.StatusCode, resp.Header)
			}
			if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "deflate" {
				t.Errorf("Content-Encoding %q", enc)
			}
			if got := decode(t, "", resp.Body); got != tc.body {
				t.Errorf("got %d bytes, want %d", len(got), len(tc.body))
			}
		})
	}
}

// What is compressed although there is something about it.
func TestCompressedAllTheSame(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil {
			t.Error(err)
		}
		if status := r.URL.Query().Get("status"); status != "" {
			code, _ := strconv.Atoi(status)
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(code)
		}
		for i := range n { // Byte by byte.
			w.Write([]byte{text[i]})
		}
	})
	for _, tc := range []struct {
		query   string
		n       int
		request []string
	}{
		{"?n=1024", 1024, nil},
		{"?n=9000", 9000, nil},
		{"?n=9000&status=404", 9000, nil},
		{"?n=10", 10, []string{"Accept-Encoding", "gzip, identity;q=0"}},
		{"?n=9000", 9000, []string{"Cookie", "a=b", "Sec-Fetch-Site", "same-origin"}},
		{"?n=9000", 9000, []string{"Cookie", "a=b", "Sec-Fetch-Site", "none"}},
		{"?n=9000", 9000, []string{"Cookie", "a=b"}},
		{"?n=9000", 9000, []string{"Sec-Fetch-Site", "cross-site"}}, // Nothing secret in it.
		{"?n=9000", 9000, []string{"Cookie", "a=b", "Referer", s.URL + "/x"}},
	} {
		resp := do(t, "GET", s.URL+tc.query, append([]string{"Accept-Encoding", "gzip"}, tc.request...)...)
		if resp.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/") {
			t.Errorf("%s %v: header %v", tc.query, tc.request, resp.Header)
			continue
		}
		if got := decode(t, "gzip", resp.Body); got != text[:tc.n] {
			t.Errorf("%s: got %d bytes", tc.query, len(got))
		}
	}
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.WriteHeader(http.StatusNotModified)
	})
	for _, tc := range []struct{ asked, want string }{
		{`W/"v1"`, `W/"v1"`},
		{`W/"v0", W/"v1"`, `W/"v1"`},
		{`"v1"`, `"v1"`},
		{`"v1", W/"v1"`, `"v1"`},
		{`*`, `"v1"`},
	} {
		resp := do(t, "GET", s.URL, "Accept-Encoding", "gzip", "If-None-Match", tc.asked)
		if h := resp.Header; resp.StatusCode != 304 || h.Get("ETag") != tc.want || h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Encoding") != "" {
			t.Errorf("%s: status %d, header %v", tc.asked, resp.StatusCode, h)
		}
	}
}

// A stream arrives piece by piece, in each encoding.
func TestFlush(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for i := range 3 {
			fmt.Fprintf(w, "piece %d\n", i)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-next
		}
	})
	for _, enc := range []string{"gzip", "br", "zstd"} {
		resp := do(t, "GET", s.URL, "Accept-Encoding", enc)
		if resp.Header.Get("Content-Encoding") != enc {
			t.Fatalf("%s: header %v", enc, resp.Header)
		}
		var r io.Reader
		switch enc {
		case "gzip":
			gz, err := gzip.NewReader(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			r = gz
		case "br":
			r = brotli.NewReader(resp.Body)
		case "zstd":
			d, err := zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			r = d
		}
		lines := bufio.NewReader(r)
		for i := range 3 {
			// The handler is waiting, so this is there only if it was flushed.
			if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("piece %d\n", i) {
				t.Fatalf("%s: piece %d is %q, %v", enc, i, line, err)
			}
			next <- struct{}{}
		}
		if _, err := lines.ReadByte(); err != io.EOF {
			t.Errorf("%s: after the end: %v", enc, err)
		}
	}
}

// A handler that fails half way must not look as if it had finished.
func TestPanic(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, text)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	resp := do(t, "GET", s.URL, "Accept-Encoding", "gzip")
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the response looks whole")
	}
}

func TestHijackAndUpgrade(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: Upgrade\r\n\r\nhello")
		rw.Flush()
	})
	for _, fields := range [][]string{nil, {"Connection", "Upgrade", "Upgrade", "test"}} {
		resp := do(t, "GET", s.URL, append([]string{"Accept-Encoding", "gzip"}, fields...)...)
		if b, err := io.ReadAll(resp.Body); resp.StatusCode != 101 || string(b) != "hello" || err != nil {
			t.Errorf("status %d, %q, %v", resp.StatusCode, b, err)
		}
	}
}

// recorder notes which way content came.
type recorder struct {
	*httptest.ResponseRecorder
	readFrom int64
}

func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if f, ok := src.(*io.LimitedReader); ok {
		if _, ok := f.R.(*os.File); !ok {
			return 0, errors.New("not a file any more")
		}
	}
	n, err := io.Copy(r.ResponseRecorder, src)
	r.readFrom += n
	return n, err
}

func TestReadFrom(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := compress.New(compress.Options{})
	for _, tc := range []struct {
		name, typ, length, accept string
		below                     int64 // What the writer below gets by ReadFrom.
		encoding                  string
	}{
		{"picture", "image/png", "", "gzip", int64(len(text)), ""},
		{"plain wanted", "text/plain", strconv.Itoa(len(text)), "", int64(len(text)), ""},
		{"plain wanted, length unknown", "text/plain", "", "", int64(len(text)) - 1024, ""},
		{"compressed", "text/plain", strconv.Itoa(len(text)), "br", 0, "br"},
		{"compressed, length unknown", "text/plain", "", "zstd", 0, "zstd"},
		{"nothing known", "", "", "gzip", 0, "gzip"},
	} {
		w := &recorder{httptest.NewRecorder(), 0}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", tc.accept)
		c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(name)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			if tc.typ != "" {
				w.Header().Set("Content-Type", tc.typ)
			}
			if tc.length != "" {
				w.Header().Set("Content-Length", tc.length)
			}
			if n, err := io.Copy(w, io.LimitReader(f, 1<<20)); n != int64(len(text)) || err != nil {
				t.Errorf("%s: copied %d, %v", tc.name, n, err)
			}
		})).ServeHTTP(w, r)
		if w.readFrom != tc.below || w.Header().Get("Content-Encoding") != tc.encoding {
			t.Errorf("%s: %d bytes by ReadFrom, header %v", tc.name, w.readFrom, w.Header())
		}
		if got := decode(t, tc.encoding, bytes.NewReader(w.Body.Bytes())); got != text {
			t.Errorf("%s: got %d bytes", tc.name, len(got))
		}
	}
}

func TestVaryIsAdded(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		before []string
		want   string
	}{
		{nil, "Accept-Encoding"},
		{[]string{"Origin"}, "Origin,Accept-Encoding"},
		{[]string{"Origin, accept-encoding"}, "Origin, accept-encoding"},
		{[]string{"*"}, "*"},
	} {
		h := http.Header{}
		if tc.before != nil {
			h["Vary"] = tc.before
		}
		compress.AddVary(h)
		if got := strings.Join(h["Vary"], ","); got != tc.want {
			t.Errorf("%q: got %q", tc.before, got)
		}
	}
}

func BenchmarkHandler(b *testing.B) {
	for _, enc := range []string{"identity", "gzip", "br", "zstd"} {
		b.Run(enc, func(b *testing.B) {
			h := compress.New(compress.Options{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, text)
			}))
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Encoding", enc)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				w := discard{http.Header{}}
				h.ServeHTTP(w, r)
			}
		})
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
