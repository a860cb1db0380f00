package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mox/autotls"
	"mox/dns"
	"mox/test/pebble"
)

// tlsHost is a machine with a manager of certificates and the ports that Pebble validates by.
type tlsHost struct {
	t    *testing.T
	p    *pebble.Server
	ip   string
	opts autotls.Options
	m    *autotls.Manager
	stop func()
}

// newTLSHost makes a machine for hosts, all of which lead to it, and opens its ports.
func newTLSHost(t *testing.T, p *pebble.Server, hosts ...autotls.Host) *tlsHost {
	t.Helper()
	h := &tlsHost{t: t, p: p, ip: nextIP()}
	h.opts = autotls.Options{
		Dir:        t.TempDir(),
		CAs:        []autotls.CA{{Name: "pebble", DirectoryURL: p.DirectoryURL(), Contact: "postmaster@example.org"}},
		Hosts:      func() []autotls.Host { return hosts },
		HTTPClient: &http.Client{Transport: p.Client, Timeout: time.Minute},
		Log:        slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, host := range hosts {
		p.Point(host.Name.ASCII, h.ip)
	}
	return h
}

// run makes the manager and runs it.
func (h *tlsHost) run() {
	h.t.Helper()
	m, err := autotls.New(h.opts)
	if err != nil {
		h.t.Fatal(err)
	}
	h.m = m
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		m.Run(ctx)
		close(done)
	}()
	h.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	h.t.Cleanup(h.stop)
}

// serveTLS opens the port for HTTPS, and for TLS-ALPN-01 if protocols has that.
func (h *tlsHost) serveTLS(protocols ...string) {
	h.t.Helper()
	l, err := tls.Listen("tcp", fmt.Sprintf("%s:%d", h.ip, pebble.TLSPort), &tls.Config{
		NextProtos:     protocols,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return h.m.GetCertificate(hello) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.(*tls.Conn).HandshakeContext(context.Background()) // The other side tells.
			}()
		}
	}()
}

// serveHTTP opens the port for HTTP-01.
func (h *tlsHost) serveHTTP() {
	h.t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", h.ip, pebble.HTTPPort))
	if err != nil {
		h.t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.m.HTTPHandler(nil).ServeHTTP(w, r) })}
	h.t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(l) }() // Until it is closed.
}

// status waits until the host is as wanted.
func (h *tlsHost) status(what string, ok func(autotls.Status) bool) autotls.Status {
	h.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		s := h.m.Status()[0]
		if ok(s) {
			return s
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("not %s: %+v", what, s)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func valid(s autotls.Status) bool { return s.State == autotls.StateValid && !s.Requesting }

// connect returns what a client sees that trusts the CA.
func (h *tlsHost) connect(name string, roots *x509.CertPool) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", fmt.Sprintf("%s:%d", h.ip, pebble.TLSPort), &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func hostNamed(t *testing.T, name string, types ...autotls.KeyType) autotls.Host {
	t.Helper()
	d, err := dns.ParseDomain(name)
	if err != nil {
		t.Fatal(err)
	}
	return autotls.Host{Name: d, KeyTypes: types}
}

// eabKey is a key in base64url, as Pebble wants it.
const eabKey = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

func TestPebbleIssues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		settings map[string]any
		env      []string
		alpn     bool
		used     autotls.Challenge
	}{
		{name: "TLS-ALPN-01", alpn: true, used: autotls.TLSALPN01},
		{name: "HTTP-01", used: autotls.HTTP01},
		{name: "account binding", alpn: true, used: autotls.TLSALPN01, settings: map[string]any{"externalAccountBindingRequired": true, "externalAccountMACKeys": map[string]string{"kid-1": eabKey}}},
		{name: "nonces", alpn: true, used: autotls.TLSALPN01, env: []string{"PEBBLE_WFE_NONCEREJECT=30"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := pebble.Start(t, nextIP(), tc.settings, tc.env...)
			h := newTLSHost(t, p, hostNamed(t, "mail.example.org", autotls.ECDSAP256, autotls.RSA2048))
			if tc.settings != nil {
				key, err := base64.RawURLEncoding.DecodeString(eabKey)
				if err != nil {
					t.Fatal(err)
				}
				h.opts.CAs[0].ExternalAccount = &autotls.ExternalAccount{KeyID: "kid-1", Key: key}
			}
			if tc.alpn {
				h.serveTLS("http/1.1", autotls.ALPNProto)
			} else {
				h.serveTLS("http/1.1")
			}
			h.serveHTTP()
			h.run()
			s := h.status("valid", valid)
			if s.Challenge != tc.used || len(s.Certificates) != 2 || s.Certificates[0].CA != "pebble" {
				t.Errorf("status %+v", s)
			}
			leaf, err := h.connect("mail.example.org", p.Issuers())
			if err != nil {
				t.Fatal(err)
			}
			if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || !key.Equal(h.m.PublicKeys(s.Host)[0]) {
				t.Errorf("key of the certificate: %T", leaf.PublicKey)
			}
			if _, err := h.connect("example.org", p.Issuers()); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
				t.Errorf("other name: %v", err)
			}

			// A restart asks for nothing.
			h.stop()
			before := p.Client.Count("")
			h.run()
			h.status("valid", valid)
			if n := p.Client.Count("") - before; n != 0 {
				t.Errorf("%d requests after a restart", n)
			}
		})
	}
}

// Certificates of seconds are renewed in time, again and again, with the same key; then
// the CA is away, and comes back without any memory of us. A machine that stalls for seconds is too late for certificates of
// seconds, so there are others with a longer life.
func TestPebbleRenewal(t *testing.T) {
	t.Parallel()
	var errs []error
	for _, lifetime := range []time.Duration{12 * time.Second, 45 * time.Second, 90 * time.Second} {
		err := renewals(t, lifetime)
		if err == nil {
			return
		}
		err = fmt.Errorf("certificates of %s: %w", lifetime, err)
		t.Log(err) // A longer one may do, and nobody would know.
		errs = append(errs, err)
	}
	t.Error(errors.Join(errs...))
}

// renewals returns an error for what may be due to a machine that is slow.
func renewals(t *testing.T, lifetime time.Duration) error {
	t.Helper()
	p := pebble.Start(t, nextIP(), map[string]any{"profiles": map[string]any{"default": map[string]any{"description": "short", "validityPeriod": int(lifetime / time.Second)}}})
	h := newTLSHost(t, p, hostNamed(t, "mail.example.org"))
	h.serveTLS("http/1.1", autotls.ALPNProto)
	h.run()
	defer h.stop()
	key := h.m.PublicKeys(h.status("valid", valid).Host)[0].(*ecdsa.PublicKey)
	roots := p.Issuers()
	serials := map[string]bool{}
	for begin := time.Now(); len(serials) < 4; time.Sleep(100 * time.Millisecond) {
		leaf, err := h.connect("mail.example.org", roots)
		if err != nil {
			return err
		}
		serials[leaf.SerialNumber.String()] = true
		if !key.Equal(leaf.PublicKey) {
			t.Fatal("the key has changed")
		}
		if time.Since(begin) > 5*lifetime {
			return fmt.Errorf("%d certificates in %s", len(serials), time.Since(begin))
		}
	}
	if n := p.Client.Count("sign-me-up"); n != 1 {
		t.Errorf("%d requests for an account", n)
	}

	p.Stop()
	before, away := p.Client.Count(""), time.Now()
	s := h.status("expired", func(s autotls.Status) bool { return s.State == autotls.StateExpired && s.Failures > 0 })
	if s.Failure.Kind != autotls.FailureCA || !strings.Contains(s.Failure.Text, "check that this machine can reach") {
		t.Errorf("failure %+v", s.Failure)
	}
	// At most once a second, for a certificate of seconds.
	if n := p.Client.Count("") - before; n > int(time.Since(away)/time.Second)+1 {
		t.Errorf("%d requests while the CA was away for %s", n, time.Since(away))
	}
	if leaf, err := h.connect("mail.example.org", roots); leaf != nil || !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("an expired certificate is not served any more: %v", err)
	}

	p.Start()
	h.status("valid", valid)
	if n := p.Client.Count("sign-me-up"); n != 2 {
		t.Errorf("%d requests for an account", n)
	}
	leaf, err := h.connect("mail.example.org", p.Issuers())
	if err != nil {
		return fmt.Errorf("after the CA is back: %w", err)
	}
	if !key.Equal(leaf.PublicKey) {
		t.Error("the key has changed after the CA is back")
	}
	return nil
}

func TestPebbleWrongDomain(t *testing.T) {
	t.Parallel()
	p := pebble.Start(t, nextIP(), map[string]any{"domainBlocklist": []string{"blocked.example"}})
	stranger := newTLSHost(t, p, hostNamed(t, "stranger.example"))
	stranger.serveTLS("http/1.1", autotls.ALPNProto)
	stranger.serveHTTP()
	stranger.run()
	stranger.status("valid", valid)
	for _, tc := range []struct {
		name, host, ip string
		kind           autotls.FailureKind
		want           string
	}{
		{"no such name", "none.example", "", autotls.FailureHost, "check that the A and AAAA records of none.example"},
		{"nobody there", "closed.example", nextIP(), autotls.FailureHost, "firewalls"},
		{"a stranger there", "taken.example", stranger.ip, autotls.FailureHost, "another server seems to answer for taken.example"},
		{"not issued for", "blocked.example", stranger.ip, autotls.FailureRefused, "use another CA"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTLSHost(t, p, hostNamed(t, tc.host))
			p.Point(tc.host, tc.ip)
			h.run()
			s := h.status("failed", func(s autotls.Status) bool { return s.Failure != nil && !s.Requesting })
			if s.State != autotls.StateFailing || s.Failure.Kind != tc.kind || !strings.Contains(s.Failure.Text, tc.want) {
				t.Errorf("status %+v, failure %+v", s, s.Failure)
			}
			if wait := time.Until(s.NextAttempt); wait < 14*time.Minute {
				t.Errorf("next attempt in %s", wait)
			}
		})
	}
}

func TestPebbleRateLimit(t *testing.T) {
	t.Parallel()
	p := pebble.Start(t, nextIP(), nil)
	h := newTLSHost(t, p, hostNamed(t, "mail.example.org"))
	h.serveTLS("http/1.1", autotls.ALPNProto)
	p.Client.Answer(func(endpoint string) *http.Response {
		if endpoint != "order-plz" {
			return nil
		}
		body := `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates","status":429}`
		return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"7200"}, "Content-Type": {"application/problem+json"}}, Body: io.NopCloser(strings.NewReader(body))}
	})
	h.run()
	s := h.status("failed", func(s autotls.Status) bool { return s.Failure != nil && !s.Requesting })
	if s.Failure.Kind != autotls.FailureRateLimit || !strings.Contains(s.Failure.Text, "too many certificates") {
		t.Errorf("failure %+v", s.Failure)
	}
	if wait := time.Until(s.NextAttempt); wait < 119*time.Minute || wait > 150*time.Minute {
		t.Errorf("next attempt in %s", wait)
	}
	// A restart, and the wish to be quick, change nothing.
	h.stop()
	h.run()
	h.m.Retry()
	h.stop()
	if n := p.Client.Count("order-plz"); n != 1 {
		t.Errorf("%d orders", n)
	}
}
