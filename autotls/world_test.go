package autotls

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
)

// world is a manager with its CAs, in a bubble.
type world struct {
	t     *testing.T
	ca    *fakeCA // The first.
	cas   fakeCAs
	opts  Options
	m     *Manager
	stop  func()
	log   logBuffer
	mu    sync.Mutex // Guards hosts and attempts.
	hosts []Host
	tries []Attempt
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func domain(t *testing.T, name string) dns.Domain {
	t.Helper()
	d, err := dns.ParseDomain(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func hostsOf(t *testing.T, names ...string) []Host {
	t.Helper()
	var l []Host
	for _, name := range names {
		l = append(l, Host{Name: domain(t, name)})
	}
	return l
}

// newWorld makes CAs, named a, b and so on, and a manager that does not run yet.
func newWorld(t *testing.T, lifetime time.Duration, cas int, hosts ...string) *world {
	t.Helper()
	w := &world{t: t, hosts: hostsOf(t, hosts...)}
	for i := range cas {
		name := string(rune('a' + i))
		ca := newFakeCA(t, "https://"+name+".ca.example", lifetime)
		ca.manager = func() *Manager { return w.m }
		w.cas = append(w.cas, ca)
		w.opts.CAs = append(w.opts.CAs, CA{Name: name, DirectoryURL: ca.url + "/dir", Contact: "ops@example.org"})
	}
	w.ca = w.cas[0]
	w.opts.Dir = t.TempDir()
	w.opts.HTTPClient = &http.Client{Transport: w.cas, Timeout: 30 * time.Second}
	w.opts.Log = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.opts.Hosts = func() []Host {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.hosts
	}
	w.opts.Attempted = func(a Attempt) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.tries = append(w.tries, a)
	}
	t.Cleanup(func() {
		if t.Failed() {
			lines := strings.Split(w.log.String(), "\n")
			t.Logf("log:\n%s", strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	})
	return w
}

// start makes the manager and runs it for a while.
func (w *world) start(d time.Duration) {
	w.t.Helper()
	m, err := New(w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.m = m
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		m.Run(ctx)
		close(done)
	}()
	w.stop = func() {
		cancel()
		<-done
	}
	w.pass(d)
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) status(host string) Status {
	w.t.Helper()
	for _, s := range w.m.Status() {
		if s.Host.ASCII == host {
			return s
		}
	}
	w.t.Fatalf("no status of %s", host)
	return Status{}
}

// served returns the certificate that a web client gets.
func (w *world) served(host string) *tls.Certificate {
	w.t.Helper()
	cert, err := w.m.GetCertificate(hello(host))
	if err != nil || cert == nil {
		w.t.Fatalf("certificate of %s: %v, %v", host, cert, err)
	}
	return cert
}

// hello is that of a client that can do everything.
func hello(host string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:        host,
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		SignatureSchemes:  []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256},
		SupportedCurves:   []tls.CurveID{tls.CurveP256, tls.X25519},
		CipherSuites:      []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		SupportedPoints:   []uint8{0},
	}
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Parallel()
	synctest.Test(t, f)
}
