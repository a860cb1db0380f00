package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	nethttp "net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/autotls"
	"mox/config"
	"mox/dns"
)

// certificateCheckInterval is how often certificates of files are looked at, besides after each change of them.
const certificateCheckInterval = 24 * time.Hour

// certificates are those of the server: of files, and of ACME.
type certificates struct {
	live *config.Live
	log  *slog.Logger
	acme *autotls.Manager // Nil if no listener has ACME.
}

// newCertificates reads what is kept of certificates of ACME. Run requests those that are missing.
func newCertificates(live *config.Live, resolver dns.Resolver, client *nethttp.Client, reg prometheus.Registerer, log *slog.Logger) (*certificates, error) {
	c := &certificates{live: live, log: log}
	metrics := newCertificateMetrics(c, reg)
	cfg := live.Current()
	if !slices.ContainsFunc(cfg.Listeners, func(l *config.Listener) bool { return l.TLS != nil && l.TLS.ACME != nil }) {
		return c, nil
	}
	var cas []autotls.CA
	for _, a := range cfg.ACME {
		cas = append(cas, a.CA)
	}
	m, err := autotls.New(autotls.Options{
		Dir:        acmeDir(cfg),
		CAs:        cas,
		Hosts:      func() []autotls.Host { return live.Current().CertificateHosts() },
		Challenges: cfg.CertificateChallenges(),
		Check:      func(ctx context.Context, host dns.Domain) error { return checkAddress(ctx, resolver, host) },
		Attempted:  metrics.attempted,
		HTTPClient: client,
		UserAgent:  "mox/" + version(),
		Log:        log,
	})
	if err != nil {
		return nil, fmt.Errorf("certificates of ACME: %w", err)
	}
	c.acme = m
	return c, nil
}

// checkAddress returns an error for a host that has no address, so that no CA can reach it. Where its addresses lead the CA tells:
// there may be something in front of us.
func checkAddress(ctx context.Context, resolver dns.Resolver, host dns.Domain) error {
	_, _, err := resolver.LookupIP(ctx, "ip", host.Absolute())
	if dns.IsNotFound(err) {
		return fmt.Errorf("%s has no address in DNS, so that no CA can reach it; add A and AAAA records with the addresses of this machine, or have mox not serve this name", host.Name())
	}
	return nil
}

// run requests and renews certificates, and tells of those of files that are about to expire, until the context ends. The
// ports must be open.
func (c *certificates) run(ctx context.Context) {
	changed := make(chan struct{}, 1)
	cancel := c.live.Subscribe(func(before, now *config.Config) {
		if c.acme != nil {
			c.acme.Refresh()
		}
		if slices.EqualFunc(fileCertificates(before), fileCertificates(now), fileCertificate.equal) {
			return
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer cancel()
	if c.acme != nil {
		done := make(chan struct{})
		defer func() { <-done }()
		go func() {
			defer close(done)
			c.acme.Run(ctx)
		}()
	}
	tick := time.NewTicker(certificateCheckInterval)
	defer tick.Stop()
	for {
		c.checkFiles(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		}
	}
}

// checkFiles tells of certificates of files that are about to expire.
func (c *certificates) checkFiles(now time.Time) {
	for _, f := range fileCertificates(c.live.Current()) {
		switch fileState(f.leaf, now) {
		case autotls.StateExpired:
			c.log.Error("certificate has expired; put a new one into its file and run \"mox config reload\"", "names", f.names(), "of", f.of, "not after", f.leaf.NotAfter)
		case autotls.StateExpiring:
			c.log.Error("certificate expires soon; put a new one into its file and run \"mox config reload\"", "names", f.names(), "of", f.of, "not after", f.leaf.NotAfter)
		}
	}
}

// fileState returns the state of a certificate that somebody else renews.
func fileState(leaf *x509.Certificate, now time.Time) autotls.State {
	left := leaf.NotAfter.Sub(now)
	switch {
	case left <= 0:
		return autotls.StateExpired
	case left < min(leaf.NotAfter.Sub(leaf.NotBefore)/3, 10*24*time.Hour):
		return autotls.StateExpiring
	}
	return autotls.StateValid
}

// fileCertificate is a certificate of a file.
type fileCertificate struct {
	of   string // Listener or website.
	leaf *x509.Certificate
}

func (f fileCertificate) equal(o fileCertificate) bool { return f.of == o.of && f.leaf.Equal(o.leaf) }

// names returns the host names of a certificate.
func (f fileCertificate) names() string {
	if len(f.leaf.DNSNames) == 0 {
		return f.leaf.Subject.CommonName
	}
	return strings.Join(f.leaf.DNSNames, " ")
}

// fileCertificates returns the certificates of files, each once.
func fileCertificates(cfg *config.Config) []fileCertificate {
	if cfg.Localserve != nil {
		return nil // Made for playing, and nobody's concern.
	}
	var l []fileCertificate
	add := func(of string, certs []tls.Certificate) {
		for _, cert := range certs {
			if cert.Leaf != nil && !slices.ContainsFunc(l, func(f fileCertificate) bool { return f.leaf.Equal(cert.Leaf) }) {
				l = append(l, fileCertificate{of, cert.Leaf})
			}
		}
	}
	for _, li := range cfg.Listeners {
		if li.TLS != nil {
			add("listener "+li.Name, li.TLS.Certificates)
		}
	}
	sites := cfg.Websites()
	for name, d := range sites.Domains {
		add("website "+name.Name(), d.Certificates)
	}
	slices.SortStableFunc(l, func(a, b fileCertificate) int { return strings.Compare(a.of, b.of) })
	return l
}

// mailTLS returns the TLS configuration of a service for mail; nil for a listener without TLS.
func (c *certificates) mailTLS(l *config.Listener, service string) (*tls.Config, error) {
	if l.TLS != nil && l.TLS.ACME != nil {
		return &tls.Config{
			MinVersion: l.TLS.MinVersion,
			// Other servers rarely check certificates, and would send in the clear without one.
			GetCertificate: c.acme.MailCertificate(l.Hostname, autotls.MailOptions{SelfSigned: service == "SMTP"}),
		}, nil
	}
	t, err := c.live.TLSConfig(l.Name)
	if errors.Is(err, config.ErrNoTLS) {
		return nil, nil
	}
	return t, err
}

// getCertificate is for HTTP; nil without ACME.
func (c *certificates) getCertificate() func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.acme == nil {
		return nil
	}
	return c.acme.GetCertificate
}

// challengeHandler answers CAs over HTTP; nil without ACME.
func (c *certificates) challengeHandler() nethttp.Handler {
	if c.acme == nil {
		return nil
	}
	return c.acme.HTTPHandler(nil)
}

// clientTLS returns the TLS configuration for mail programs of a listener: they may log in with a key.
func (s *server) clientTLS(l *config.Listener, c *tls.Config) *tls.Config {
	if l.TLS != nil && l.TLS.ClientAuthDisabled {
		return c
	}
	return requestClientKeys(s.live, c)
}
