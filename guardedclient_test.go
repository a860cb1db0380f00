package main

import (
	"errors"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"mox/internal/netguard"
)

// What strangers' URLs lead to is on the Internet, or a website of this machine.
func TestCheckTarget(t *testing.T) {
	t.Parallel()
	interfaces := func() ([]net.Addr, error) {
		return []net.Addr{
			&net.IPNet{IP: net.ParseIP("203.0.113.5"), Mask: net.CIDRMask(24, 32)},
			&net.IPNet{IP: net.ParseIP("2001:db8::5"), Mask: net.CIDRMask(64, 128)},
		}, nil
	}
	allow := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("203.0.113.5/32")}
	for address, want := range map[string]error{
		"203.0.113.6:8080":           nil,
		"[2001:db8::6]:9000":         nil,
		"203.0.113.5:443":            nil,
		"[2001:db8::5]:80":           nil,
		"203.0.113.5:25":             netguard.ErrOwn,
		"203.0.113.5:8010":           netguard.ErrOwn,
		"[2001:db8::5]:6379":         netguard.ErrOwn,
		"[::ffff:203.0.113.5]:25":    netguard.ErrOwn,
		"127.0.0.1:443":              netguard.ErrNotPublic,
		"[::1]:80":                   netguard.ErrNotPublic,
		"[::ffff:127.0.0.1]:80":      netguard.ErrNotPublic,
		"169.254.169.254:80":         netguard.ErrNotPublic,
		"10.1.2.3:80":                netguard.ErrNotPublic,
		"[64:ff9b::7f00:1]:80":       netguard.ErrNotPublic,
		"[fe80::1%eth0]:80":          netguard.ErrNotPublic,
		"[::ffff:169.254.169.254]:1": netguard.ErrNotPublic,
	} {
		if err := checkTarget(netguard.Guard{}, netip.MustParseAddrPort(address), interfaces); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
	for _, address := range []string{"10.1.2.3:8080", "203.0.113.5:25"} {
		if err := checkTarget(netguard.Guard{Allow: allow}, netip.MustParseAddrPort(address), interfaces); err != nil {
			t.Errorf("%s, which is allowed: %v", address, err)
		}
	}
	broken := func() ([]net.Addr, error) { return nil, errors.New("no interfaces") }
	if err := checkTarget(netguard.Guard{}, netip.MustParseAddrPort("203.0.113.6:8080"), broken); err == nil {
		t.Error("an address that may be our own is reached")
	}
}

// A redirect leads no further than a link.
func TestGuardedClient(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/header" {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		}
		io.WriteString(w, "secret")
	}))
	t.Cleanup(server.Close)
	if _, err := guardedClient(netguard.Guard{}).Get(server.URL); !errors.Is(err, netguard.ErrNotPublic) {
		t.Errorf("this machine: %v", err)
	}
	if _, err := guardedClient(netguard.Guard{}).Get(strings.Replace(server.URL, "127.0.0.1", "localhost", 1)); !errors.Is(err, netguard.ErrNotPublic) {
		t.Errorf("a name of this machine: %v", err)
	}
	allowed := guardedClient(netguard.Guard{Allow: netguard.AllowAll()})
	resp, err := allowed.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := allowed.Get(server.URL + "/header"); err == nil {
		t.Error("a header without end is read")
	}
}
