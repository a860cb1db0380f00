package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	nethttp "net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/autotls"
	"mox/config"
	"mox/dns"
	"mox/internal/logging"
	"mox/test/pebble"
)

// ownAddress returns an address of the network 127.n that hardly another process uses.
func ownAddress(n int) string {
	return fmt.Sprintf("127.%d.%d.%d", n, os.Getpid()>>8&255, os.Getpid()&255)
}

// startACMEServer serves a configuration with certificates from a Pebble, on addresses by number. All names lead there. Change may
// change mox.conf.
func startACMEServer(t *testing.T, n int, change func(string) string, names ...string) (ip, path string, p *pebble.Server, log *syncBuffer) {
	t.Helper()
	p = pebble.Start(t, ownAddress(220+2*n), nil)
	ip = ownAddress(221 + 2*n)
	resolver := &dns.MemResolver{A: map[string][]string{}}
	for _, name := range names {
		p.Point(name, ip)
		resolver.A[name+"."] = []string{ip}
	}
	dir := t.TempDir()
	path = filepath.Join(dir, "mox.conf")
	for name, text := range map[string]string{
		"mox.conf": change(fmt.Sprintf(`DataDir: data
Hostname: mail.example.org
ACME:
	pebble:
		DirectoryURL: %s
		ContactEmail: postmaster@example.org
		Port: %d
Listeners:
	public:
		IPs:
			- %s
		TLS:
			ACME: pebble
			ClientAuthDisabled: true
		SMTP:
			Enabled: true
			Port: 2525
			SenderAuthentication: off
		IMAPS:
			Enabled: true
			Port: 1993
		MTASTSHTTPS:
			Enabled: true
			Port: %d
		MetricsHTTP:
			Enabled: true
			Port: 8010
Postmaster:
	Account: ann
`, p.DirectoryURL(), pebble.TLSPort, ip, pebble.TLSPort)),
		"domains.conf": `Domains:
	example.org:
		MTASTS:
			PolicyID: 1
	nowhere.example:
		MTASTS:
			PolicyID: 1
Accounts:
	ann:
		Domain: example.org
		Destinations:
			ann@example.org: nil
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log = &syncBuffer{}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	done := make(chan error, 1)
	levels := new(logging.Levels)
	go func() {
		done <- serve(ctx, serveOptions{
			config:     config.Options{Path: path},
			log:        logging.New(log, levels),
			levels:     levels,
			resolver:   resolver,
			acmeClient: &nethttp.Client{Transport: p.Client},
			ready:      func(*config.Config, []socket) { close(ready) },
		})
	}()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("server: %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", log.String())
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatalf("server did not start: %v", err)
	}
	return ip, path, p, log
}

// certificatesOf asks the running server with the command.
func certificatesOf(t *testing.T, path string, args ...string) map[string]hostCertificates {
	t.Helper()
	_, out, errs := mox(t, append([]string{"--config", path, "config", "certificates", "--json"}, args...)...)
	var l []hostCertificates
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatalf("%v: %s%s", err, out, errs)
	}
	byHost := map[string]hostCertificates{}
	for _, h := range l {
		byHost[h.Host] = h
	}
	return byHost
}

// The server gets certificates for its names, serves mail with them, and tells of one that it cannot get.
func TestCertificatesOfACME(t *testing.T) {
	t.Parallel()
	ip, path, p, log := startACMEServer(t, 1, strings.Clone, "mail.example.org", "mta-sts.example.org")
	const wrong = "mta-sts.nowhere.example"
	var got map[string]hostCertificates
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		got = certificatesOf(t, path)
		if got["mail.example.org"].State == autotls.StateValid && got["mta-sts.example.org"].State == autotls.StateValid && got[wrong].State == autotls.StateFailing &&
			!got["mail.example.org"].Requesting && !got["mta-sts.example.org"].Requesting && !got[wrong].Requesting {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("certificates: %+v", got)
		}
	}
	if n := len(got["mail.example.org"].Certificates); n != 2 {
		t.Errorf("mail host has %d certificates, want ECDSA and RSA", n)
	}
	if h := got[wrong]; h.FailureKind != string(autotls.FailureHost) || !strings.Contains(h.Error, "has no address in DNS") || h.NextAttempt == nil {
		t.Errorf("host without address: %+v", h)
	}

	// A client that trusts the CA.
	client := &tls.Config{ServerName: "mail.example.org", RootCAs: p.Issuers()}
	conn, err := tls.Dial("tcp", ip+":1993", client)
	if err != nil {
		t.Fatalf("IMAP: %v", err)
	}
	conn.Close()
	mail, err := smtp.Dial(ip + ":2525")
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	if err := mail.StartTLS(client); err != nil {
		t.Errorf("SMTP: %v", err)
	}
	// SMTP also takes clients that name no host, or a wrong one; HTTP does not.
	conn, err = tls.Dial("tcp", ip+":1993", &tls.Config{ServerName: "mx.example.net", InsecureSkipVerify: true})
	if err != nil {
		t.Errorf("IMAP with another name: %v", err)
	} else {
		if names := conn.ConnectionState().PeerCertificates[0].DNSNames; names[0] != "mail.example.org" {
			t.Errorf("certificate for %q", names)
		}
		conn.Close()
	}
	https := fmt.Sprintf("%s:%d", ip, pebble.TLSPort)
	if _, err := tls.Dial("tcp", https, &tls.Config{ServerName: "mx.example.net", InsecureSkipVerify: true}); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("HTTPS with an unknown name: %v", err)
	}
	conn, err = tls.Dial("tcp", https, &tls.Config{ServerName: "mta-sts.example.org", RootCAs: p.Issuers()})
	if err != nil {
		t.Errorf("HTTPS: %v", err)
	} else {
		conn.Close()
	}

	// What people and machines see.
	code, out, errs := mox(t, "--config", path, "config", "certificates")
	for _, want := range []string{"mail.example.org: valid\n", "  ecdsa-p256 until ", "(in ", "  rsa-2048 until ", "pebble, issuer CN=", "  next request 20", wrong + ": failing\n", "  failed 1 times: " + wrong + " has no address in DNS"} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
	if code == exitOK || !strings.Contains(errs, "one host has no certificate") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, out, errs := mox(t, "--config", path, "config", "certificates", "--retry", "mail.example.org"); code != exitOK || strings.Contains(out, wrong) {
		t.Errorf("one host: exit code %d, %s%s", code, out, errs)
	}
	if code, _, errs := mox(t, "--config", path, "config", "certificates", "example.com"); code == exitOK || !strings.Contains(errs, "no certificate for example.com") {
		t.Errorf("unknown host: exit code %d, %s", code, errs)
	}
	// With connections of its own: who closes an httptest.Server closes those of the default one.
	scraper := &nethttp.Client{Transport: &nethttp.Transport{DisableKeepAlives: true}}
	res, err := scraper.Get("http://" + ip + ":8010/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`mox_tls_certificate_not_after_seconds{host="mail.example.org",source="acme",type="ecdsa-p256"} 1.`,
		`mox_tls_certificate_failures{host="` + wrong + `"} 1`,
		`mox_tls_certificate_requests_total{ca="pebble",result="ok"} 2`,
		`mox_tls_certificate_requests_total{ca="",result="host"} 1`,
		`mox_tls_certificate_last_success_seconds{host="mail.example.org"} 1.`,
	} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if !strings.Contains(log.String(), wrong+" has no address in DNS") {
		t.Error("the log does not tell of the host without address")
	}
}

// A listener for mail alone listens for its CA too.
func TestCertificatesOfMailListener(t *testing.T) {
	t.Parallel()
	ip, path, p, _ := startACMEServer(t, 2, func(s string) string {
		before, rest, _ := strings.Cut(s, "\t\tMTASTSHTTPS:\n")
		_, after, _ := strings.Cut(rest, "\t\tMetricsHTTP:\n")
		return before + "\t\tMetricsHTTP:\n" + after
	}, "mail.example.org")
	// Before there is a certificate, other servers get one that the host has signed.
	mail, err := smtp.Dial(ip + ":2525")
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	if err := mail.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Errorf("SMTP at once: %v", err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		got := certificatesOf(t, path)
		if len(got) != 1 {
			t.Fatalf("certificates for %v", got)
		}
		if h := got["mail.example.org"]; h.State == autotls.StateValid && h.Challenge == string(autotls.TLSALPN01) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("certificates: %+v", got)
		}
	}
	conn, err := tls.Dial("tcp", ip+":1993", &tls.Config{ServerName: "mail.example.org", RootCAs: p.Issuers()})
	if err != nil {
		t.Fatalf("IMAP: %v", err)
	}
	conn.Close()
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "data", "acme", "hosts", "mail.example.org", "ecdsa-p256.key.pem")); err != nil {
		t.Error(err)
	}
}

func TestCertificatesCommandWrong(t *testing.T) {
	t.Parallel()
	if code, _, errs := mox(t, "config", "certificates", "not a name"); code != exitUsage || !strings.Contains(errs, "is not a host name") {
		t.Errorf("bad name: exit code %d, %s", code, errs)
	}
	if code, _, errs := mox(t, "--config", localserveDirectory(t), "config", "certificates"); code == exitOK || !strings.Contains(errs, "no mox server runs") {
		t.Errorf("no server: exit code %d, %s", code, errs)
	}
}

func TestRoughly(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second:        "over",
		30 * time.Second:    "in 30 seconds",
		10 * time.Minute:    "in 10 minutes",
		47 * time.Hour:      "in 47 hours",
		60 * 24 * time.Hour: "in 60 days",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// Certificates of files are looked at too.
func TestCertificatesOfFiles(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	live, err := config.Open(config.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var out syncBuffer
	levels := new(logging.Levels)
	c := &certificates{live: live, log: logging.New(&out, levels)}
	l := c.status(time.Now())
	if len(l) != 1 || l[0].Source != sourceFile || l[0].State != autotls.StateValid || l[0].Certificates[0].KeyType != string(autotls.ECDSAP256) {
		t.Fatalf("status %+v", l)
	}
	end := l[0].Certificates[0].NotAfter
	c.checkFiles(time.Now())
	if out.String() != "" {
		t.Errorf("log of a good certificate: %s", out.String())
	}
	c.checkFiles(end.Add(-5 * 24 * time.Hour))
	c.checkFiles(end.Add(time.Hour))
	for _, want := range []string{"certificate expires soon", "certificate has expired", "mox config reload"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("log lacks %q: %s", want, out.String())
		}
	}
	if state := c.status(end)[0].State; state != autotls.StateExpired {
		t.Errorf("state %s at its end", state)
	}
}

// One that is replaced is looked at once the server has it, and only then: not at each change of the configuration.
func TestCertificatesOfFilesReloaded(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	expire := func() {
		writeCertificate(t, filepath.Dir(path), time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	}
	expire()
	live, err := config.Open(config.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var out syncBuffer
	c := &certificates{live: live, log: logging.New(&out, new(logging.Levels))}
	const expired = "certificate has expired"
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(ctx)
	}()
	out.await(expired, 1)
	expire()
	for range 3 {
		if _, err := live.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	out.await(expired, 2)
	cancel()
	<-done
	if n := strings.Count(out.String(), expired); n != 2 {
		t.Errorf("told of %d times, want twice", n)
	}
}

// A damaged key of one host does not keep the server from starting. Commands and metrics tell of it.
func TestCertificatesDamagedKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "data", "acme", "hosts", "mail.example.org", "rsa-2048.key.pem")
	for path, text := range map[string]string{
		filepath.Join(dir, "mox.conf"): `DataDir: data
Hostname: mail.example.org
ACME:
	main:
		DirectoryURL: https://ca.example/directory
		ContactEmail: postmaster@example.org
Listeners:
	public:
		IPs:
			- 127.0.0.1
		TLS:
			ACME: main
		SMTP:
			Enabled: true
		MTASTSHTTPS:
			Enabled: true
Postmaster:
	Account: ann
`,
		filepath.Join(dir, "domains.conf"): "Domains:\n\texample.org:\n\t\tMTASTS:\n\t\t\tPolicyID: 1\nAccounts:\n\tann:\n\t\tDomain: example.org\n\t\tDestinations:\n\t\t\tann@example.org: nil\n",
		key:                                "cut off",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	live, err := config.Open(config.Options{Path: filepath.Join(dir, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	if got := filepath.Join(acmeDir(live.Current()), "hosts", "mail.example.org", "rsa-2048.key.pem"); got != key {
		t.Fatalf("key is at %s", got)
	}
	var log syncBuffer
	reg := prometheus.NewRegistry()
	c, err := newCertificates(live, &dns.MemResolver{}, nil, reg, logging.New(&log, new(logging.Levels)))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := writeCertificates(&out, c.status(time.Now()), false, time.Now()); err != nil {
		t.Fatal(err)
	}
	moved := "damaged file was moved to " + key + ".damaged-"
	for _, want := range []string{"mail.example.org: pending\n", moved, "mta-sts.example.org: pending\n"} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("output must have %q once:\n%s", want, out.String())
		}
	}
	if !strings.Contains(log.String(), "private key of a host is damaged") || !strings.Contains(log.String(), key+".damaged-") {
		t.Errorf("log: %s", log.String())
	}
	var metrics strings.Builder
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			fmt.Fprintf(&metrics, "%s %s %v\n", f.GetName(), m.GetLabel()[0].GetValue(), m.GetGauge().GetValue())
		}
	}
	for _, want := range []string{"mox_tls_certificate_damaged_files mail.example.org 1\n", "mox_tls_certificate_damaged_files mta-sts.example.org 0\n"} {
		if !strings.Contains(metrics.String(), want) {
			t.Errorf("metrics lack %q:\n%s", want, metrics.String())
		}
	}
}
