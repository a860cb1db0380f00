package autotls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// handshake has a client and a server negotiate TLS, and returns the certificate that the client
// saw. The client does not check it.
func handshake(t *testing.T, server, client *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	done := make(chan error, 1)
	go func() {
		s := tls.Server(a, server)
		done <- s.HandshakeContext(t.Context())
		a.Close()
	}()
	client = client.Clone()
	client.InsecureSkipVerify = true
	c := tls.Client(b, client)
	err := c.HandshakeContext(t.Context())
	b.Close()
	if serr := <-done; err == nil && serr != nil {
		t.Errorf("server: %v", serr)
	}
	if err != nil {
		return nil, err
	}
	return c.ConnectionState().PeerCertificates[0], nil
}

func TestHandshakes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org", "www.example.org")
		w.hosts[0].KeyTypes = []KeyType{RSA2048, ECDSAP256}
		w.start(time.Minute)
		defer w.stop()
		web := &tls.Config{GetCertificate: w.m.GetCertificate, NextProtos: []string{"h2", "http/1.1", ALPNProto}}
		mail := &tls.Config{GetCertificate: w.m.MailCertificate(domain(t, "mail.example.org"), MailOptions{})}
		old := func(name string) *tls.Config {
			return &tls.Config{ServerName: name, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
		}
		for _, tc := range []struct {
			name   string
			server *tls.Config
			client *tls.Config
			want   string // Name in the certificate; empty if there is none.
			alg    x509.PublicKeyAlgorithm
		}{
			{"web", web, &tls.Config{ServerName: "www.example.org"}, "www.example.org", x509.ECDSA},
			{"web, capitals", web, &tls.Config{ServerName: "WWW.Example.ORG"}, "www.example.org", x509.ECDSA},
			{"web, mail host", web, &tls.Config{ServerName: "mail.example.org"}, "mail.example.org", x509.ECDSA},
			{"web, unknown name", web, &tls.Config{ServerName: "example.org"}, "", 0},
			{"web, name below", web, &tls.Config{ServerName: "a.www.example.org"}, "", 0},
			{"web, no name", web, &tls.Config{}, "", 0},
			{"web, RSA only", web, old("mail.example.org"), "mail.example.org", x509.RSA},
			{"validation without order", web, &tls.Config{ServerName: "www.example.org", NextProtos: []string{ALPNProto}}, "", 0},
			{"mail", mail, &tls.Config{ServerName: "mail.example.org"}, "mail.example.org", x509.ECDSA},
			{"mail, other host of ours", mail, &tls.Config{ServerName: "www.example.org"}, "www.example.org", x509.ECDSA},
			{"mail, unknown name", mail, &tls.Config{ServerName: "mx.example.net"}, "mail.example.org", x509.ECDSA},
			{"mail, no name", mail, &tls.Config{}, "mail.example.org", x509.ECDSA},
			{"mail, RSA only", mail, old(""), "mail.example.org", x509.RSA},
			{"mail, RSA only, unknown name", mail, old("mx.example.net"), "mail.example.org", x509.RSA},
		} {
			leaf, err := handshake(t, tc.server, tc.client)
			if tc.want == "" {
				if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
					t.Errorf("%s: certificate %v, error %v", tc.name, leaf, err)
				}
				continue
			}
			if err != nil || leaf.DNSNames[0] != tc.want || leaf.PublicKeyAlgorithm != tc.alg {
				t.Errorf("%s: %v, error %v", tc.name, leaf, err)
			}
		}
		// One order each, the second without another validation where the CA remembers. Both are
		// renewed together.
		if n := w.ca.count("new-order"); n != 3 {
			t.Errorf("%d orders", n)
		}
		w.pass(65 * day)
		if s := w.status("mail.example.org"); len(s.Certificates) != 2 || s.State != StateValid || w.ca.count("new-order") != 6 {
			t.Errorf("after a renewal: %+v, %d orders", s, w.ca.count("new-order"))
		}
		if l := w.m.PublicKeys(domain(t, "mail.example.org")); len(l) != 2 || !sameKey(l[0], w.served("mail.example.org").Leaf.PublicKey) {
			t.Errorf("public keys %v", l)
		}
		if l := w.m.PublicKeys(domain(t, "mx.example.net")); l != nil {
			t.Errorf("public keys of a stranger: %v", l)
		}
	})
}

// Until there is a certificate, SMTP has one that is enough for DANE and better than
// none; mail programs and browsers get an error, after a while at most.
func TestHandshakesBeforeFirstCertificate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		delay := 3 * time.Second
		w.ca.slow = func(endpoint string) time.Duration {
			if endpoint == "new-order" {
				return delay
			}
			return 0
		}
		host := domain(t, "mail.example.org")
		w.start(time.Second)
		smtp := &tls.Config{GetCertificate: w.m.MailCertificate(host, MailOptions{SelfSigned: true})}
		leaf, err := handshake(t, smtp, &tls.Config{})
		if err != nil || leaf.CheckSignatureFrom(leaf) == nil && leaf.IsCA || !sameKey(leaf.PublicKey, w.m.PublicKeys(host)[0]) {
			t.Errorf("self-signed: %v, %v", leaf, err)
		}
		again, err := handshake(t, smtp, &tls.Config{})
		if err != nil || !again.Equal(leaf) {
			t.Errorf("another self-signed one: %v", err)
		}

		begin := time.Now()
		if leaf, err := handshake(t, &tls.Config{GetCertificate: w.m.GetCertificate}, &tls.Config{ServerName: "mail.example.org"}); err != nil || leaf.Issuer.CommonName != "Fake CA" {
			t.Errorf("waiting for the first certificate: %v", err)
		}
		if d := time.Since(begin); d > 3*time.Second {
			t.Errorf("waited for %s", d)
		}
		w.stop()

		// The next one takes too long.
		delay = time.Minute
		w.hosts = hostsOf(t, "www.example.org")
		w.start(time.Second)
		defer w.stop()
		for _, get := range []func(*tls.ClientHelloInfo) (*tls.Certificate, error){w.m.GetCertificate, w.m.MailCertificate(domain(t, "www.example.org"), MailOptions{})} {
			begin = time.Now()
			_, err = handshake(t, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				cert, err := get(hello)
				if !errors.Is(err, ErrNoCertificate) {
					t.Errorf("certificate %v, error %v", cert, err)
				}
				return cert, err
			}}, &tls.Config{ServerName: "www.example.org"})
			if d := time.Since(begin); err == nil || d != handshakeWait {
				t.Errorf("handshake: %v after %s", err, d)
			}
		}
	})
}

// An expired certificate is better than none, for those who do not check it.
func TestExpiredIsServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 90*day, 1, "mail.example.org")
		w.start(time.Minute)
		w.stop()
		w.ca.down = true
		w.pass(100 * day)
		w.start(time.Minute)
		defer w.stop()
		if s := w.status("mail.example.org"); s.State != StateExpired {
			t.Errorf("status %+v", s)
		}
		w.served("mail.example.org")
		w.ca.set(func() { w.ca.down = false })
		w.pass(2 * time.Hour)
		if s := w.status("mail.example.org"); s.State != StateValid {
			t.Errorf("status %+v", s)
		}
	})
}
