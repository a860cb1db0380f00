package checks

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mox/dns"
	"mox/internal/panics"
	"mox/pipeline"
	"mox/smtp"
)

// brokenResolver has a bug that a name in DNS meets.
type brokenResolver struct {
	*dns.MemResolver
	broken string
}

func (r brokenResolver) LookupAddr(ctx context.Context, ip netip.Addr) ([]string, dns.Result, error) {
	r.look(ip.String())
	return r.MemResolver.LookupAddr(ctx, ip)
}

func (r brokenResolver) LookupIP(ctx context.Context, network, host string) ([]netip.Addr, dns.Result, error) {
	r.look(host)
	return r.MemResolver.LookupIP(ctx, network, host)
}

func (r brokenResolver) LookupTXT(ctx context.Context, name string) ([]string, dns.Result, error) {
	r.look(name)
	return r.MemResolver.LookupTXT(ctx, name)
}

func (r brokenResolver) look(name string) {
	if strings.TrimSuffix(name, ".") == r.broken {
		panic("broken by " + r.broken)
	}
}

// A bug in any part of a check, also in what runs beside the dialogue, neither lets a message in nor ends the process.
func TestBugRefusesForNow(t *testing.T) {
	t.Parallel()
	mem, signer := zone(t)
	chain := sealed(t, signer, "From: a@good.example\r\n\r\nbody\r\n")
	for _, tt := range []struct{ name, broken string }{
		{"iprev", "192.0.2.1"},
		{"name of the client, and SPF of EHLO", "mail.good.example"},
		{"SPF", "good.example"},
		{"DKIM and ARC", "sel._domainkey.good.example"},
		{"DMARC", "_dmarc.good.example"},
		{"block list", "1.2.0.192.bl.example"},
	} {
		for _, cached := range []bool{false, true} {
			var resolver dns.Resolver = brokenResolver{mem, tt.broken}
			if cached {
				resolver = dns.NewCache(resolver, dns.CacheOptions{})
			}
			bugs := 0
			r := pipeline.NewRunner(pipeline.RunnerOptions{
				Checks: []pipeline.Use{
					{Check: NewSenderAuth(SenderAuthOptions{Resolver: resolver, Hostname: dns.Domain{ASCII: "mx.example"}, Policy: DMARCEnforce})},
					{Check: NewDNSBL(DNSBLOptions{Resolver: resolver, Zones: []dns.Domain{{ASCII: "bl.example"}}, Listed: pipeline.Reject})},
				},
				Observe: func(_ string, _ pipeline.Stage, _ pipeline.Verdict, err error, _ time.Duration) {
					if _, ok := errors.AsType[*panics.Error](err); ok {
						bugs++
					}
				},
			})
			if refused := receive(t, r, chain); refused == nil || refused.Code != 451 || bugs == 0 {
				t.Errorf("%s, cached %v: refused with %v, %d bugs observed", tt.name, cached, refused, bugs)
			}
		}
	}
	// The message is fine.
	r := pipeline.NewRunner(pipeline.RunnerOptions{Checks: []pipeline.Use{
		{Check: NewSenderAuth(SenderAuthOptions{Resolver: mem, Hostname: dns.Domain{ASCII: "mx.example"}, Policy: DMARCEnforce})},
	}})
	if refused := receive(t, r, chain); refused != nil {
		t.Errorf("without a bug: refused with %v", refused)
	}
}

// receive takes a message through the stages, and returns the first refusal.
func receive(t *testing.T, r *pipeline.Runner, content string) *smtp.Error {
	t.Helper()
	tx := r.Begin(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr("192.0.2.1"), Hello: "mail.good.example"})
	defer tx.Close()
	env := pipeline.Envelope{MailFrom: address(t, "a@good.example")}
	if refused := tx.Sender(t.Context(), env); refused != nil {
		return refused
	}
	if refused := tx.Recipient(t.Context(), pipeline.Recipient{Path: address(t, "b@example.com"), Account: "b"}); refused != nil {
		return refused
	}
	spool := pipeline.NewSpool("", 0)
	defer spool.Close()
	if _, err := io.WriteString(io.MultiWriter(tx.Stream(), spool), content); err != nil {
		t.Fatal(err)
	}
	if err := spool.Finish(); err != nil {
		t.Fatal(err)
	}
	return tx.Message(t.Context(), env, spool, nil)[0].Refuse
}
