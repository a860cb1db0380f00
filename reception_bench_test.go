package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net"
	"net/smtp"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mox/config"
	"mox/dkim"
	"mox/dns"
	"mox/internal/heapfloor"
	"mox/internal/logging"
)

// BenchmarkReception is the rate at which signed messages of 8 KB from ten clients are taken and stored, without and
// with all checks. DNS answers from memory, and a list is asked too. Most mail has one signature, with RSA.
func BenchmarkReception(b *testing.B) {
	for _, tt := range []struct {
		name   string
		checks bool
		keys   []string
	}{
		{"checks=off", false, []string{"rsa"}},
		{"checks=on/signatures=1", true, []string{"rsa"}},
		{"checks=on/signatures=2", true, []string{"rsa", "ed25519"}},
	} {
		b.Run(tt.name, func(b *testing.B) { benchmarkReception(b, tt.checks, tt.keys) })
	}
}

func benchmarkReception(b *testing.B, checks bool, keys []string) {
	b.Cleanup(heapfloor.Set(heapFloor)) // As a process that serves.
	resolver, signer := signingDomain(b, keys...)
	addr := receivingServer(b, resolver, checks)
	const senders, kinds = 10, 100
	messages := make([]string, kinds)
	for i := range messages {
		m := fmt.Sprintf("From: <ann@signed.example>\r\nTo: <user@example.org>\r\nSubject: message %d\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <%d@signed.example>\r\n\r\n%s", i, i, strings.Repeat("Some words of a message that is as long as most are.\r\n", 150))
		fields, err := signer.Sign(strings.NewReader(m))
		if err != nil {
			b.Fatal(err)
		}
		messages[i] = string(fields) + m
	}
	clients := make([]*smtp.Client, senders)
	for i := range clients {
		c, err := smtp.Dial(addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		if err := c.Hello("mail.signed.example"); err != nil {
			b.Fatal(err)
		}
		clients[i] = c
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(messages[0])))
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := receive(c, messages[i%kinds]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// receive sends a message.
func receive(c *smtp.Client, content string) error {
	if err := c.Mail("ann@signed.example"); err != nil {
		return err
	}
	if err := c.Rcpt("user@example.org"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(content)); err != nil {
		return err
	}
	return w.Close()
}

// signingDomain is signed.example in DNS, whose mail comes from loopback addresses and is signed with keys, of
// "rsa" and "ed25519".
func signingDomain(t testing.TB, keys ...string) (*dns.MemResolver, *dkim.Signer) {
	t.Helper()
	r := &dns.MemResolver{
		PTR: map[string][]string{"127.0.0.1": {"mail.signed.example"}},
		A:   map[string][]string{"mail.signed.example": {"127.0.0.1"}},
		TXT: map[string][]string{
			"signed.example":        {"v=spf1 include:spf.signed.example -all"},
			"spf.signed.example":    {"v=spf1 ip4:192.0.2.0/24 ip4:127.0.0.0/8 -all"},
			"_dmarc.signed.example": {"v=DMARC1; p=reject"},
		},
	}
	o := dkim.SignerOptions{Domain: dns.Domain{ASCII: "signed.example"}}
	for _, name := range keys {
		var key crypto.Signer
		var err error
		if name == "rsa" {
			key, err = rsa.GenerateKey(rand.Reader, 2048)
		} else {
			_, key, err = ed25519.GenerateKey(rand.Reader)
		}
		if err != nil {
			t.Fatal(err)
		}
		record, err := dkim.NewRecord(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		r.TXT[name+"._domainkey.signed.example"] = []string{record.String()}
		o.Selectors = append(o.Selectors, dkim.Selector{Name: dns.Domain{ASCII: name}, Key: key})
	}
	s, err := dkim.NewSigner(o)
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

// receivingServer starts a server for user@example.org, and returns the address of its SMTP port.
func receivingServer(b *testing.B, resolver dns.Resolver, checks bool) string {
	b.Helper()
	dir := b.TempDir()
	in := config.StaticSMTP{Enabled: true, SenderAuthentication: "off"}
	if checks {
		in = config.StaticSMTP{Enabled: true, SenderAuthentication: "on", DNSBLs: []string{"bl.example.net"}}
	}
	static := config.Static{
		DataDir: "data", Hostname: "mx.example.org", Postmaster: config.StaticPostmaster{Account: "user"},
		Listeners: map[string]config.StaticListener{"local": {
			IPs: []string{"127.0.0.1"}, SMTP: in,
			Limits: config.StaticLimits{MessagesPerMinutePerIP: -1, MessagesPerMinutePerNetwork: -1, CommandsPerMinute: -1},
		}},
	}
	dynamic := config.Dynamic{
		Domains:  map[string]config.DynamicDomain{"example.org": {}},
		Accounts: map[string]config.DynamicAccount{"user": {Domain: "example.org", Destinations: map[string]config.DynamicDestination{"user@example.org": {}}}},
	}
	for name, c := range map[string]any{"mox.conf": &static, "domains.conf": &dynamic} {
		if err := writeConfig(filepath.Join(dir, name), c); err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	addr := make(chan string, 1)
	done := make(chan error, 1)
	var log syncBuffer
	levels := new(logging.Levels)
	go func() {
		done <- serve(ctx, serveOptions{
			config:   config.Options{Path: filepath.Join(dir, "mox.conf")},
			log:      logging.New(&log, levels),
			levels:   levels,
			resolver: dns.NewCache(resolver, dns.CacheOptions{}),
			listen: func(network, _ string) (net.Listener, error) {
				return net.Listen(network, "127.0.0.1:0")
			},
			ready: func(_ *config.Config, sockets []socket) { addr <- sockets[0].Addr().String() },
		})
	}()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	select {
	case a := <-addr:
		return a
	case err := <-done:
		done <- err
		b.Fatalf("%v\n%s", err, log.String())
	}
	return ""
}
