package http_test

import (
	"crypto/tls"
	"net"
	nethttp "net/http"
	"path/filepath"
	"strings"
	"testing"

	"mox/http"
)

// handshake returns the names in the certificate for a client, and the error.
func (r *running) handshake(port int, config *tls.Config) ([]string, error) {
	config.InsecureSkipVerify = true
	conn, err := tls.Dial("tcp", r.addrs[port], config)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].DNSNames, nil
}

// A client gets the certificate of the name that it asks for, and of no other.
func TestCertificates(t *testing.T) {
	t.Parallel()
	own := filepath.Join(t.TempDir(), "own")
	writeCert(t, own, "own.example.org")
	r, _ := startSites(t, files{
		Certs: []string{"shop.example.com", "mail.example.org"},
		Listener: webListener + `
		HTTPHosts:
			- mail.internal
		MetricsHTTPS:
			Enabled: true
			Port: 443
`,
		Domains: "",
	})
	r.change(strings.Replace(sites("http://127.0.0.1:9"), "WebDomains:\n", "WebDomains:\n\town.example.org:\n\t\tMinTLSVersion: TLSv1.3\n\t\tKeyCerts:\n\t\t\t-\n\t\t\t\tCertFile: "+own+"/own.example.org.crt.pem\n\t\t\t\tKeyFile: "+own+"/own.example.org.key.pem\n", 1))
	for name, want := range map[string]string{
		"mail.example.org": "mail.example.org",
		"MAIL.example.org": "mail.example.org",
		"www.example.org":  "www.example.org",
		"shop.example.com": "shop.example.com",
		"own.example.org":  "own.example.org",
		"":                 "mail.example.org", // By address.
		"mail.internal":    "mail.example.org", // Another name of the host.

		"plain.example.org":  "", // Known, but nobody has a certificate.
		"unknown.example":    "",
		"a.www.example.org":  "",
		"xn--a.example":      "",
		"www.example.org.uk": "",
	} {
		names, err := r.handshake(443, &tls.Config{ServerName: name})
		switch {
		case want == "" && (err == nil || !strings.Contains(err.Error(), "unrecognized name")): // RFC 6066 §3; crypto/tls has no type for it.
			t.Errorf("name %q: certificate %q, error %v", name, names, err)
		case want != "" && (err != nil || len(names) != 1 || names[0] != want):
			t.Errorf("name %q: certificate %q, error %v, want %s", name, names, err, want)
		}
	}
	if _, err := r.handshake(443, &tls.Config{ServerName: "own.example.org", MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("a domain with MinTLSVersion speaks an older version")
	}
	if _, err := r.handshake(443, &tls.Config{ServerName: "www.example.org", MaxVersion: tls.VersionTLS12}); err != nil {
		t.Errorf("another domain: %v", err)
	}
	if _, err := r.handshake(443, &tls.Config{ServerName: "www.example.org", MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

// A connection for one name does not serve another one with another certificate.
func TestHostThatTLSWasNotAskedFor(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	for name, want := range map[string]int{"www.example.org": 200, "example.org": 421} {
		c := r.client()
		c.Transport.(*nethttp.Transport).TLSClientConfig.ServerName = name
		if resp := r.do(c, "GET", "https://www.example.org/a.txt"); resp.StatusCode != want {
			t.Errorf("TLS for %s, request for www.example.org: %d, want %d", name, resp.StatusCode, want)
		}
	}
}

func TestPlainHTTPOnPortWithTLS(t *testing.T) {
	t.Parallel()
	r, _ := startSites(t, files{})
	conn, err := net.Dial("tcp", r.addrs[443])
	if err != nil {
		t.Fatal(err)
	}
	if codes := exchangeRaw(t, conn, "GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"); len(codes) != 1 || codes[0] != 400 {
		t.Errorf("codes %v", codes)
	}
}

// Certificates that an authority issues come from a function, as do answers to its challenges.
func TestGetCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"plain.example.org", "challenge.example"} {
		writeCert(t, dir, name)
	}
	load := func(name string) *tls.Certificate {
		c, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt.pem"), filepath.Join(dir, name+".key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	issued, challenge := load("plain.example.org"), load("challenge.example")
	r, _ := startSites(t, files{Options: func(o *http.Options) {
		o.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			switch {
			case len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == "acme-tls/1":
				return challenge, nil
			case hello.ServerName == "plain.example.org":
				return issued, nil
			}
			return nil, nil
		}
		o.ACMEChallenge = nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			w.Write([]byte("key authorization for " + r.Host))
		})
	}})
	for _, tt := range []struct {
		config *tls.Config
		want   string
	}{
		{&tls.Config{ServerName: "plain.example.org"}, "plain.example.org"},
		{&tls.Config{ServerName: "www.example.org"}, "www.example.org"},
		{&tls.Config{ServerName: "www.example.org", NextProtos: []string{"acme-tls/1"}}, "challenge.example"},
	} {
		names, err := r.handshake(443, tt.config)
		if err != nil || names[0] != tt.want {
			t.Errorf("%s %v: %q, %v", tt.config.ServerName, tt.config.NextProtos, names, err)
		}
	}
	if _, err := r.handshake(443, &tls.Config{ServerName: "unknown.example"}); err == nil {
		t.Error("an unknown name gets a certificate")
	}
	// Any host may be one that a certificate is on its way for. With TLS there are no challenges.
	if resp := r.get("http://new.example/.well-known/acme-challenge/token"); resp.body != "key authorization for new.example" {
		t.Errorf("challenge: %d %q", resp.StatusCode, resp.body)
	}
	if resp := r.get("https://www.example.org/.well-known/acme-challenge/token"); resp.StatusCode != 404 {
		t.Errorf("challenge over TLS: %d", resp.StatusCode)
	}
}
