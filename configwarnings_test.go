package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mox/config"
)

// Settings of websites that have no effect do not stop anybody, and who asks is told.
func TestConfigWarnings(t *testing.T) {
	t.Parallel()
	r := startServer(t, config.Options{Path: realConfig(t)})
	path := filepath.Join(filepath.Dir(r.path), "domains.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ more, want string }{
		{"WebDomains:\n\tww.example.net:\n\t\tPlainHTTP: serve\n", "domains.conf:"},
		{"WebDomains:\n\tww.example.net:\n\t\tPlainHTTP: serve\n", "WebDomains.ww.example.net: is the name of no website"},
		{"", ""},
	} {
		if err := os.WriteFile(path, append(text[:len(text):len(text)], tt.more...), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"test", "reload"} {
			code, _, errs := mox(t, "--config", r.path, "config", command)
			if code != exitOK {
				t.Errorf("%s: exit code %d, %s", command, code, errs)
			}
			if got := strings.HasPrefix(errs, "warning: "); got != (tt.want != "") || !strings.Contains(errs, tt.want) {
				t.Errorf("%s: %q, want %q", command, errs, tt.want)
			}
		}
	}
}

// So it is with certificates that clients refuse.
func TestConfigWarnsOfCertificates(t *testing.T) {
	t.Parallel()
	r := startServer(t, config.Options{Path: realConfig(t)})
	now := time.Now()
	for _, tt := range []struct {
		from, until time.Time
		want        string
	}{
		{now.Add(-2 * time.Hour), now.Add(-time.Hour), "Listeners.public.TLS.KeyCerts[0]: is a certificate that has expired"},
		{now.Add(time.Hour), now.Add(2 * time.Hour), "is valid from"},
		{now.Add(-time.Hour), now.Add(time.Hour), ""},
	} {
		writeCertificate(t, filepath.Dir(r.path), tt.from, tt.until)
		for _, command := range []string{"test", "reload"} {
			code, _, errs := mox(t, "--config", r.path, "config", command)
			if got := strings.HasPrefix(errs, "warning: "); code != exitOK || got != (tt.want != "") || !strings.Contains(errs, tt.want) {
				t.Errorf("%s: exit code %d, %q, want %q", command, code, errs, tt.want)
			}
		}
	}
}

// writeCertificate replaces the certificate of a configuration.
func writeCertificate(t *testing.T, dir string, from, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: from, NotAfter: until}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	der, kerr := x509.MarshalPKCS8PrivateKey(key)
	err = errors.Join(err, kerr,
		os.WriteFile(filepath.Join(dir, "localhost.crt.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600),
		os.WriteFile(filepath.Join(dir, "localhost.key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
}
