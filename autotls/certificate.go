package autotls

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"mox/dns"
)

// handshakeWait is how long a handshake waits for a certificate that is just being requested.
const handshakeWait = 5 * time.Second

// ErrNoCertificate is returned to handshakes for a host that has no certificate yet.
var ErrNoCertificate = errors.New("there is no certificate for this host yet")

// GetCertificate is for tls.Config of a web server. It returns the certificate of the
// host that the client names, one that has expired too. For other hosts, and without a name, it
// returns nil, from which package tls makes the alert unrecognized_name (RFC 6066 §3) if the tls.Config has no
// Certificates. For a host without certificate it waits some seconds if one is being requested, otherwise it
// returns ErrNoCertificate.
//
// With ALPNProto among NextProtos of the tls.Config, it answers TLS-ALPN-01 challenges, only then.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := serverName(hello)
	if isValidation(hello) {
		// Nil where nothing was asked for: the real certificate must not answer (RFC 8737 §3).
		return m.challenges.certificate(name), nil
	}
	h := m.lookup(name)
	if h == nil {
		return nil, nil
	}
	return m.certificate(h, hello)
}

// MailOptions are for MailCertificate.
type MailOptions struct {
	// SelfSigned has a host without certificate use one that it signs itself, with its lasting
	// key. Senders of mail do not check certificates, but for DANE and MTA-STS, and for DANE the key
	// is enough (RFC 7672 §3.1.1); without TLS they would send in the clear. It is not for mail programs,
	// whose users would be asked to trust it.
	SelfSigned bool
}

// MailCertificate returns a function for tls.Config.GetCertificate of a mail server. It is as
// the method GetCertificate, but a client that names no host, or one that is not ours, gets the
// certificate of host: few clients of SMTP name the right one, and few check.
func (m *Manager) MailCertificate(host dns.Domain, opts MailOptions) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if name := serverName(hello); name != host.ASCII {
			if h := m.lookup(name); h != nil {
				if cert := m.pick(h, hello); cert != nil {
					return cert, nil
				}
			}
			// For this host the certificate is to fit, whatever the client named.
			named := *hello
			named.ServerName = host.ASCII
			hello = &named
		}
		h := m.lookup(host.ASCII)
		if h == nil {
			return nil, fmt.Errorf("%s: %w", host, ErrNoCertificate)
		}
		if opts.SelfSigned {
			if cert := m.pick(h, hello); cert != nil {
				return cert, nil
			}
			return m.selfSigned(h)
		}
		return m.certificate(h, hello)
	}
}

// serverName returns the host that a client names, in our form.
func serverName(hello *tls.ClientHelloInfo) string {
	return strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
}

// lookup returns a host that is wanted, or nil.
func (m *Manager) lookup(name string) *host {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if h := m.hosts[name]; h != nil && h.wanted {
		return h
	}
	return nil
}

// certificate returns the certificate of a host for a client. It waits for one that is being requested.
func (m *Manager) certificate(h *host, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if cert := m.pick(h, hello); cert != nil {
		return cert, nil
	}
	m.mu.RLock()
	running, ended, name := h.running, h.ended, h.Name
	m.mu.RUnlock()
	if ctx := hello.Context(); running && ctx != nil { // Nil for a hello that is of no handshake.
		timer := time.NewTimer(handshakeWait)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
		case <-ctx.Done():
		}
		if cert := m.pick(h, hello); cert != nil {
			return cert, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", name, ErrNoCertificate)
}

// pick returns the best certificate of a host for a client, nil if it has none: of those
// that the client can use the first one that has not expired, by our order of types.
func (m *Manager) pick(h *host, hello *tls.ClientHelloInfo) *tls.Certificate {
	m.mu.RLock()
	certs := h.certs
	m.mu.RUnlock()
	var best *tls.Certificate
	bestRank := -1
	now := time.Now()
	for _, t := range keyTypes {
		cert := certs[t]
		if cert == nil {
			continue
		}
		rank := 0
		if hello.SupportsCertificate(cert) == nil {
			rank += 2
		}
		if now.Before(cert.Leaf.NotAfter) {
			rank++
		}
		if rank > bestRank {
			best, bestRank = cert, rank
		}
	}
	return best
}

// selfSigned returns a certificate that a host has signed itself.
func (m *Manager) selfSigned(h *host) (*tls.Certificate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.untrusted != nil {
		return h.untrusted, nil
	}
	key := h.keys[h.types()[0]]
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: h.Name.ASCII},
		DNSNames:     []string{h.Name.ASCII},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(defaultLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if h.untrusted, err = newCertificate([][]byte{der}, key, h.Name); err != nil {
		return nil, err
	}
	return h.untrusted, nil
}

// PublicKeys returns the public keys of a wanted host, by our order of types; nil for
// other hosts. They are those of its TLSA records.
func (m *Manager) PublicKeys(host dns.Domain) []crypto.PublicKey {
	h := m.lookup(host.ASCII)
	if h == nil {
		return nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var l []crypto.PublicKey
	for _, t := range keyTypes {
		if key := h.keys[t]; key != nil {
			l = append(l, key.Public())
		}
	}
	return l
}
