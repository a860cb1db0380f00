package http

import (
	nethttp "net/http"
	"strconv"
	"strings"

	"mox/config"
	"mox/mtasts"
)

// Places that others look for.
const (
	challengePath      = "/.well-known/acme-challenge/" // RFC 8555 §8.3.
	securityTxtPath    = "/.well-known/security.txt"    // RFC 9116 §3.
	changePasswordPath = "/.well-known/change-password" // https://w3c.github.io/webappsec-change-password-url/
)

// isChallenge tells whether a request is that of a certificate authority.
func (q *exchange) isChallenge() bool {
	return q.p.s.opts.ACMEChallenge != nil && q.r.TLS == nil && strings.HasPrefix(q.path, challengePath)
}

// wellKnown answers for a document that programs look for.
func (q *exchange) wellKnown() bool {
	cfg := q.router.cfg
	if _, ok := q.p.kinds[config.WebMTASTS]; ok && q.path == mtasts.Path {
		if d := cfg.MTASTSHost(q.host); d != nil {
			q.document("text/plain; charset=utf-8", []byte(d.MTASTS.Policy.String()))
			return true
		}
	}
	if _, ok := q.p.kinds[config.WebAutoconfig]; ok && q.autoconfig() {
		return true
	}
	if q.path == changePasswordPath && len(q.p.mounts) > 0 && q.isServiceHost() {
		if svc, ok := q.p.kinds[config.WebAccount]; ok {
			q.redirect(svc.Path, nethttp.StatusFound)
			return true
		}
	}
	return false
}

// document answers with a document.
func (q *exchange) document(contentType string, data []byte) {
	q.serve(q.p.targets.wellKnown, nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.Method != nethttp.MethodGet && r.Method != nethttp.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			q.p.s.Error(w, r, nethttp.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Length", strconv.Itoa(len(data)))
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(nethttp.StatusOK)
		if r.Method != nethttp.MethodHead {
			w.Write(data) // A client that is gone sees nothing.
		}
	}))
}
