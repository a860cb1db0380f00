package config

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/autotls"
)

const acmeStatic = `
DataDir: ../data
Hostname: mail.example.org
ACME:
	letsencrypt:
		DirectoryURL: https://acme-v02.api.letsencrypt.org/directory
		ContactEmail: postmaster@example.org
		IssuerDomainName: letsencrypt.org
		Fallbacks:
			- other
	other:
		DirectoryURL: https://acme.example.net/directory
		ContactEmail: postmaster@example.org
		RenewBefore: 240h
		Port: 1443
		ExternalAccountBinding:
			KeyID: kid-1
			KeyFile: eab.key
Listeners:
	public:
		IPs:
			- 127.0.0.1
		TLS:
			ACME: letsencrypt
			ClientAuthDisabled: true
			HostPrivateKeyFiles:
				- ecdsa.pem
				- rsa.pem
		SMTP:
			Enabled: true
			Port: 2525
		IMAPS:
			Enabled: true
			Port: 1993
Postmaster:
	Account: ann
`

const acmeDynamic = `
Domains:
	example.org: nil
Accounts:
	ann:
		Domain: example.org
		Destinations:
			ann@example.org: nil
`

// writeACME writes the configuration above, with changes, and the keys it names.
func writeACME(t *testing.T, changes ...string) (path string, keys []crypto.Signer) {
	t.Helper()
	path = write(t, strings.NewReplacer(changes...).Replace(acmeStatic), acmeDynamic)
	dir := filepath.Dir(path)
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, kt := range []autotls.KeyType{autotls.ECDSAP256, autotls.RSA2048} {
		key, err := autotls.GenerateKey(kt)
		if err != nil {
			t.Fatal(err)
		}
		data, err := autotls.MarshalKey(key)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(string(kt), "-")
		put(name+".pem", data)
		put(name+"2.pem", data)
		keys = append(keys, key)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	put("p384.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	put("eab.key", []byte("AAEC_-8=\n"))
	put("plain.key", []byte("AAEC/+8="))
	put("bad.key", []byte("not base64!"))
	put("empty.key", nil)
	return path, keys
}

func TestACME(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"eab.key", "plain.key"} {
		path, keys := writeACME(t, "eab.key", file)
		cfg, err := Load(Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		le, other := cfg.ACME[0], cfg.ACME[1]
		if le.Name != "letsencrypt" || le.Contact != "postmaster@example.org" || le.Port != 443 || le.IssuerDomainName.ASCII != "letsencrypt.org" || le.ExternalAccount != nil || le.Fallbacks[0] != "other" {
			t.Errorf("letsencrypt: %+v", le)
		}
		if other.Port != 1443 || other.RenewBefore != 240*time.Hour || other.ExternalAccount.KeyID != "kid-1" || string(other.ExternalAccount.Key) != "\x00\x01\x02\xff\xef" {
			t.Errorf("other: %+v, %+v", other, other.ExternalAccount)
		}
		l := cfg.Listeners[0].TLS
		if l.ACME != le || len(l.Certificates) != 0 || !l.ClientAuthDisabled || len(l.HostKeys) != 2 || l.HostKeys[0].Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(keys[0].Public()) == false {
			t.Errorf("listener: %+v", l)
		}
		live, err := Open(Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if c, err := live.TLSConfig("public"); err != nil {
			t.Error(err)
		} else if cert, err := c.GetCertificate(nil); cert != nil || err != nil {
			t.Errorf("a certificate of no file: %v, %v", cert, err)
		}
	}
}

func TestACMEProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, old, new string
		want           []string
	}{
		{"plain HTTP", "https://acme.example.net/directory", "http://acme.example.net/directory", []string{"ACME.other.DirectoryURL: ", "write one with https"}},
		{"no URL", "https://acme.example.net/directory", "letsencrypt", []string{"ACME.other.DirectoryURL: "}},
		{"name", "\tother:\n", "\t../other:\n", []string{"ACME.../other: ", "cannot be the name"}},
		{"contact", "ContactEmail: postmaster@example.org\n\t\tIssuer", "ContactEmail: postmaster\n\t\tIssuer", []string{"ACME.letsencrypt.ContactEmail: ", "is not an address"}},
		{"time", "RenewBefore: 240h", "RenewBefore: -1h", []string{"ACME.other.RenewBefore: -1h0m0s is negative"}},
		{"port", "Port: 1443", "Port: 70000", []string{"ACME.other.Port: 70000"}},
		{"issuer", "letsencrypt.org\n\t\tFall", "a b\n\t\tFall", []string{"ACME.letsencrypt.IssuerDomainName: "}},
		{"key id", "KeyID: kid-1", "KeyID: ", []string{"ExternalAccountBinding: the key id is empty"}},
		{"key", "KeyFile: eab.key", "KeyFile: bad.key", []string{"bad.key does not have a key in base64url"}},
		{"no key", "KeyFile: eab.key", "KeyFile: empty.key", []string{"empty.key does not have a key"}},
		{"no key file", "KeyFile: eab.key", "KeyFile: none.key", []string{"no such file"}},
		{"fallback", "- other", "- zerossl", []string{`ACME.letsencrypt.Fallbacks[0]: "zerossl" is not another entry`, "use one of: other"}},
		{"fallback to itself", "- other", "- letsencrypt", []string{"ACME.letsencrypt.Fallbacks[0]: "}},
		{"unknown CA", "ACME: letsencrypt", "ACME: letsencrpyt", []string{"Listeners.public.TLS.ACME: ", `no entry "letsencrpyt"`, "use one of: letsencrypt, other"}},
		{"both", "ACME: letsencrypt\n", "ACME: letsencrypt\n\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: a\n\t\t\t\t\tKeyFile: b\n", []string{"Listeners.public.TLS: has both ACME and KeyCerts"}},
		{"neither", "\t\t\tACME: letsencrypt\n", "", []string{"TLS.KeyCerts: is empty; set ACME", "HostPrivateKeyFiles: is only for"}},
		{"host key", "ecdsa.pem", "p384.pem", []string{"HostPrivateKeyFiles[0]: p384.pem: ", "P-256"}},
		{"host key missing", "ecdsa.pem", "none.pem", []string{"HostPrivateKeyFiles[0]: ", "no such file"}},
		{"two of a type", "rsa.pem", "ecdsa2.pem", []string{"HostPrivateKeyFiles[1]: ecdsa2.pem is of the same type as ecdsa.pem"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(acmeStatic, tc.old) {
				t.Fatal("the test changes nothing")
			}
			path, _ := writeACME(t, tc.old, tc.new)
			_, err := Load(Options{Path: path})
			var problems *Error
			if !errors.As(err, &problems) {
				t.Fatalf("error %v, want problems", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestCertificateHosts(t *testing.T) {
	t.Parallel()
	static := strings.NewReplacer("Hostname: mail.example.org\n", "Hostname: Mail.example.org\n",
		"\t\tIMAPS:\n", "\t\tMTASTSHTTPS:\n\t\t\tEnabled: true\n\t\tAutoconfigHTTPS:\n\t\t\tEnabled: true\n\t\t\tNonTLS: true\n\t\tWebserverHTTP:\n\t\t\tEnabled: true\n\t\tWebserverHTTPS:\n\t\t\tEnabled: true\n\t\tIMAPS:\n",
		"\tpublic:\n", "\tother:\n\t\tIPs:\n\t\t\t- 127.0.0.2\n\t\tHostname: web.example.org\n\t\tTLS:\n\t\t\tACME: other\n\t\tAutoconfigHTTPS:\n\t\t\tEnabled: true\n\tpublic:\n").Replace(acmeStatic)
	dynamic := strings.Replace(acmeDynamic, "\texample.org: nil\n", `	example.org:
		ClientSettingsDomain: imap.example.org
		MTASTS:
			PolicyID: 1
			Mode: enforce
	bücher.example: nil
WebDomainRedirects:
	example.org: www.example.org
	localhost: www.example.org
WebHandlers:
	-
		Domain: www.example.org
		PathRegexp: ^/
		WebRedirect:
			BaseURL: https://example.net
	-
		Domain: own.example.org
		PathRegexp: ^/
		WebRedirect:
			BaseURL: https://example.net
WebDomains:
	own.example.org:
		KeyCerts:
			-
				CertFile: own.crt.pem
				KeyFile: own.key.pem
`, 1)
	path, _ := writeACME(t)
	dir := filepath.Dir(path)
	writeCert(t, dir, "own", "own.example.org")
	for name, text := range map[string]string{"mox.conf": static, "domains.conf": dynamic} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := Load(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range cfg.CertificateHosts() {
		got = append(got, fmt.Sprintf("%s %v %d keys %v", h.Name, h.KeyTypes, len(h.Keys), h.CAs))
	}
	want := []string{
		"web.example.org [ecdsa-p256] 0 keys [other]",
		"mail.example.org [ecdsa-p256 rsa-2048] 2 keys [letsencrypt other]",
		"imap.example.org [ecdsa-p256 rsa-2048] 0 keys [letsencrypt other]",
		"autoconfig.example.org [ecdsa-p256] 0 keys [other]",
		"autoconfig.xn--bcher-kva.example [ecdsa-p256] 0 keys [other]",
		"autodiscover.example.org [ecdsa-p256] 0 keys [other]",
		"autodiscover.xn--bcher-kva.example [ecdsa-p256] 0 keys [other]",
		"mta-sts.example.org [ecdsa-p256] 0 keys [letsencrypt other]",
		"example.org [ecdsa-p256] 0 keys [letsencrypt other]",
		"www.example.org [ecdsa-p256] 0 keys [letsencrypt other]",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("hosts:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if l := cfg.CertificateChallenges(); len(l) != 2 {
		t.Errorf("challenges %v", l)
	}
	for _, l := range cfg.Listeners {
		found := slices.ContainsFunc(l.WebPorts(), func(p WebPort) bool { return p.TLS && p.Port == l.TLS.ACME.Port })
		if !found {
			t.Errorf("listener %s does not listen on the port of its CA: %+v", l.Name, l.WebPorts())
		}
	}
}
