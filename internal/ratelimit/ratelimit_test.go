package ratelimit

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// clock is a settable time.
type clock struct{ t time.Time }

func newClock() *clock                   { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }
func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func TestAllowWithinRate(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := New[string](Options{Rates: []Rate{{time.Minute, 3}}, Now: c.now})
	for i := range 3 {
		if !l.Allow("a", 1) {
			t.Fatalf("event %d refused", i)
		}
	}
	if l.Allow("a", 1) {
		t.Fatal("fourth event in a minute allowed")
	}
	if !l.Exceeded("a") {
		t.Fatal("limit is reached but not told as exceeded")
	}
	if !l.Allow("b", 1) {
		t.Fatal("another key shares the limit")
	}
	// At the border of two windows the earlier events still count.
	c.advance(time.Minute)
	if l.Allow("a", 1) {
		t.Fatal("allowed although all three events may be less than a minute ago")
	}
	c.advance(40 * time.Second) // A third of three events is left.
	if !l.Allow("a", 2) || l.Allow("a", 1) {
		t.Fatal("want exactly two more events")
	}
	c.advance(2 * time.Minute)
	if l.Exceeded("a") || !l.Allow("a", 3) {
		t.Fatal("refused after the windows have passed")
	}
}

func TestAllRatesHold(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := New[int](Options{Rates: []Rate{{time.Second, 2}, {time.Hour, 3}}, Now: c.now})
	if !l.Allow(1, 2) || l.Allow(1, 1) {
		t.Fatal("short rate not kept")
	}
	c.advance(10 * time.Second)
	if !l.Allow(1, 1) || l.Allow(1, 1) {
		t.Fatal("long rate not kept")
	}
	if l.Allow(2, 4) {
		t.Fatal("more at once than a rate has")
	}
}

func TestAddAndForget(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := New[string](Options{Rates: []Rate{{time.Minute, 2}}, Now: c.now})
	l.Add("a", 100)
	if !l.Exceeded("a") || l.Allow("a", 1) {
		t.Fatal("added events do not count")
	}
	l.Forget("a")
	if l.Exceeded("a") || !l.Allow("a", 2) {
		t.Fatal("forgotten events count")
	}
}

func TestNoRates(t *testing.T) {
	t.Parallel()
	l := New[string](Options{Rates: []Rate{{time.Minute, 0}}})
	l.Add("a", 1<<40)
	if l.Exceeded("a") || !l.Allow("a", 1<<40) {
		t.Fatal("a rate without maximum limits")
	}
}

func TestClockGoesBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := New[string](Options{Rates: []Rate{{time.Minute, 2}}, Now: c.now})
	l.Add("a", 2)
	c.advance(-time.Hour)
	if l.Allow("a", 1) {
		t.Fatal("a clock that goes back frees a limit")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := New[string](Options{Rates: []Rate{{time.Hour, 50}}, MaxKeys: 100, Now: c.now})
	l.Add("busy", 50)
	for i := range 10_000 {
		l.Allow(fmt.Sprint(i), 1)
		if len(l.keys) > 100 {
			t.Fatalf("%d keys are remembered", len(l.keys))
		}
	}
	if !l.Exceeded("busy") {
		t.Fatal("the busy key was forgotten for idle ones")
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ ip, client, network string }{
		{"192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"},
		{"::ffff:192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		{"fe80::1%eth0", "fe80::/64", "fe80::/48"},
	} {
		ip := netip.MustParseAddr(tt.ip)
		if got := Client(ip).String(); got != tt.client {
			t.Errorf("Client(%s) = %s, want %s", tt.ip, got, tt.client)
		}
		if got := Network(ip).String(); got != tt.network {
			t.Errorf("Network(%s) = %s, want %s", tt.ip, got, tt.network)
		}
	}
	if Client(netip.Addr{}) != (netip.Prefix{}) {
		t.Error("an invalid address has a prefix")
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewNetworks(NetworkOptions{
		Client:  []Rate{{time.Minute, 2}},
		Network: []Rate{{time.Minute, 3}},
		Now:     c.now,
	})
	a, sameClient := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff:1")
	neighbour, stranger := netip.MustParseAddr("2001:db8:0:1::1"), netip.MustParseAddr("2001:db8:1::1")
	if !l.Allow(a, 1) || !l.Allow(sameClient, 1) {
		t.Fatal("refused within the rate")
	}
	if l.Allow(a, 1) || !l.Exceeded(sameClient) {
		t.Fatal("the /64 exceeds its rate")
	}
	if !l.Allow(neighbour, 1) || l.Allow(neighbour, 1) {
		t.Fatal("want one more event for the /48")
	}
	if !l.Allow(stranger, 2) {
		t.Fatal("another /48 shares the limit")
	}
	l.Forget(a)
	if !l.Exceeded(a) {
		t.Fatal("forgetting a client freed its network")
	}
	l.Add(stranger, 5)
	if !l.Exceeded(stranger) {
		t.Fatal("added events do not count")
	}
}

func TestConns(t *testing.T) {
	t.Parallel()
	c := NewConns(ConnLimits{Total: 4, Client: 1, Network: 2})
	ip := netip.MustParseAddr
	for _, tt := range []struct {
		ip string
		ok bool
	}{
		{"192.0.2.1", true},
		{"192.0.2.1", false}, // Client.
		{"192.0.2.2", true},
		{"192.0.2.3", false}, // Network.
		{"198.51.100.1", true},
		{"203.0.113.1", true},
		{"2001:db8::1", false}, // Total.
	} {
		if got := c.Acquire(ip(tt.ip)); got != tt.ok {
			t.Fatalf("Acquire(%s) = %v", tt.ip, got)
		}
	}
	c.Release(ip("192.0.2.1"))
	if !c.Acquire(ip("192.0.2.3")) {
		t.Fatal("a released connection still counts")
	}
	for _, s := range []string{"192.0.2.2", "192.0.2.3", "198.51.100.1", "203.0.113.1"} {
		c.Release(ip(s))
	}
	if c.Total() != 0 || len(c.open) != 0 {
		t.Fatalf("%d connections and %d keys left", c.Total(), len(c.open))
	}
}

func TestConnsWithoutLimit(t *testing.T) {
	t.Parallel()
	c := NewConns(ConnLimits{})
	for range 1000 {
		if !c.Acquire(netip.MustParseAddr("192.0.2.1")) {
			t.Fatal("refused without a limit")
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	l := NewNetworks(NetworkOptions{Client: []Rate{{time.Minute, 1 << 60}}, Network: []Rate{{time.Minute, 1 << 60}}})
	ip := netip.MustParseAddr("2001:db8::1")
	b.ReportAllocs()
	for b.Loop() {
		l.Allow(ip, 1)
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLogins(LoginOptions{
		Clients: NetworkOptions{Client: []Rate{{time.Hour, 3}}, Network: []Rate{{time.Hour, 4}}},
		Names:   []Rate{{time.Hour, 5}},
		Now:     c.now,
	})
	owner, guesser := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	l.Succeeded(owner, "alice")
	for range 3 {
		if !l.Allow(guesser, "alice") {
			t.Fatal("refused within the rate")
		}
		l.Failed(guesser, "alice")
	}
	if l.Allow(guesser, "bob") || !l.Allow(owner, "bob") {
		t.Fatal("want the guesser's address refused, nobody else's")
	}
	for i := range 3 { // From many addresses.
		ip := netip.AddrFrom4([4]byte{203, byte(i), 113, 1})
		l.Failed(ip, "alice")
		if i == 2 && l.Allow(ip, "alice") {
			t.Fatal("the name may be guessed on from ever new addresses")
		}
		if !l.Allow(ip, "bob") {
			t.Fatal("another name is refused")
		}
	}
	if !l.Allow(owner, "alice") {
		t.Fatal("the owner is locked out where they logged in before")
	}
	neighbour := netip.MustParseAddr("192.0.2.99")
	for i := range 4 { // From the owner's network.
		l.Failed(netip.AddrFrom4([4]byte{192, 0, 2, 100 + byte(i)}), "")
	}
	if l.Allow(neighbour, "bob") || l.Allow(owner, "bob") {
		t.Fatal("guessing goes on from ever new addresses of a network")
	}
	if !l.Allow(owner, "alice") {
		t.Fatal("the owner is locked out by neighbours")
	}
	for range 3 {
		l.Failed(owner, "alice")
	}
	if l.Allow(owner, "alice") {
		t.Fatal("guessing goes on from where the owner has logged in")
	}
	l.Failed(guesser, "") // A name that did not become known.
	c.advance(3 * time.Hour)
	if !l.Allow(guesser, "alice") {
		t.Fatal("refused after the time has passed")
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	c := NewCounts[string](2)
	for i, tt := range []struct {
		key string
		ok  bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}} {
		if got := c.Acquire(tt.key); got != tt.ok {
			t.Fatalf("%d: Acquire(%s) = %v", i, tt.key, got)
		}
	}
	c.Release("a")
	if !c.Acquire("a") {
		t.Fatal("a released one still counts")
	}
	for _, k := range []string{"a", "a", "b"} {
		c.Release(k)
	}
	if len(c.use) != 0 {
		t.Fatalf("%d keys left", len(c.use))
	}
}
