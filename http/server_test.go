package http_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/http"
)

func serve(t *testing.T, opts http.ListenerOptions) (addr string, s *http.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = http.New(http.Options{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, opts) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), s
}

func get(t *testing.T, client *nethttp.Client, url, host string) (int, string) {
	t.Helper()
	req, err := nethttp.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestMetricsOnlyForAllowedHosts(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "mox_test_total", Help: "Test."})
	registry.MustRegister(counter)
	counter.Add(3)
	mux := nethttp.NewServeMux()
	mux.Handle("GET /metrics", http.Metrics(registry))
	addr, _ := serve(t, http.ListenerOptions{
		Handler:   mux,
		AllowHost: func(host string) bool { return host == "localhost" },
	})
	client := &nethttp.Client{Transport: &nethttp.Transport{DisableKeepAlives: true}}
	if status, body := get(t, client, "http://"+addr+"/metrics", "localhost"); status != 200 || !strings.Contains(body, "mox_test_total 3") {
		t.Errorf("status %d, body %q", status, body)
	}
	if status, body := get(t, client, "http://"+addr+"/metrics", "evil.example"); status != nethttp.StatusMisdirectedRequest || strings.Contains(body, "mox_test") {
		t.Errorf("other host: status %d, body %q", status, body)
	}
	if status, _ := get(t, client, "http://"+addr+"/other", "localhost"); status != 404 {
		t.Errorf("other path: status %d", status)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	addr, _ := serve(t, http.ListenerOptions{
		Handler:   nethttp.NotFoundHandler(),
		AllowHost: func(string) bool { return true },
		TLS:       &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}},
	})
	client := &nethttp.Client{Transport: &nethttp.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}}
	if status, _ := get(t, client, "https://"+addr+"/", "localhost"); status != 404 {
		t.Errorf("status %d", status)
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	addr, s := serve(t, http.ListenerOptions{Handler: nethttp.NotFoundHandler(), AllowHost: func(string) bool { return true }})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l, http.ListenerOptions{}); err != nil {
		t.Errorf("serving after shutdown: %v", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("a listener given after shutdown stays open")
	}
}
