package compress

import (
	"net/http"
	"net/url"
	"strings"
)

// DefaultMinSize is below which a response is not compressed: it fits into one packet
// either way.
const DefaultMinSize = 1024

// Options for New. The zero value is what most servers want.
type Options struct {
	// MinSize is the length in bytes from which on a response is compressed. 0 stands for
	// DefaultMinSize; a negative value compresses any length.
	MinSize int

	// Encodings are offered, the preferred one first. Nil stands for zstd, brotli, gzip:
	// the order in which they are fast.
	Encodings []Encoding

	// Types tells whether content of a type, the value of Content-Type, is compressed.
	// text/event-stream never is. Nil stands for Compressible.
	Types func(contentType string) bool
}

// Compressor compresses responses. It is safe for concurrent use. One can serve any
// number of handlers, which then share its encoders.
type Compressor struct {
	minSize   int
	encodings []Encoding
	types     func(string) bool
	pool      *Pool
}

// New returns a compressor.
func New(opts Options) *Compressor {
	c := &Compressor{minSize: opts.MinSize, encodings: opts.Encodings, types: opts.Types, pool: NewPool(Fast)}
	if c.minSize == 0 {
		c.minSize = DefaultMinSize
	}
	c.minSize = max(c.minSize, 0)
	if c.encodings == nil {
		c.encodings = []Encoding{Zstd, Brotli, Gzip}
	}
	if c.types == nil {
		c.types = Compressible
	}
	return c
}

// Handler returns a handler that answers like next, compressed where the client wants that
// and it is worth it. Where it depends on Accept-Encoding what a client gets, Vary says so
// (RFC 9110 §12.5.5). A strong ETag of what is compressed becomes a weak one (§8.8.3),
// since the bytes are not those that next named.
//
// The writer that next gets has Flush, Hijack and ReadFrom, and works with
// http.ResponseController. ReadFrom of what is not compressed goes to the ReadFrom below,
// so that files leave by sendfile.
func (c *Compressor) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect || r.Header["Upgrade"] != nil {
			next.ServeHTTP(w, r)
			return
		}
		// Clients that take no encoding get a writer too: what they are sent must say that
		// others get something else, for caches on the way.
		accepted := ParseAccept(r.Header["Accept-Encoding"])
		rw := &responseWriter{
			ResponseWriter: w, c: c, r: r,
			enc:     accepted.Best(c.encodings...),
			insists: accepted.IdentityRefused,
		}
		finished := false
		defer func() {
			// next panicked: what was sent must not look whole.
			if !finished && rw.encoder != nil {
				rw.encoder.Discard()
			}
		}()
		next.ServeHTTP(rw, r)
		finished = true
		rw.finish()
	})
}

// foreign tells whether a request with credentials was caused by a page of another origin:
// see the package's remarks on BREACH.
func foreign(r *http.Request) bool {
	credentials := r.Header["Cookie"] != nil || r.Header["Authorization"] != nil || r.TLS != nil && len(r.TLS.PeerCertificates) > 0
	if !credentials {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
	default:
		return true
	}
	for _, field := range []string{"Origin", "Referer"} {
		if v := r.Header.Get(field); v != "" {
			u, err := url.Parse(v)
			return err != nil || !strings.EqualFold(u.Host, r.Host)
		}
	}
	return false
}
