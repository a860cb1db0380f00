package http_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/config"
	"mox/http"
)

// hangTimeout ends what hangs. A machine that is busy with other things takes long, and is not wrong.
const hangTimeout = 2 * time.Minute

// running is a server with its configuration and ports.
type running struct {
	t       *testing.T
	dir     string
	live    *config.Live
	server  *http.Server
	metrics *prometheus.Registry
	log     *syncBuffer
	addrs   map[int]string // By port of the configuration.
	ports   map[int]net.Listener
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// files are the configuration of a test. In Listener and Domains, DIR stands for the directory of the files.
type files struct {
	Listener string // Fields of the listener, indented by two tabs.
	General  string // Fields of mox.conf.
	Domains  string // Fields of domains.conf.
	Certs    []string
	Options  func(*http.Options)
}

const domainsConf = `
Domains:
	example.org: nil
Accounts:
	ann:
		Domain: example.org
`

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start serves a configuration on ports of the system's choice.
func start(t *testing.T, f files) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir(), metrics: prometheus.NewRegistry(), log: &syncBuffer{}, addrs: map[int]string{}, ports: map[int]net.Listener{}}
	conf := filepath.Join(r.dir, "config")
	var certs strings.Builder
	for _, name := range f.Certs {
		writeCert(t, conf, name)
		certs.WriteString("\t\t\t\t-\n\t\t\t\t\tCertFile: " + name + ".crt.pem\n\t\t\t\t\tKeyFile: " + name + ".key.pem\n")
	}
	if certs.Len() > 0 {
		f.Listener = "\t\tTLS:\n\t\t\tKeyCerts:\n" + certs.String() + f.Listener
	}
	static := "DataDir: ../data\nHostname: mail.example.org\n" + f.General + "Postmaster:\n\tAccount: ann\nListeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 127.0.0.1\n" + f.Listener
	writeFile(t, filepath.Join(conf, "mox.conf"), strings.ReplaceAll(static, "DIR", r.dir))
	writeFile(t, filepath.Join(conf, "domains.conf"), strings.ReplaceAll(domainsConf+f.Domains, "DIR", r.dir))
	if err := os.MkdirAll(filepath.Join(r.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	live, err := config.Open(config.Options{Path: filepath.Join(conf, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	r.live = live
	opts := http.Options{
		Config:     live,
		Gatherer:   r.metrics,
		Registerer: r.metrics,
		Log:        slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if f.Options != nil {
		f.Options(&opts)
	}
	if r.server, err = http.New(opts); err != nil {
		t.Fatal(err)
	}
	r.serve()
	return r
}

// serve opens the ports, and closes them at the end of the test.
func (r *running) serve() {
	t := r.t
	var served sync.WaitGroup
	for _, listener := range r.live.Current().Listeners {
		for _, p := range listener.WebPorts() {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			r.addrs[p.Port], r.ports[p.Port] = l.Addr().String(), l
			served.Go(func() {
				if err := r.server.Serve(l, listener, p); err != nil {
					t.Error(err)
				}
			})
		}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), hangTimeout)
		defer cancel()
		if err := r.server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		served.Wait()
		if t.Failed() {
			t.Logf("log:\n%s", r.log.String())
		}
	})
}

// change writes domains.conf and reloads.
func (r *running) change(domains string) {
	r.t.Helper()
	writeFile(r.t, filepath.Join(r.dir, "config", "domains.conf"), strings.ReplaceAll(domainsConf+domains, "DIR", r.dir))
	if _, err := r.live.Reload(); err != nil {
		r.t.Fatal(err)
	}
}

// rewriteDomain puts other text in place of the domain of domains.conf and reloads.
func (r *running) rewriteDomain(text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, "config", "domains.conf")
	data, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	writeFile(r.t, path, strings.Replace(string(data), "\texample.org: nil\n", text, 1))
	if _, err := r.live.Reload(); err != nil {
		r.t.Fatal(err)
	}
}

func writeCert(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, name+".crt.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	writeFile(t, filepath.Join(dir, name+".key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// client returns a client that connects to the server whatever the name, and follows no redirects.
func (r *running) client() *nethttp.Client {
	transport := &nethttp.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			n, err := strconv.Atoi(port)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, r.addrs[n])
		},
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2:  true,
		DisableCompression: true,
	}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &nethttp.Client{
		Transport:     transport,
		CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse },
	}
}

// response is what a test looks at.
type response struct {
	*nethttp.Response
	body string
}

// do sends a request made of a method, a URL, and pairs of header fields.
func (r *running) do(c *nethttp.Client, method, url string, fields ...string) response {
	r.t.Helper()
	req, err := nethttp.NewRequestWithContext(r.t.Context(), method, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			req.Host = fields[i+1]
		}
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, url, err)
	}
	return response{resp, string(body)}
}

// get asks for a URL on a connection of its own.
func (r *running) get(url string, fields ...string) response {
	r.t.Helper()
	c := r.client()
	defer c.CloseIdleConnections()
	return r.do(c, "GET", url, fields...)
}

const metricsListener = `
		HTTPHosts:
			- metrics.internal
		MetricsHTTP:
			Enabled: true
`

func TestMetricsOnlyForAllowedHosts(t *testing.T) {
	t.Parallel()
	r := start(t, files{Listener: metricsListener})
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "mox_test_total", Help: "Test."})
	r.metrics.MustRegister(counter)
	counter.Add(3)
	for host, want := range map[string]int{
		"localhost:8010":         200,
		"LOCALHOST":              200,
		"127.0.0.1:8010":         200,
		"mail.example.org":       200,
		"metrics.internal":       200,
		"evil.example":           421,
		"localhost.evil.example": 421,
		"127.0.0.2":              421,
		"[::1]":                  421, // Not an address of this listener.
		"evil..example":          400,
		"localhost:x":            400,
	} {
		resp := r.get("http://localhost:8010/metrics", "Host", host)
		if resp.StatusCode != want || (want == 200) != strings.Contains(resp.body, "mox_test_total 3") {
			t.Errorf("host %s: status %d, want %d; body %.100q", host, resp.StatusCode, want, resp.body)
		}
	}
	if resp := r.get("http://localhost:8010/other"); resp.StatusCode != 404 {
		t.Errorf("other path: status %d", resp.StatusCode)
	}
	if resp := r.do(r.client(), "POST", "http://localhost:8010/metrics"); resp.StatusCode != 405 || resp.Header.Get("Allow") == "" {
		t.Errorf("POST: status %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	r := start(t, files{Listener: metricsListener})
	r.do(r.client(), "GET", "http://localhost:8010/metrics") // By then the port is served.
	if err := r.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A connection could be to somebody else, who has got the port since.
	if err := r.ports[8010].(*net.TCPListener).SetDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the port is still open: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := r.live.Current().Listeners[0]
	if err := r.server.Serve(l, listener, listener.WebPorts()[0]); err != nil {
		t.Errorf("serving after shutdown: %v", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("a listener given after shutdown stays open")
	}
}
