package config

import (
	"net/netip"
	"slices"

	"mox/internal/netguard"
)

// public tells whether others may reach the listener: not if it has loopback addresses only.
func (l *Listener) public() bool {
	return len(l.NATIPs) > 0 || slices.ContainsFunc(l.IPs, func(ip netip.Addr) bool { return !ip.IsLoopback() })
}

// PublicListeners returns the listeners that others may reach, those that take mail from other servers first.
func (c *Config) PublicListeners() []*Listener {
	var l []*Listener
	for _, smtp := range []bool{true, false} {
		for _, li := range c.Listeners {
			if li.public() && li.SMTP.Enabled == smtp {
				l = append(l, li)
			}
		}
	}
	return l
}

// PublicIPs returns the addresses at which others reach the listeners that take mail from other servers: those that a
// router translates to these, otherwise those of the listeners, and for one of all addresses those of the network
// interfaces of the machine. Where some are on the public internet, others are left out.
func (c *Config) PublicIPs(interfaces []netip.Addr) []netip.Addr {
	var ips []netip.Addr
	add := func(ip netip.Addr) {
		if ip = ip.Unmap(); !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !slices.Contains(ips, ip) {
			ips = append(ips, ip)
		}
	}
	for _, l := range c.PublicListeners() {
		if !l.SMTP.Enabled {
			continue
		}
		for _, ip := range l.NATIPs {
			add(ip)
		}
		if len(l.NATIPs) > 0 {
			continue
		}
		for _, ip := range l.IPs {
			if !ip.IsUnspecified() {
				add(ip)
				continue
			}
			for _, own := range interfaces {
				if own.Unmap().Is4() == ip.Is4() {
					add(own)
				}
			}
		}
	}
	if public := slices.DeleteFunc(slices.Clone(ips), func(ip netip.Addr) bool { return !netguard.IsPublic(ip) }); len(public) > 0 {
		ips = public
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	return ips
}
