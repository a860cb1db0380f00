package checks

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/pipeline"
	"mox/pipeline/checktest"
)

var listZone = dns.Domain{ASCII: "bl.example.org"}

// lists are three lists: a good one that has 192.0.2.1, one that lists everybody, and one that does not answer.
func lists() *dns.MemResolver {
	return &dns.MemResolver{
		A: map[string][]string{
			"1.2.0.192.bl.example.org": {"127.0.0.2"}, "2.0.0.127.bl.example.org": {"127.0.0.2"},
			"1.2.0.192.all.example.org": {"127.0.0.2"}, "2.0.0.127.all.example.org": {"127.0.0.2"}, "1.0.0.127.all.example.org": {"127.0.0.2"},
		},
		TXT:  map[string][]string{"1.2.0.192.bl.example.org": {"it sent junk\r\nBcc: x"}},
		Fail: []string{"a 1.2.0.192.gone.example.org"},
	}
}

func dnsblOf(r dns.Resolver, listed pipeline.Verdict, zones ...string) *DNSBL {
	o := DNSBLOptions{Resolver: r, Listed: listed}
	for _, z := range zones {
		o.Zones = append(o.Zones, dns.Domain{ASCII: z})
	}
	return NewDNSBL(o)
}

func TestDNSBLSuite(t *testing.T) {
	t.Parallel()
	checktest.Run(t, func(t *testing.T) checktest.Harness {
		return checktest.Harness{
			Check: dnsblOf(lists(), pipeline.Reject, listZone.ASCII, "all.example.org", "gone.example.org"),
			Conn:  pipeline.Conn{RemoteIP: netip.MustParseAddr("192.0.2.1")},
		}
	})
}

func TestDNSBL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		zones   string
		listed  pipeline.Verdict
		ip, to  string
		results string
		rcpt    string // What RCPT is told.
		data    string // What becomes of a message for it.
	}{
		{"listed, to be refused", "bl.example.org", pipeline.Reject, "192.0.2.1", "ann", "dnsbl=fail", "reject 550 5.7.1", "quarantine"},
		{"but not for the postmaster", "bl.example.org", pipeline.Reject, "192.0.2.1", "PostMaster", "dnsbl=fail", "neutral", "quarantine"},
		{"listed, for Junk", "bl.example.org", pipeline.Quarantine, "192.0.2.1", "ann", "dnsbl=fail", "neutral", "quarantine"},
		{"listed, to be noted", "bl.example.org", pipeline.Neutral, "192.0.2.1", "ann", "dnsbl=fail", "neutral", "neutral"},
		{"not listed", "bl.example.org", pipeline.Reject, "192.0.2.2", "ann", "dnsbl=pass", "neutral", "neutral"},
		{"not listed, IPv6", "bl.example.org", pipeline.Reject, "2001:db8::1", "ann", "dnsbl=pass", "neutral", "neutral"},
		{"listed, IPv4-mapped address", "bl.example.org", pipeline.Reject, "::ffff:192.0.2.1", "ann", "dnsbl=fail", "reject 550 5.7.1", "quarantine"},
		{"a list of everybody is not believed (RFC 5782 §7)", "all.example.org", pipeline.Reject, "192.0.2.1", "ann", "dnsbl=temperror", "neutral", "neutral"},
		{"no answer", "gone.example.org", pipeline.Reject, "192.0.2.1", "ann", "dnsbl=temperror", "neutral", "neutral"},
		{"one of several", "gone.example.org all.example.org bl.example.org", pipeline.Reject, "192.0.2.1", "ann", "dnsbl=temperror dnsbl=temperror dnsbl=fail", "reject 550 5.7.1", "quarantine"},
	} {
		c := dnsblOf(lists(), tt.listed, strings.Fields(tt.zones)...)
		s, err := c.Start(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr(tt.ip)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Recipient(t.Context(), recipient(t, tt.to))
		if err != nil || outcome(got) != tt.rcpt {
			t.Errorf("%s: RCPT: %s, %v, want %s", tt.name, outcome(got), err, tt.rcpt)
		}
		if got.Reply != nil && !strings.Contains(got.Reply.Reply(), "192.0.2.1 is listed by bl.example.org: it sent junk") {
			t.Errorf("%s: reply %q", tt.name, got.Reply.Reply())
		}
		got, err = s.Message(t.Context(), pipeline.Message{})
		if err != nil || results(got) != tt.results || outcome(got) != tt.data {
			t.Errorf("%s: %s, %s, %v", tt.name, results(got), outcome(got), err)
		}
		s.Close()
	}
}

// What was found out about a list is kept for a while, and asked again after it.
func TestDNSBLHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := lists()
		c := dnsblOf(r, pipeline.Quarantine, "bl.example.org")
		ask := func(want pipeline.Verdict) {
			t.Helper()
			s, err := c.Start(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr("192.0.2.1")})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got, err := s.Message(t.Context(), pipeline.Message{}); err != nil || got.Verdict != want {
				t.Errorf("%v, %v, want %v", got.Verdict, err, want)
			}
		}
		tests := func() int { return r.Calls("a 2.0.0.127.bl.example.org") }
		ask(pipeline.Quarantine)
		ask(pipeline.Quarantine)
		if n := tests(); n != 1 {
			t.Errorf("tested %d times", n)
		}
		r.Update(func(r *dns.MemResolver) { r.A["1.0.0.127.bl.example.org"] = []string{"127.0.0.2"} })
		time.Sleep(healthyFor)
		ask(pipeline.Neutral)
		ask(pipeline.Neutral)
		if n := tests(); n != 2 {
			t.Errorf("tested %d times", n)
		}
		r.Update(func(r *dns.MemResolver) { delete(r.A, "1.0.0.127.bl.example.org") })
		time.Sleep(unhealthyFor)
		ask(pipeline.Quarantine)
	})
}

// A list that never answers does not hold up mail for long.
func TestDNSBLTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &dns.MemResolver{Before: func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() }}
		s, err := dnsblOf(r, pipeline.Reject, "bl.example.org").Start(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr("192.0.2.1")})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		begin := time.Now()
		got, err := s.Message(t.Context(), pipeline.Message{})
		if err != nil || results(got) != "dnsbl=temperror" || time.Since(begin) > dnsblTimeout {
			t.Errorf("%s, %v after %v", results(got), err, time.Since(begin))
		}
	})
}

// A list that is slow to give its reason lists all the same (RFC 5782 §2.1), and is tested (§7).
func TestDNSBLWithoutReason(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{"bl.example.org": "reject 550 5.7.1", "all.example.org": "neutral"} {
		synctest.Test(t, func(t *testing.T) {
			r := lists()
			r.Before = func(ctx context.Context, typ, _ string) error {
				if typ == "txt" {
					<-ctx.Done()
				}
				return ctx.Err()
			}
			s, err := dnsblOf(r, pipeline.Reject, zone).Start(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr("192.0.2.1")})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got, err := s.Recipient(t.Context(), recipient(t, "ann")); err != nil || outcome(got) != want {
				t.Errorf("%s: %s, %v, want %s", zone, outcome(got), err, want)
			}
		})
	}
}

// Many clients at once: each hears of its own address, and the list is not tested for each (RFC 5782 §5).
func TestDNSBLConcurrent(t *testing.T) {
	t.Parallel()
	mem := lists()
	c := dnsblOf(dns.NewCache(mem, dns.CacheOptions{}), pipeline.Reject, "bl.example.org")
	var wg sync.WaitGroup
	for range 20 {
		for ip, want := range map[string]string{"192.0.2.1": "reject 550 5.7.1", "192.0.2.2": "neutral", "2001:db8::1": "neutral"} {
			wg.Go(func() {
				s, err := c.Start(t.Context(), pipeline.Conn{RemoteIP: netip.MustParseAddr(ip)})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if got, err := s.Recipient(t.Context(), recipient(t, "ann")); err != nil || outcome(got) != want {
					t.Errorf("%s: %s, %v, want %s", ip, outcome(got), err, want)
				}
			})
		}
	}
	wg.Wait()
	if n := mem.Calls("a 2.0.0.127.bl.example.org"); n != 1 {
		t.Errorf("tested %d times", n)
	}
}
