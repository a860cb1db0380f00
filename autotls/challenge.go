package autotls

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/crypto/acme"
)

// Challenge is a way in which a CA makes sure that a host is ours.
type Challenge string

// The challenges that a Manager can answer.
const (
	TLSALPN01 Challenge = "tls-alpn-01" // RFC 8737.
	HTTP01    Challenge = "http-01"     // RFC 8555 §8.3.
)

// challengePath is where a CA asks for the answer to an HTTP-01 challenge.
const challengePath = "/.well-known/acme-challenge/"

// ALPNProto is the protocol that a TLS configuration must have among its NextProtos for a
// CA to validate by TLS-ALPN-01 (RFC 8737 §6.2).
const ALPNProto = acme.ALPNProto

// challenges are the answers that CAs are about to ask for. It is safe for concurrent
// use.
type challenges struct {
	mu    sync.RWMutex // Guards what follows.
	certs map[string]*tls.Certificate
	keys  map[string]string // Key authorizations by token.
}

// answerTLS has a host answer by TLS-ALPN-01, until the returned function is called.
func (c *challenges) answerTLS(host string, cert *tls.Certificate) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.certs[host] = cert
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.certs[host] == cert {
			delete(c.certs, host)
		}
	}
}

// answerHTTP has a token answered by HTTP-01, until the returned function is called.
func (c *challenges) answerHTTP(token, keyAuthorization string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[token] = keyAuthorization
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.keys, token)
	}
}

// certificate returns the answer of a host by TLS-ALPN-01, nil if it has none to give.
func (c *challenges) certificate(host string) *tls.Certificate {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.certs[host]
}

// isValidation tells whether a handshake is that of a CA that validates (RFC 8737 §3: it
// offers this protocol and no other).
func isValidation(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto
}

// HTTPHandler returns a handler for port 80 that answers HTTP-01 challenges of this
// Manager and hands all other requests to next, or answers them with 404 if next is nil.
// A request for a challenge must not be redirected to a host that cannot answer it.
func (m *Manager) HTTPHandler(next http.Handler) http.Handler {
	if next == nil {
		next = http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.URL.Path, challengePath)
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		m.challenges.mu.RLock()
		key, ok := m.challenges.keys[token]
		m.challenges.mu.RUnlock()
		if !ok {
			next.ServeHTTP(w, r) // Perhaps one of another program.
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte(key)) // A CA that has gone away does not validate.
	})
}
