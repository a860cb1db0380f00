package main

import (
	"fmt"
	"net"
	nethttp "net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"mox/internal/netguard"
)

// guardedClient returns a client for URLs that strangers have chosen.
func guardedClient(guard netguard.Guard) *nethttp.Client {
	dialer := &net.Dialer{
		Timeout: dialTimeout,
		// What a name led to is looked at when it is connected to, as it may lead elsewhere each time.
		Control: func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("address %q: %w", address, err)
			}
			return checkTarget(guard, ap, net.InterfaceAddrs)
		},
	}
	return &nethttp.Client{
		Timeout: time.Minute,
		Transport: &nethttp.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTimeout,
			MaxIdleConns: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// checkTarget returns an error if a stranger's URL must not lead to an address. Of this machine only its websites can be reached:
// other ports may be closed to all but the machine itself.
func checkTarget(guard netguard.Guard, ap netip.AddrPort, interfaces func() ([]net.Addr, error)) error {
	ip := ap.Addr().Unmap().WithZone("")
	if err := guard.Check(ip); err != nil {
		return err
	}
	if ap.Port() == 80 || ap.Port() == 443 || slices.ContainsFunc(guard.Allow, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	own, err := interfaces()
	if err != nil {
		return fmt.Errorf("own addresses: %w", err)
	}
	for _, a := range own {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap().WithZone("") == ip {
			return fmt.Errorf("port %d: %w: %s", ap.Port(), netguard.ErrOwn, ip)
		}
	}
	return nil
}
