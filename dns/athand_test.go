package dns_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"mox/dns"
)

// What a cache has at hand is what it has been asked for, and asking for more asks nobody.
func TestAtHand(t *testing.T) {
	t.Parallel()
	mem := &dns.MemResolver{
		TXT: map[string][]string{"example.org": {"text"}},
		MX:  map[string][]net.MX{"example.org": {{Host: "mx.example.org.", Pref: 10}}},
		PTR: map[string][]string{"192.0.2.1": {"mx.example.org."}},
	}
	now := time.Now()
	c := dns.NewCache(mem, dns.CacheOptions{Now: func() time.Time { return now }})
	c.LookupTXT(t.Context(), "example.org")
	c.LookupTXT(t.Context(), "none.example.org")
	c.LookupAddr(t.Context(), netip.MustParseAddr("192.0.2.1"))

	hand := c.AtHand()
	if l, _, err := hand.LookupTXT(t.Context(), "Example.org."); err != nil || len(l) != 1 || l[0] != "text" {
		t.Errorf("got %q, %v", l, err)
	}
	if l, _, err := hand.LookupAddr(t.Context(), netip.MustParseAddr("::ffff:192.0.2.1")); err != nil || len(l) != 1 {
		t.Errorf("got %q, %v", l, err)
	}
	if _, _, err := hand.LookupTXT(t.Context(), "none.example.org"); !dns.IsNotFound(err) {
		t.Errorf("that there is nothing: %v", err)
	}
	if _, _, err := hand.LookupTXT(t.Context(), "a..b"); !dns.IsNotFound(err) {
		t.Errorf("no name: %v", err)
	}
	if hand.Missed() {
		t.Error("missed something that was at hand")
	}

	if l, _, err := hand.LookupMX(t.Context(), "example.org"); len(l) > 0 || !errors.Is(err, dns.ErrNotAtHand) || !dns.IsTemporary(err) || !hand.Missed() {
		t.Errorf("got %v, %v", l, err)
	}
	wantCalls(t, mem, "mx example.org", 0)
	now = now.Add(time.Hour)
	if hand := c.AtHand(); hand.Missed() {
		t.Error("missed before any question")
	} else if _, _, err := hand.LookupTXT(t.Context(), "example.org"); !errors.Is(err, dns.ErrNotAtHand) || !hand.Missed() {
		t.Errorf("answer that is too old: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.AtHand().LookupTXT(ctx, "example.org"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}
