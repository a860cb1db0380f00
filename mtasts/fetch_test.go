package mtasts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/internal/netguard"
)

const servedPolicy = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmax_age: 86400\r\n"

// certificate makes a certificate that is its own CA.
func certificate(t *testing.T, change func(*x509.Certificate)) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mta-sts.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

// policyServer serves over HTTPS, and returns options with which it is asked for policies of all domains with addresses.
func policyServer(t *testing.T, change func(*x509.Certificate), handler http.HandlerFunc) FetchOptions {
	t.Helper()
	cert, roots := certificate(t, change)
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return FetchOptions{
		Resolver: &dns.MemResolver{
			A:            map[string][]string{"mta-sts.example.org": {"192.0.2.1", "192.0.2.2"}, "mta-sts.inside.example": {"127.0.0.1", "10.0.0.1"}},
			TXT:          map[string][]string{"_mta-sts.example.org": {"v=STSv1; id=7"}},
			Fail:         []string{"mta-sts.fail.example"},
			AllAuthentic: true,
		},
		RootCAs: roots,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "192.0.2.1:443" {
				return nil, errors.New("connection refused")
			}
			if address != "192.0.2.2:443" {
				t.Errorf("connection to %s", address)
			}
			return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
}

// serve answers with a policy.
func serve(contentType, policy string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, policy)
	}
}

var exampleOrg = dns.Domain{ASCII: "example.org"}

// A policy is fetched from the first address that can be reached, where HTTP says that it may be cached anew each time.
func TestFetch(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	opts := policyServer(t, nil, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Method != http.MethodGet || r.Host != "mta-sts.example.org" || r.URL.String() != Path || r.TLS.ServerName != "mta-sts.example.org" {
			t.Errorf("%s %s at %s, SNI %s", r.Method, r.URL, r.Host, r.TLS.ServerName)
		}
		w.Header().Set("Cache-Control", "max-age=3600")
		serve("Text/plain; charset=utf-8; x=y", servedPolicy)(w, r)
	})
	for range 2 {
		f, err := Fetch(t.Context(), opts, exampleOrg)
		if err != nil || f.Record.ID != "7" || !f.Authentic || f.Text != servedPolicy || f.Policy.String() != servedPolicy {
			t.Errorf("%+v, %v", f, err)
		}
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests", n)
	}
	// Without a record nobody is asked.
	for domain, want := range map[string]error{"example.net": ErrNoRecord, "sub.example.org": ErrNoRecord} {
		if f, err := Fetch(t.Context(), opts, dns.Domain{ASCII: domain}); !errors.Is(err, want) || f.Text != "" {
			t.Errorf("%s: %+v, %v", domain, f, err)
		}
	}
}

// Wildcards in certificates are for one whole label.
func TestFetchCertificate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*x509.Certificate)
		ok     bool
	}{
		"wildcard": {func(c *x509.Certificate) { c.DNSNames = []string{"*.example.org"} }, true},

		"of the domain":        {func(c *x509.Certificate) { c.DNSNames = []string{"example.org"} }, false},
		"wildcard in label":    {func(c *x509.Certificate) { c.DNSNames = []string{"mta-*.example.org"} }, false},
		"wildcard of other":    {func(c *x509.Certificate) { c.DNSNames = []string{"*.org"} }, false},
		"name in subject only": {func(c *x509.Certificate) { c.DNSNames, c.Subject = nil, pkix.Name{CommonName: "mta-sts.example.org"} }, false},
		"of an address":        {func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(192, 0, 2, 2)} }, false},
		"expired":              {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, false},
		"not for servers":      {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, false},
	} {
		opts := policyServer(t, tc.change, serve("text/plain", servedPolicy))
		_, _, err := FetchPolicy(t.Context(), opts, exampleOrg)
		if tc.ok && err != nil || !tc.ok && !errors.Is(err, ErrCertificate) {
			t.Errorf("%s: %v", name, err)
		}
		opts.RootCAs = x509.NewCertPool()
		if _, _, err := FetchPolicy(t.Context(), opts, exampleOrg); !errors.Is(err, ErrCertificate) {
			t.Errorf("%s, of a CA that is not trusted: %v", name, err)
		}
	}
}

// What is served in another way is no policy.
func TestFetchRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != Path {
				t.Errorf("redirect to %s is followed", r.URL)
			}
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
		}, StatusError(301)},
		"not found":      {http.NotFound, StatusError(404)},
		"no content":     {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }, StatusError(204)},
		"HTML":           {serve("text/html", servedPolicy), ErrPolicy},
		"no type":        {serve("", servedPolicy), ErrPolicy},
		"type of a kind": {serve("text/plainer", servedPolicy), ErrPolicy},
		"no policy":      {serve("text/plain", "hello"), ErrPolicy},
		"too large":      {serve("text/plain", servedPolicy+strings.Repeat("x: "+strings.Repeat("y", 1021)+"\n", 64)), ErrPolicy},
		"cut off": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			serve("text/plain", servedPolicy)(w, r)
		}, ErrFetch},
		"compressed": {func(w http.ResponseWriter, r *http.Request) {
			if e := r.Header.Get("Accept-Encoding"); e != "" {
				t.Errorf("accepts %s", e)
			}
			w.WriteHeader(http.StatusNotAcceptable)
		}, StatusError(406)},
		"long header": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 2*MaxPolicySize))
			serve("text/plain", servedPolicy)(w, r)
		}, ErrFetch},
	} {
		_, _, err := FetchPolicy(t.Context(), policyServer(t, nil, tc.handler), exampleOrg)
		if _, ok := tc.want.(StatusError); ok && !errors.Is(err, ErrFetch) || !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	// As large as it may be.
	policy := servedPolicy + "x: "
	policy += strings.Repeat("y", MaxPolicySize-len(policy))
	if _, text, err := FetchPolicy(t.Context(), policyServer(t, nil, serve("text/plain", policy)), exampleOrg); err != nil || text != policy {
		t.Errorf("largest policy: %d bytes, %v", len(text), err)
	}
}

// A stranger cannot have this machine connect to what is behind it.
func TestFetchAddresses(t *testing.T) {
	t.Parallel()
	opts := policyServer(t, nil, serve("text/plain", servedPolicy))
	for domain, want := range map[string]error{"inside.example": netguard.ErrNotPublic, "fail.example": ErrFetch, "none.example": ErrFetch} {
		if _, _, err := FetchPolicy(t.Context(), opts, dns.Domain{ASCII: domain}); !errors.Is(err, want) || !errors.Is(err, ErrFetch) {
			t.Errorf("%s: %v, want %v", domain, err, want)
		}
	}
	if _, _, err := FetchPolicy(t.Context(), opts, dns.Domain{ASCII: strings.Repeat(strings.Repeat("a", 60)+".", 4) + "example"}); !errors.Is(err, ErrFetch) {
		t.Errorf("domain that is too long: %v", err)
	}
}

// A server that says nothing, or does so slowly, is not waited for.
func TestFetchTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := FetchOptions{
			Resolver: &dns.MemResolver{A: map[string][]string{"mta-sts.example.org": {"192.0.2.1"}}},
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					defer theirs.Close()
					io.Copy(io.Discard, theirs)
				}()
				return ours, nil
			},
		}
		begin := time.Now()
		if _, _, err := FetchPolicy(t.Context(), opts, exampleOrg); !errors.Is(err, ErrFetch) || time.Since(begin) != FetchTimeout {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		if _, _, err := FetchPolicy(ctx, opts, exampleOrg); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("with a second: after %s: %v", time.Since(begin), err)
		}
	})
}
