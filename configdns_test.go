package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mjl-/sconf"

	"mox/config"
	"mox/dkim"
	"mox/dns"
	"mox/dns/resolvertest"
	"mox/dnsrecords"
	"mox/mtasts"
)

// dnsConfig is a configuration of a server on the internet, with DKIM.
func dnsConfig(t *testing.T) (path string) {
	t.Helper()
	path = realConfig(t)
	dir := filepath.Dir(path)
	key, err := dkim.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	text, err := dkim.MarshalPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ed25519.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	changeFile(t, path, func(s *config.Static) {
		l := s.Listeners["public"]
		l.IPs, l.NATIPs = []string{"10.0.0.1"}, []string{"5.9.1.1", "2a01:4f8::1"}
		s.Listeners["public"] = l
	})
	changeFile(t, filepath.Join(dir, "domains.conf"), func(d *config.Dynamic) {
		d.Domains["example.org"] = config.DynamicDomain{DKIM: &config.DynamicDKIM{Selectors: map[string]config.DynamicSelector{"2026a": {PrivateKeyFile: "ed25519.pem"}}}}
	})
	return path
}

// changeFile changes a configuration file.
func changeFile[T any](t *testing.T, path string, change func(*T)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var v T
	if err := sconf.Parse(f, &v); err != nil {
		t.Fatal(err)
	}
	change(&v)
	if err := writeConfig(path, &v); err != nil {
		t.Fatal(err)
	}
}

// The records as they are printed leave nothing to find, and each that is missing is found.
func TestConfigDNS(t *testing.T) {
	t.Parallel()
	path := dnsConfig(t)
	code, zone, errs := mox(t, "--config", path, "config", "dnsrecords", "example.org")
	if code != exitOK {
		t.Fatalf("dnsrecords: exit code %d, %s", code, errs)
	}
	if _, relative, _ := mox(t, "--config", path, "config", "dnsrecords", "--relative", "example.org"); !strings.Contains(relative, "$ORIGIN example.org.\n") {
		t.Errorf("relative: %s", relative)
	}
	_, out, _ := mox(t, "--config", path, "config", "dnsrecords", "--json", "example.org")
	var records []dnsrecords.Record
	if err := json.Unmarshal([]byte(out), &records); err != nil || len(records) < 10 {
		t.Fatalf("%d records, %v in %s", len(records), err, out)
	}
	// What the provider sets is a comment.
	zone = strings.ReplaceAll(zone, "\n; ", "\n") // Comments in words have no place in a zone.
	var lines []string
	for line := range strings.Lines(zone) {
		if strings.Contains(line, " IN ") {
			lines = append(lines, line)
		}
	}
	if len(lines) != len(records) {
		t.Errorf("%d records are printed as text, %d as JSON", len(lines), len(records))
	}
	whole := strings.Join(lines, "")
	check := []string{"--config", path, "config", "dnscheck", "example.org"}
	runLookups(t, resolvertest.Zone(t, whole), []lookupTest{{args: check, out: []string{"ok  MX    example.org.", "ok  TXT   2026a._domainkey.example.org."}}})
	for i, line := range lines {
		r := resolvertest.Zone(t, strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), ""))
		runLookups(t, r, []lookupTest{{args: check, code: exitFailure, out: []string{"Record:", "Cure:", strings.TrimSpace(strings.ReplaceAll(line, "( ", ""))[:20]}, err: "see above for what to do"}})
	}

	var j dnsCheckJSON
	lookupJSON(t, resolvertest.Zone(t, lines[0]), exitFailure, &j, "", check...)
	if j.Domain != "example.org" || j.Problems < 10 || len(j.Findings) < j.Problems {
		t.Errorf("%+v", j)
	}
	runLookups(t, &dns.MemResolver{Fail: []string{"example.org"}}, []lookupTest{
		{args: []string{"--config", path, "config", "dnscheck", "example.net"}, code: exitFailure, err: "there is no such domain in domains.conf: example.net"},
		{args: []string{"--config", path, "config", "dnscheck", "a..b"}, code: exitUsage, err: "give a name such as example.org"},
		{args: []string{"--config", path, "config", "dnscheck"}, code: exitUsage, err: "missing argument"},
		{args: []string{"--config", path, "config", "dnsrecords", "example.net"}, code: exitFailure, err: "no such domain"},
		{args: []string{"--config", path + "x", "config", "dnsrecords", "example.org"}, code: exitFailure, err: "does not exist"},
	})
	runLookups(t, &dns.MemResolver{Before: silence}, []lookupTest{
		{args: append(check, "--timeout", "1ms"), code: exitFailure, out: []string{"Unknown:"}, err: "no result within 1ms"},
	})
}

// What is in DNS may be from a stranger, and must not command the terminal.
func TestConfigDNSCheckEscapes(t *testing.T) {
	t.Parallel()
	path := dnsConfig(t)
	r := &dns.MemResolver{TXT: map[string][]string{"example.org": {"v=spf1 \x1b[31m"}}}
	var b strings.Builder
	runWith(t.Context(), r, []string{"--config", path, "config", "dnscheck", "example.org"}, strings.NewReader(""), &b, &b)
	if strings.Contains(b.String(), "\x1b") || !strings.Contains(b.String(), `\x1b`) {
		t.Errorf("output is not escaped: %s", b.String())
	}
}

// servePolicy serves a policy at a host name, and returns options with which dnscheck fetches that.
func servePolicy(t *testing.T, r *dns.MemResolver, host, policy string) mtasts.FetchOptions {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, policy)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	opts := policyOptions(r)
	opts.RootCAs = x509.NewCertPool()
	opts.RootCAs.AddCert(s.Certificate())
	opts.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
	}
	return opts
}

// dnsCheck runs dnscheck with other options than those of the network.
func dnsCheck(t *testing.T, opts mtasts.FetchOptions, path, domain string) (string, error) {
	t.Helper()
	root, _ := newRoot(opts.Resolver)
	root.AddCommand(configDNSCheckCommand(opts))
	var out strings.Builder
	root.SetOut(&out)
	root.SetArgs([]string{"--config", path, "dnscheck", domain})
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// The policy is fetched as others do it, and compared with what is configured.
func TestConfigDNSCheckPolicy(t *testing.T) {
	t.Parallel()
	path := dnsConfig(t)
	changeFile(t, path, func(s *config.Static) {
		l := s.Listeners["public"]
		l.MTASTSHTTPS.Enabled = true
		s.Listeners["public"] = l
	})
	changeFile(t, filepath.Join(filepath.Dir(path), "domains.conf"), func(d *config.Dynamic) {
		d.Domains["example.com"] = config.DynamicDomain{MTASTS: &config.DynamicMTASTS{PolicyID: "1"}}
	})
	const served = "version: STSv1\nmode: enforce\nmx: mail.example.org\nmax_age: 86400\n"
	for policy, want := range map[string]string{
		served: "policy  mta-sts.example.com.                   the policy is served as it is configured",
		strings.Replace(served, "enforce", "testing", 1): "Problem:   mta-sts.example.com. policy: the policy that is served is not the one that is configured",
	} {
		r := &dns.MemResolver{A: map[string][]string{"mta-sts.example.com": {"10.0.0.1"}}}
		out, err := dnsCheck(t, servePolicy(t, r, "mta-sts.example.com", policy), path, "example.com")
		if err == nil || !strings.Contains(err.Error(), "see above for what to do") {
			t.Errorf("the records are missing: %v", err)
		}
		if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
}
