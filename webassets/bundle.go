package webassets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"

	"mox/http/compress"
)

// types are the media types of the files there can be, by ending.
var types = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
}

// manifest is what web/build.mjs says about the files, in manifest.json.
type manifest struct {
	Script  string   `json:"script"`  // The module that the page runs.
	Style   string   `json:"style"`   // Its style sheet.
	Preload []string `json:"preload"` // Modules that the script imports at once.
	Icon    string   `json:"icon"`    // A data URL; empty for none.
}

// Bundle is the built files of one face. It is safe for concurrent use.
type Bundle struct {
	manifest manifest
	version  string
	files    map[string]*file
}

// file is one file of a bundle, in all its forms.
type file struct {
	mediaType string
	tag       string // Of the content, without quotes.
	brotli    []byte
	plain     func() ([]byte, error) // Made once.
	gzip      func() ([]byte, error)
}

// New returns the bundle of a directory that web/build.mjs made: manifest.json, and each file with ".br" after its name. It keeps the
// files in memory; those of an [embed.FS] are there already. An error tells what of the bundle is missing
// or does not belong there.
func New(dist fs.FS) (*Bundle, error) {
	text, err := fs.ReadFile(dist, "manifest.json")
	if err != nil {
		return nil, fmt.Errorf("built files of a page: %w", err)
	}
	b := &Bundle{version: tagOf(text), files: map[string]*file{}}
	if err := json.Unmarshal(text, &b.manifest); err != nil {
		return nil, fmt.Errorf("manifest.json of a page: %w", err)
	}
	entries, err := fs.ReadDir(dist, ".")
	if err != nil {
		return nil, fmt.Errorf("built files of a page: %w", err)
	}
	for _, e := range entries {
		name, compressed := strings.CutSuffix(e.Name(), ".br")
		if e.Name() == "manifest.json" {
			continue
		}
		mediaType, known := types[path.Ext(name)]
		if !compressed || !known {
			return nil, fmt.Errorf("built files of a page: %s is no script or style with .br after its name", e.Name())
		}
		data, err := fs.ReadFile(dist, e.Name())
		if err != nil {
			return nil, fmt.Errorf("built files of a page: %w", err)
		}
		b.files[name] = newFile(mediaType, data)
	}
	if b.manifest.Script == "" || b.manifest.Style == "" {
		return nil, errors.New("manifest.json of a page names no script or no style")
	}
	for _, name := range slices.Concat([]string{b.manifest.Script, b.manifest.Style}, b.manifest.Preload) {
		if b.files[name] == nil {
			return nil, fmt.Errorf("built files of a page: %s is missing", name)
		}
	}
	return b, nil
}

func newFile(mediaType string, compressed []byte) *file {
	f := &file{mediaType: mediaType, tag: tagOf(compressed), brotli: compressed}
	f.plain = sync.OnceValues(func() ([]byte, error) {
		return io.ReadAll(brotli.NewReader(bytes.NewReader(compressed)))
	})
	f.gzip = sync.OnceValues(func() ([]byte, error) {
		plain, err := f.plain()
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(plain); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	})
	return f
}

// tagOf returns a short text that is different for different data.
func tagOf(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Version returns a text that changes when any file of the bundle does. A page that knows the version it was made with can tell that the
// server has a newer one.
func (b *Bundle) Version() string { return b.version }

// ServeHTTP answers GET and HEAD for a file; the path of the request is its name, so the handler belongs behind
// [http.StripPrefix]. A name that is not there is answered 404, which a page older than the
// server meets when it loads a part of itself.
func (b *Bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	f := b.files[strings.TrimPrefix(r.URL.Path, "/")]
	if f == nil {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}

	encoding, body, err := f.form(r)
	if err != nil { // Only damaged files in the binary.
		h.Set("Cache-Control", "no-store")
		http.Error(w, "the file is damaged", http.StatusInternalServerError)
		return
	}
	// Each form has a tag of its own (RFC 9110 §8.8.3.3).
	etag := `"` + f.tag + "-" + encoding.String() + `"`
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", etag)
	h.Set("Vary", "Accept-Encoding")
	if matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if encoding != compress.Identity {
		h.Set("Content-Encoding", encoding.String())
	}
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		w.Write(body) // An error is the client's going away.
	}
}

// form returns the file as the request wants it.
func (f *file) form(r *http.Request) (compress.Encoding, []byte, error) {
	switch encoding := compress.Negotiate(r.Header.Values("Accept-Encoding"), compress.Brotli, compress.Gzip); encoding {
	case compress.Brotli:
		return encoding, f.brotli, nil
	case compress.Gzip:
		body, err := f.gzip()
		return encoding, body, err
	}
	body, err := f.plain()
	return compress.Identity, body, err
}

// matches tells whether an If-None-Match has a tag, compared weakly (RFC 9110 §13.1.2). Our tags have no comma.
func matches(fields []string, etag string) bool {
	for _, field := range fields {
		for tag := range strings.SplitSeq(field, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}
