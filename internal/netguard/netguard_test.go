package netguard

import (
	"errors"
	"net/netip"
	"testing"
)

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"8.8.8.8": true, "192.0.2.1": true, "172.32.0.1": true, "100.128.0.1": true, "2001:db8::1": true, "2a00:1450::1": true,
		"::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "2002:808:808::1": true,

		"127.0.0.1": false, "127.1.2.3": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false, "fec0::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "2002:7f00:1::": false, "2002:a00:1::1": false,
	} {
		if got := IsPublic(netip.MustParseAddr(s)); got != want {
			t.Errorf("IsPublic(%s) = %v", s, got)
		}
	}
	if IsPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	g := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Own: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("10.1.0.1")}}
	for s, want := range map[string]error{
		"192.0.2.2":        nil,
		"10.1.2.3":         nil,
		"::ffff:10.1.2.3":  nil,
		"10.2.0.1":         ErrNotPublic,
		"127.0.0.1":        ErrNotPublic,
		"192.0.2.1":        ErrOwn,
		"::ffff:192.0.2.1": ErrOwn,
		"10.1.0.1":         ErrOwn,
	} {
		if err := g.Check(netip.MustParseAddr(s)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", s, err, want)
		}
	}
	for _, s := range []string{"127.0.0.1", "::1", "fe80::1%eth0", "10.0.0.1"} {
		if err := (Guard{Allow: AllowAll()}).Check(netip.MustParseAddr(s)); err != nil {
			t.Errorf("allow all: %v", err)
		}
	}
}
