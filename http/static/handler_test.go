package static_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"mox/http/static"
)

// site is a directory with a handler for it.
type site struct {
	t   *testing.T
	dir string
	h   *static.Handler
}

func newSite(t *testing.T, opts static.Options) *site {
	t.Helper()
	if opts.Root == "" {
		opts.Root = t.TempDir()
	}
	h, err := static.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return &site{t, opts.Root, h}
}

// write makes a file that was last changed at a time, or in the past if that is zero.
func (s *site) write(name, content string, modified time.Time) {
	s.t.Helper()
	name = filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if modified.IsZero() {
		modified = time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) do(method, target string, fields ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	var r io.Reader = resp.Body
	switch enc := resp.Header.Get("Content-Encoding"); enc {
	case "":
	case "gzip":
		gz, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = gz
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		d, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		r = d
	default:
		t.Fatalf("Content-Encoding %q", enc)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{
		CacheControl:    "max-age=60",
		ResponseHeaders: http.Header{"x-own": {"1"}, "Vary": {"Origin"}},
	})
	large := strings.Repeat("0123456789abcdef", 8<<10) // More than is kept.
	s.write("small.html", "hello", time.Time{})
	s.write("large.txt", large, time.Time{})
	s.write("empty.css", "", time.Time{})
	s.write("picture.PNG", "png", time.Time{})
	s.write("unknown.xyzzy", "<script>", time.Time{})
	s.write("Makefile", "all:", time.Time{})
	for _, tc := range []struct{ name, typ, content, vary string }{
		{"small.html", "text/html; charset=utf-8", "hello", "Origin, Accept-Encoding"},
		{"large.txt", "text/plain; charset=utf-8", large, "Origin, Accept-Encoding"},
		{"empty.css", "text/css; charset=utf-8", "", "Origin, Accept-Encoding"},
		{"picture.PNG", "image/png", "png", "Origin, Accept-Encoding"},
		{"unknown.xyzzy", "application/octet-stream", "<script>", "Origin, Accept-Encoding"},
		{"Makefile", "application/octet-stream", "all:", "Origin, Accept-Encoding"},
	} {
		var etag string
		for range 3 { // From the disk, and from what is kept.
			for _, method := range []string{"GET", "HEAD"} {
				resp := s.do(method, "/"+tc.name)
				h := resp.Header
				want := map[string]string{
					"Content-Type": tc.typ, "Content-Length": strconv.Itoa(len(tc.content)), "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes",
					"Last-Modified": "Wed, 04 Mar 2026 05:06:07 GMT", "Cache-Control": "max-age=60", "X-Own": "1",
				}
				for name, value := range want {
					if h.Get(name) != value {
						t.Errorf("%s %s: %s is %q, want %q", method, tc.name, name, h.Get(name), value)
					}
				}
				if got := strings.Join(h["Vary"], ", "); got != tc.vary {
					t.Errorf("%s: Vary is %q", tc.name, got)
				}
				if !strings.HasPrefix(h.Get("ETag"), `"`) || etag != "" && h.Get("ETag") != etag {
					t.Errorf("%s: tag %s, before %s", tc.name, h.Get("ETag"), etag)
				}
				etag = h.Get("ETag")
				content := tc.content
				if method == "HEAD" {
					content = ""
				}
				if got := body(t, resp); resp.StatusCode != 200 || got != content {
					t.Errorf("%s %s: status %d, %d bytes", method, tc.name, resp.StatusCode, len(got))
				}
			}
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{ResponseHeaders: http.Header{"X-Own": {"1"}}})
	s.write("file.txt", "hello", time.Time{})
	s.write("with/index.html", "index", time.Time{})
	s.write("without/file.txt", "hello", time.Time{})
	s.write("a:b/c d/index.html", "index", time.Time{})
	for _, tc := range []struct {
		method, target string
		status         int
		field, value   string
	}{
		{"GET", "/file.txt", 200, "X-Own", "1"},
		{"GET", "/with/", 200, "Content-Type", "text/html; charset=utf-8"},
		{"GET", "/with", 301, "Location", "./with/"},
		{"GET", "/with?a=b&c", 301, "Location", "./with/?a=b&c"},
		{"HEAD", "/with", 301, "X-Own", "1"},
		{"GET", "/a:b/c%20d", 301, "Location", "./c%20d/"},
		{"GET", "/a:b", 301, "Location", "./a:b/"},

		{"GET", "/without/", 403, "X-Own", ""},
		{"GET", "/", 403, "", ""},
		{"GET", "/nosuch", 404, "X-Own", ""},
		{"GET", "/nosuch/", 404, "", ""},
		{"GET", "/file.txt/", 404, "", ""},
		{"POST", "/nosuch", 404, "", ""},
		{"POST", "/file.txt", 405, "Allow", "GET, HEAD"},
		{"OPTIONS", "/file.txt", 405, "Allow", "GET, HEAD"},
		{"DELETE", "/with/", 405, "Allow", "GET, HEAD"},
		{"PUT", "/with", 405, "Allow", "GET, HEAD"},
		{"GET", "/a/../file.txt", 400, "", ""},
	} {
		resp := s.do(tc.method, tc.target)
		if resp.StatusCode != tc.status || tc.field != "" && resp.Header.Get(tc.field) != tc.value {
			t.Errorf("%s %s: status %d, header %v", tc.method, tc.target, resp.StatusCode, resp.Header)
		}
		if tc.status >= 400 && (resp.Header.Get("ETag") != "" || resp.Header.Get("Last-Modified") != "") {
			t.Errorf("%s %s: a tag on an error: %v", tc.method, tc.target, resp.Header)
		}
	}
}

func TestOwnAnswers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newSite(t, static.Options{
		Root:  dir,
		Index: []string{"start.htm", "index.html"},
		Types: map[string]string{"": "text/plain; charset=utf-8", ".HTML": "text/x-own"},
		NotFound: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(299)
		}),
		Error: func(w http.ResponseWriter, r *http.Request, code int) { w.WriteHeader(code + 100) },
	})
	s.write("index.html", "index", time.Time{})
	s.write("README", "read", time.Time{})
	for _, tc := range []struct {
		method, target string
		status         int
		typ            string
	}{
		{"GET", "/", 200, "text/x-own"},
		{"GET", "/README", 200, "text/plain; charset=utf-8"},
		{"GET", "/nosuch", 299, ""},
		{"POST", "/nosuch", 299, ""},
		{"GET", "/.hidden", 299, ""},
		{"GET", "/README/", 299, ""},
		{"POST", "/README", 505, ""},
		{"GET", "/../x", 500, ""},
	} {
		resp := s.do(tc.method, tc.target)
		if resp.StatusCode != tc.status || resp.Header.Get("Content-Type") != tc.typ {
			t.Errorf("%s %s: status %d, header %v", tc.method, tc.target, resp.StatusCode, resp.Header)
		}
	}
	s.write("start.htm", "start", time.Time{})
	if got := body(t, s.do("GET", "/")); got != "start" {
		t.Errorf("first index file: %q", got)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]static.Options{
		"no root":          {},
		"prefix":           {Root: "x", StripPrefix: "docs"},
		"policy":           {Root: "x", Symlinks: 9},
		"index":            {Root: "x", Index: []string{"../index.html"}},
		"empty index":      {Root: "x", Index: []string{""}},
		"framing":          {Root: "x", ResponseHeaders: http.Header{"content-length": {"1"}}},
		"encoding":         {Root: "x", ResponseHeaders: http.Header{"Content-Encoding": {"gzip"}}},
		"field name":       {Root: "x", ResponseHeaders: http.Header{"a b": {"1"}}},
		"field value":      {Root: "x", ResponseHeaders: http.Header{"A": {"1\r\nB: 2"}}},
		"cache control":    {Root: "x", CacheControl: "a\n"},
		"type":             {Root: "x", Types: map[string]string{".a": "text"}},
		"ending":           {Root: "x", Types: map[string]string{"a": "text/plain"}},
		"type with a line": {Root: "x", Types: map[string]string{".a": "text/plain\r\nA: b"}},
	} {
		if _, err := static.New(opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The directory may come late, go, and be replaced.
func TestRootChanges(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	current := filepath.Join(base, "current")
	s := newSite(t, static.Options{Root: current})
	for i := range 3 {
		if resp := s.do("GET", "/index.html"); resp.StatusCode != 404 {
			t.Fatalf("without the directory: status %d", resp.StatusCode)
		}
		release := fmt.Sprintf("release-%d", i)
		if err := os.Mkdir(filepath.Join(base, release), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(base, release, "index.html"), []byte(release), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(release, current); err != nil {
			t.Fatal(err)
		}
		if resp := s.do("GET", "/"); resp.StatusCode != 200 || body(t, resp) != release {
			t.Fatalf("%s: status %d", release, resp.StatusCode)
		}
		if i == 2 {
			// Swapped in one step.
			if err := os.Symlink("release-0", current+"-new"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(current+"-new", current); err != nil {
				t.Fatal(err)
			}
			if got := body(t, s.do("GET", "/")); got != "release-0" {
				t.Errorf("after the swap: %q", got)
			}
		}
		if err := os.Remove(current); err != nil {
			t.Fatal(err)
		}
	}
}

// A change is seen at once, however it is made, also one that keeps size and time.
func TestChangeIsSeen(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{Compress: true})
	pad := strings.Repeat(" some text", 400)
	for i := range 20 {
		want := strconv.Itoa(10+i) + pad
		s.write("file.txt", want, time.Time{})
		for _, accept := range []string{"", "gzip", "br"} {
			for range 2 {
				if got := body(t, s.do("GET", "/file.txt", "Accept-Encoding", accept)); got != want {
					t.Fatalf("change %d, %q: got %.20q", i, accept, got)
				}
			}
		}
	}
}

func TestConditional(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{CacheControl: "no-cache", Compress: true})
	s.write("file.txt", strings.Repeat("text ", 1000), time.Time{})
	first := s.do("GET", "/file.txt")
	etag := first.Header.Get("ETag")
	for _, tc := range []struct {
		method string
		fields []string
		status int
	}{
		{"GET", []string{"If-None-Match", etag}, 304},
		{"HEAD", []string{"If-None-Match", etag}, 304},
		{"GET", []string{"If-None-Match", `"x"`, "If-None-Match", etag}, 304},
		{"GET", []string{"If-Modified-Since", first.Header.Get("Last-Modified")}, 304},
		{"GET", []string{"If-None-Match", etag, "Range", "bytes=0-1"}, 304},
		{"GET", []string{"If-Match", etag}, 200},
		{"GET", []string{"If-None-Match", `"x"`}, 200},
		{"GET", []string{"If-Match", `"x"`}, 412},
		{"HEAD", []string{"If-Match", `"x"`}, 412},
		{"GET", []string{"If-Unmodified-Since", "Wed, 04 Mar 2020 05:06:07 GMT"}, 412},
		{"GET", []string{"If-Match", `"x"`, "Range", "bytes=0-1"}, 412},
	} {
		resp := s.do(tc.method, "/file.txt", tc.fields...)
		h := resp.Header
		if resp.StatusCode != tc.status {
			t.Errorf("%s %v: status %d", tc.method, tc.fields, resp.StatusCode)
		}
		switch tc.status {
		case 304:
			if b := body(t, resp); h.Get("ETag") != etag || h.Get("Cache-Control") != "no-cache" || h.Get("Vary") != "Accept-Encoding" || h["Content-Length"] != nil || h["Content-Type"] != nil || b != "" {
				t.Errorf("%v: header %v, %q", tc.fields, h, b)
			}
		case 412:
			if h.Get("ETag") != "" || h.Get("Cache-Control") != "" {
				t.Errorf("%v: header %v", tc.fields, h)
			}
		}
	}
	// Each form has its own tag.
	packed := s.do("GET", "/file.txt", "Accept-Encoding", "br").Header.Get("ETag")
	if packed == etag || !strings.HasPrefix(packed, "W/") {
		t.Errorf("tag of the compressed form: %s", packed)
	}
	if resp := s.do("GET", "/file.txt", "Accept-Encoding", "br", "If-None-Match", packed); resp.StatusCode != 304 || resp.Header.Get("ETag") != packed {
		t.Errorf("compressed form again: status %d, header %v", resp.StatusCode, resp.Header)
	}
	if resp := s.do("GET", "/file.txt", "If-None-Match", packed); resp.StatusCode != 200 {
		t.Errorf("plain form for who has the compressed one: status %d", resp.StatusCode)
	}
	// A date to come is not told.
	s.write("future.txt", "x", time.Now().Add(time.Hour))
	if got := s.do("GET", "/future.txt").Header.Get("Last-Modified"); got != "" {
		t.Errorf("Last-Modified of tomorrow: %s", got)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{Compress: true})
	content := make([]byte, 100_000) // Sent from the file; the other one is kept.
	for i := range content {
		content[i] = "0123456789abcdef"[(i*7+i>>8)%16]
	}
	s.write("large.txt", string(content), time.Time{})
	s.write("small.txt", string(content[:5000]), time.Time{})
	s.write("empty.txt", "", time.Time{})
	for _, file := range []struct {
		name    string
		content []byte
	}{{"large.txt", content}, {"small.txt", content[:5000]}} {
		size := len(file.content)
		etag := s.do("HEAD", "/"+file.name).Header.Get("ETag")
		for _, tc := range []struct {
			fields []string
			status int
			ranges [][2]int // First byte and end.
		}{
			{[]string{"Range", "bytes=0-9"}, 206, [][2]int{{0, 10}}},
			{[]string{"Range", "bytes=4990-"}, 206, [][2]int{{4990, size}}},
			{[]string{"Range", "bytes=-10"}, 206, [][2]int{{size - 10, size}}},
			{[]string{"Range", "bytes=0-"}, 206, [][2]int{{0, size}}},
			{[]string{"Range", "bytes=0-9,1000-1009,-5"}, 206, [][2]int{{0, 10}, {1000, 1010}, {size - 5, size}}},
			{[]string{"Range", "bytes=1000-1009,0-9"}, 206, [][2]int{{1000, 1010}, {0, 10}}},
			{[]string{"Range", "bytes=0-9", "If-Range", etag}, 206, [][2]int{{0, 10}}},
			{[]string{"Range", "bytes=0-9", "If-Range", "Wed, 04 Mar 2026 05:06:07 GMT"}, 206, [][2]int{{0, 10}}},
			{[]string{"Range", "bytes=0-9", "Accept-Encoding", "gzip, br"}, 206, [][2]int{{0, 10}}},
			{[]string{"Range", "bytes=0-9", "If-Range", `"x"`}, 200, nil},
			{[]string{"Range", "bytes=0-9", "If-Range", "W/" + etag}, 200, nil},
			{[]string{"Range", "bytes=9-0"}, 200, nil},
			{[]string{"Range", "lines=0-9"}, 200, nil},
			{[]string{"Range", "bytes=0-9", "Range", "bytes=20-29"}, 200, nil},
			{[]string{"Range", "bytes=200000-"}, 416, nil},
			{[]string{"Range", "bytes=" + strings.Repeat("0-0,", 40)}, 416, nil},
		} {
			resp := s.do("GET", "/"+file.name, tc.fields...)
			h := resp.Header
			if resp.StatusCode != tc.status || h.Get("Content-Encoding") != "" {
				t.Errorf("%s %.60q: status %d, header %v", file.name, tc.fields, resp.StatusCode, h)
				continue
			}
			got := body(t, resp)
			if tc.status != 416 && h.Get("Content-Length") != strconv.Itoa(len(got)) {
				t.Errorf("%s %q: Content-Length %s of %d", file.name, tc.fields, h.Get("Content-Length"), len(got))
			}
			switch {
			case tc.status == 416:
				if want := fmt.Sprintf("bytes */%d", size); h.Get("Content-Range") != want || h.Get("ETag") != "" {
					t.Errorf("header %v", h)
				}
			case tc.status == 200:
				if got != string(file.content) || h.Get("Content-Range") != "" {
					t.Errorf("%q: %d bytes, header %v", tc.fields, len(got), h)
				}
			case len(tc.ranges) == 1:
				checkPart(t, h.Get("Content-Range"), got, file.content, tc.ranges[0])
			default:
				checkParts(t, h, got, file.content, tc.ranges)
			}
		}
	}
	// Only GET has ranges, RFC 9110 §14.2.
	if resp := s.do("HEAD", "/small.txt", "Range", "bytes=0-9"); resp.StatusCode != 200 || resp.Header.Get("Content-Length") != "5000" {
		t.Errorf("HEAD: status %d, header %v", resp.StatusCode, resp.Header)
	}
	if resp := s.do("GET", "/empty.txt", "Range", "bytes=0-"); resp.StatusCode != 416 {
		t.Errorf("empty file: status %d", resp.StatusCode)
	}
	if resp := s.do("GET", "/empty.txt", "Range", "bytes=-5"); resp.StatusCode != 200 {
		t.Errorf("end of an empty file: status %d", resp.StatusCode)
	}
}

func checkPart(t *testing.T, contentRange, got string, content []byte, want [2]int) {
	t.Helper()
	if head := fmt.Sprintf("bytes %d-%d/%d", want[0], want[1]-1, len(content)); contentRange != head {
		t.Errorf("Content-Range %q, want %q", contentRange, head)
	}
	if got != string(content[want[0]:want[1]]) {
		t.Errorf("%v: got %d bytes", want, len(got))
	}
}

func checkParts(t *testing.T, h http.Header, got string, content []byte, want [][2]int) {
	t.Helper()
	typ, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || typ != "multipart/byteranges" || h.Get("Content-Range") != "" {
		t.Fatalf("header %v, %v", h, err)
	}
	parts := multipart.NewReader(strings.NewReader(got), params["boundary"])
	for _, r := range want {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if part.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("part with header %v", part.Header)
		}
		checkPart(t, part.Header.Get("Content-Range"), string(b), content, r)
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("after the last part: %v", err)
	}
}

func TestPrecompressed(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{})
	old := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var gz, br bytes.Buffer
	gw := gzip.NewWriter(&gz)
	io.WriteString(gw, "hello")
	gw.Close()
	bw := brotli.NewWriter(&br)
	io.WriteString(bw, "hello")
	bw.Close()
	s.write("both.html", "hello", time.Time{})
	s.write("both.html.gz", gz.String(), time.Time{})
	s.write("both.html.br", br.String(), time.Time{})
	s.write("stale.html", "hello", time.Time{})
	s.write("stale.html.gz", gz.String(), old)
	s.write("empty.html", "hello", time.Time{})
	s.write("empty.html.gz", "", time.Time{})
	s.write("dir.html", "hello", time.Time{})
	s.write("dir.html.gz/x", "", time.Time{})
	s.write("picture.png", "hello", time.Time{})
	s.write("picture.png.gz", gz.String(), time.Time{})
	s.write("only.html.gz", gz.String(), time.Time{})
	for _, tc := range []struct{ name, accept, want string }{
		{"both.html", "gzip, br", "br"},
		{"both.html", "gzip", "gzip"},
		{"both.html", "gzip, br;q=0.5", "gzip"},
		{"both.html", "zstd, gzip;q=0.1", "gzip"},
		{"both.html", "zstd", ""},
		{"both.html", "", ""},
		{"both.html", "gzip;q=0, br;q=0", ""},
		{"stale.html", "gzip", ""},
		{"empty.html", "gzip", ""},
		{"dir.html", "gzip", ""},
		{"picture.png", "gzip", ""},
	} {
		resp := s.do("GET", "/"+tc.name, "Accept-Encoding", tc.accept)
		if h := resp.Header; h.Get("Content-Encoding") != tc.want || !strings.HasPrefix(h.Get("ETag"), `"`) || (h.Get("Vary") == "Accept-Encoding") != strings.HasSuffix(tc.name, ".html") {
			t.Errorf("%s, %q: header %v", tc.name, tc.accept, h)
		}
		if got := body(t, resp); got != "hello" {
			t.Errorf("%s, %q: %q", tc.name, tc.accept, got)
		}
	}
	if resp := s.do("GET", "/only.html", "Accept-Encoding", "gzip"); resp.StatusCode != 404 {
		t.Errorf("compressed form without the file: status %d", resp.StatusCode)
	}
	if resp := s.do("GET", "/both.html.gz", "Accept-Encoding", "gzip"); resp.Header.Get("Content-Type") != "application/gzip" || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("the compressed form itself: %v", resp.Header)
	}
	// Its ranges are of its own bytes, and go on with its own tag.
	whole := s.do("GET", "/both.html", "Accept-Encoding", "gzip")
	part := s.do("GET", "/both.html", "Accept-Encoding", "gzip", "Range", "bytes=3-6", "If-Range", whole.Header.Get("ETag"))
	b, err := io.ReadAll(part.Body)
	if err != nil || part.StatusCode != 206 || part.Header.Get("Content-Encoding") != "gzip" || string(b) != gz.String()[3:7] {
		t.Errorf("range: status %d, header %v, %q, %v", part.StatusCode, part.Header, b, err)
	}
	if plain := s.do("GET", "/both.html"); plain.Header.Get("ETag") == whole.Header.Get("ETag") {
		t.Error("two forms have the same tag")
	}
	without := newSite(t, static.Options{Root: s.dir, NoPrecompressed: true})
	if h := without.do("GET", "/both.html", "Accept-Encoding", "gzip").Header; h.Get("Content-Encoding") != "" || h.Get("Vary") != "" {
		t.Errorf("not looked for: %v", h)
	}
}

func TestCompress(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{Compress: true, NoPrecompressed: true})
	text := strings.Repeat("A line of text that is much like the others.\n", 2000)
	s.write("text.html", text, time.Time{})
	s.write("small.html", text[:1000], time.Time{})
	s.write("picture.png", text, time.Time{})
	s.write("large.txt", strings.Repeat(text, 50), time.Time{})
	noise := make([]byte, 20000)
	for i, x := 0, uint64(1); i < len(noise); i++ {
		x = x*6364136223846793005 + 1442695040888963407
		noise[i] = byte(x >> 56)
	}
	s.write("noise.txt", string(noise), time.Time{})
	for _, tc := range []struct{ name, accept, want string }{
		{"text.html", "gzip, deflate, br, zstd", "br"},
		{"text.html", "gzip", "gzip"},
		{"text.html", "zstd", "zstd"},
		{"text.html", "br;q=0.1, zstd;q=0.9", "zstd"},
		{"small.html", "gzip, identity;q=0", "gzip"},

		{"text.html", "identity", ""},
		{"text.html", "deflate", ""},
		{"text.html", "identity;q=0", ""}, // There is nothing else: rather this than a 406.
		{"small.html", "gzip", ""},
		{"picture.png", "gzip", ""},
		{"large.txt", "gzip", ""},
		{"noise.txt", "gzip, br", ""},
	} {
		var length string
		for range 3 {
			resp := s.do("GET", "/"+tc.name, "Accept-Encoding", tc.accept)
			h := resp.Header
			if resp.StatusCode != 200 || h.Get("Content-Encoding") != tc.want || (tc.want != "") != (h.Get("Accept-Ranges") == "") || (tc.want != "") != strings.HasPrefix(h.Get("ETag"), "W/") {
				t.Errorf("%s, %q: status %d, header %v", tc.name, tc.accept, resp.StatusCode, h)
			}
			if length != "" && length != h.Get("Content-Length") {
				t.Errorf("%s: length %s, then %s", tc.name, length, h.Get("Content-Length"))
			}
			length = h.Get("Content-Length")
			want, err := os.ReadFile(filepath.Join(s.dir, tc.name))
			if err != nil {
				t.Fatal(err)
			}
			if got := body(t, resp); got != string(want) {
				t.Errorf("%s, %q: got %d bytes", tc.name, tc.accept, len(got))
			}
		}
	}
}

// What shrinks while it is sent ends early, and what grows is sent as promised.
func TestFileChangesWhileServed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *os.File) error{
		"shrinks": func(f *os.File) error { return f.Truncate(1 << 20) },
		"grows":   func(f *os.File) error { _, err := f.WriteAt(make([]byte, 1<<20), 8<<20); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, static.Options{})
			s.write("file.bin", strings.Repeat("x", 8<<20), time.Time{})
			f, err := os.OpenFile(filepath.Join(s.dir, "file.bin"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r := httptest.NewRequest("GET", "/file.bin", nil)
			w := &changing{header: http.Header{}, change: func() {
				if err := change(f); err != nil {
					t.Error(err)
				}
			}}
			s.h.ServeHTTP(w, r)
			promised, err := strconv.Atoi(w.header.Get("Content-Length"))
			if err != nil || promised != 8<<20 {
				t.Fatalf("Content-Length %q", w.header.Get("Content-Length"))
			}
			if name == "grows" && w.n != promised || name == "shrinks" && (w.n >= promised || w.n == 0) {
				t.Errorf("%d bytes sent of %d", w.n, promised)
			}
		})
	}
}

// changing is a response writer during whose first write something happens.
type changing struct {
	header http.Header
	change func()
	n      int
}

func (w *changing) Header() http.Header { return w.header }
func (w *changing) WriteHeader(int)     {}
func (w *changing) Write(p []byte) (int, error) {
	if w.n == 0 {
		w.change()
	}
	w.n += len(p)
	return len(p), nil
}

// The kernel sends files: they reach the writer below as files.
func TestSendfile(t *testing.T) {
	t.Parallel()
	s := newSite(t, static.Options{Compress: true})
	s.write("large.txt", strings.Repeat("x", 200_000), time.Time{})
	w := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("GET", "/large.txt", nil)
	r.Header.Set("Range", "bytes=1000-150999")
	s.h.ServeHTTP(w, r)
	if !w.file || w.Body.Len() != 150_000 {
		t.Errorf("%d bytes, from a file is %v", w.Body.Len(), w.file)
	}
}

type readerFrom struct {
	*httptest.ResponseRecorder
	file bool
}

func (w *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		_, w.file = limited.R.(*os.File)
	}
	return io.Copy(w.ResponseRecorder, src)
}

func BenchmarkSmallFile(b *testing.B) {
	// A file that has not been changed just now.
	h, err := static.New(static.Options{Root: "."})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/listing.html", nil)
	b.ReportAllocs()
	for b.Loop() {
		w := changing{header: make(http.Header, 8), change: func() {}}
		h.ServeHTTP(&w, r)
	}
}
