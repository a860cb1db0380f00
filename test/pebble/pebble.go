// Package pebble starts Pebble, an ACME server, for tests: a CA that validates hosts as real ones do. It is
// built by test/setup.sh.
package pebble

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Ports of the server.
const (
	acmePort       = "14000"
	managementPort = "15000"
	dnsPort        = "8053" // Not that of multicast DNS, which others of the machine may have at all addresses.
)

// Ports at which it validates hosts.
const (
	TLSPort  = 5001
	HTTPPort = 5002
)

// patience is how long anything may take before a test fails that hangs. Machines stall, and keys take their time.
const patience = 5 * time.Minute

// Server is a running Pebble with a DNS server that it asks. It listens on one address.
type Server struct {
	IP     string
	Client *Client // For requests to it.

	t     *testing.T
	dir   string
	env   []string
	roots *x509.CertPool // Of its own certificate.

	certificate []byte // PEM.
	resolver    string
	cmd         *exec.Cmd
	out         output

	mu    sync.Mutex // Guards names.
	names map[string]string
}

// output is what a program writes while a test reads.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Client is a transport that trusts the server. It counts requests, and can answer some in place of the server.
type Client struct {
	transport http.RoundTripper

	mu     sync.Mutex // Guards what follows.
	counts map[string]int
	answer func(endpoint string) *http.Response
}

// RoundTrip implements http.RoundTripper.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	endpoint, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c.mu.Lock()
	c.counts[endpoint]++
	c.counts[""]++
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		if res := answer(endpoint); res != nil {
			res.Request = r
			return res, nil
		}
	}
	return c.transport.RoundTrip(r)
}

// Answer has requests answered without the server, where f returns a response.
func (c *Client) Answer(f func(endpoint string) *http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

// Count returns how many requests there were to an endpoint of Pebble, the first element of paths, or with "" to all.
func (c *Client) Count(endpoint string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[endpoint]
}

// Start starts a server on a loopback address of its own, until the end of the test. The settings are added to
// its configuration.
func Start(t *testing.T, ip string, settings map[string]any, env ...string) *Server {
	t.Helper()
	return StartAsking(t, ip, "", settings, env...)
}

// StartAsking is Start with a resolver, host and port, in place of the names that Point sets.
func StartAsking(t *testing.T, ip, resolver string, settings map[string]any, env ...string) *Server {
	t.Helper()
	// By itself it refuses one good nonce in twenty, so that requests come twice. Where env says otherwise, that counts, as it comes last.
	env = append([]string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0", "PEBBLE_WFE_NONCEREJECT=0"}, env...)
	p := &Server{t: t, IP: ip, resolver: resolver, dir: t.TempDir(), names: map[string]string{}, env: env}
	p.writeCertificate()
	p.Client = &Client{counts: map[string]int{}, transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots}, DisableKeepAlives: true}}
	config := map[string]any{
		"listenAddress":           net.JoinHostPort(p.IP, acmePort),
		"managementListenAddress": net.JoinHostPort(p.IP, managementPort),
		"certificate":             filepath.Join(p.dir, "cert.pem"),
		"privateKey":              filepath.Join(p.dir, "key.pem"),
		"httpPort":                HTTPPort,
		"tlsPort":                 TLSPort,
		"retryAfter":              map[string]int{"authz": 1, "order": 1},
	}
	for k, v := range settings {
		config[k] = v
	}
	data, err := json.Marshal(map[string]any{"pebble": config})
	if err != nil {
		t.Fatal(err)
	}
	p.writeFile("config.json", data)
	if p.resolver == "" {
		p.resolver = net.JoinHostPort(p.IP, dnsPort)
		p.serveDNS()
	}
	p.Start()
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("pebble:\n%s", p.out.String())
		}
	})
	return p
}

// writeCertificate makes the certificate of the server itself.
func (p *Server) writeCertificate() {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP(p.IP)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	p.certificate = cert
	p.writeFile("cert.pem", cert)
	p.writeFile("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	p.roots = x509.NewCertPool()
	p.roots.AppendCertsFromPEM(cert)
}

func (p *Server) writeFile(name string, data []byte) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), data, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// Certificate returns the certificate of the server itself, in PEM.
func (p *Server) Certificate() []byte { return p.certificate }

// DirectoryURL returns where ACME begins.
func (p *Server) DirectoryURL() string { return "https://" + net.JoinHostPort(p.IP, acmePort) + "/dir" }

// Point has a name lead to an address, or with "" nowhere.
func (p *Server) Point(name, ip string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.names, name+".")
	if ip != "" {
		p.names[name+"."] = ip
	}
}

// serveDNS answers with the addresses of names.
func (p *Server) serveDNS() {
	p.t.Helper()
	addr := net.JoinHostPort(p.IP, dnsPort)
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		p.t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, server := range []*dns.Server{{PacketConn: udp}, {Listener: tcp}} {
		server.Handler = dns.HandlerFunc(p.answerDNS)
		go func() { _ = server.ActivateAndServe() }() // Until it is closed.
	}
	p.t.Cleanup(func() {
		udp.Close()
		tcp.Close()
	})
}

func (p *Server) answerDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	p.mu.Lock()
	ip, ok := p.names[strings.ToLower(q.Question[0].Name)]
	p.mu.Unlock()
	if !ok {
		m.Rcode = dns.RcodeNameError
	} else if q.Question[0].Qtype == dns.TypeA {
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.ParseIP(ip)}}
	}
	_ = w.WriteMsg(m) // Pebble asks again.
}

// Start starts the server again after Stop.
func (p *Server) Start() {
	p.t.Helper()
	_, file, _, _ := runtime.Caller(0)
	p.cmd = exec.Command(filepath.Join(filepath.Dir(file), "..", "tools", "bin", "pebble"), "-config", filepath.Join(p.dir, "config.json"), "-dnsserver", p.resolver)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("starting pebble: %v; run test/setup.sh", err)
	}
	for _, port := range []string{acmePort, managementPort} {
		p.waitListening(net.JoinHostPort(p.IP, port))
	}
}

func (p *Server) waitListening(addr string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("pebble does not listen on %s:\n%s", addr, p.out.String())
		}
	}
}

// Stop ends the server, which forgets all it knew.
func (p *Server) Stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// Issuers returns the root that certificates are issued by.
func (p *Server) Issuers() *x509.CertPool {
	p.t.Helper()
	pool := x509.NewCertPool()
	if data := p.IssuersPEM(); !pool.AppendCertsFromPEM(data) {
		p.t.Fatalf("no root in %q", data)
	}
	return pool
}

// IssuersPEM is Issuers in PEM.
func (p *Server) IssuersPEM() []byte {
	p.t.Helper()
	client := &http.Client{Transport: p.Client.transport}
	res, err := client.Get("https://" + net.JoinHostPort(p.IP, managementPort) + "/roots/0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return data
}
