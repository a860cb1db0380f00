package config

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestPublicIPs(t *testing.T) {
	t.Parallel()
	ips := func(l ...string) []netip.Addr {
		var ips []netip.Addr
		for _, s := range l {
			ips = append(ips, netip.MustParseAddr(s))
		}
		return ips
	}
	interfaces := ips("127.0.0.1", "10.1.1.1", "2a01:4f8::1", "fe80::1", "::1", "::ffff:10.1.1.1")
	smtp := SMTP{Service: Service{Enabled: true, Port: 25}}
	for _, tc := range []struct {
		name      string
		listeners []*Listener
		want      string
	}{
		{"named", []*Listener{{IPs: ips("5.9.1.1", "2a01:4f8::2"), SMTP: smtp}}, "[5.9.1.1 2a01:4f8::2]"},
		{"named and private", []*Listener{{IPs: ips("5.9.1.1", "10.0.0.1", "127.0.0.1"), SMTP: smtp}}, "[5.9.1.1]"},
		{"private only", []*Listener{{IPs: ips("10.0.0.1", "127.0.0.1"), SMTP: smtp}}, "[10.0.0.1]"},
		{"translated", []*Listener{{IPs: ips("10.0.0.1"), NATIPs: ips("5.9.1.1"), SMTP: smtp}}, "[5.9.1.1]"},
		{"all", []*Listener{{IPs: ips("0.0.0.0", "::"), SMTP: smtp}}, "[2a01:4f8::1]"},
		{"all of IPv4", []*Listener{{IPs: ips("0.0.0.0"), SMTP: smtp}}, "[10.1.1.1]"},
		{"loopback only", []*Listener{{IPs: ips("127.0.0.1", "::1"), SMTP: smtp}}, "[]"},
		{"no mail from others", []*Listener{{IPs: ips("5.9.1.1")}}, "[]"},
		{"in two listeners", []*Listener{{IPs: ips("5.9.1.1"), SMTP: smtp}, {IPs: ips("5.9.1.1"), SMTP: smtp}}, "[5.9.1.1]"},
	} {
		c := &Config{Listeners: tc.listeners}
		if got := fmt.Sprint(c.PublicIPs(interfaces)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}
