// Package netguard says which addresses mox may connect to when a stranger has chosen
// them: the MX record of a recipient's domain, or the host of a URL, can point into the
// networks behind the server, or at the server itself.
package netguard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Errors of [Guard.Check].
var (
	// ErrNotPublic says that an address is not on the public Internet.
	ErrNotPublic = errors.New("address is not public")

	// ErrOwn says that an address is our own: connecting to it would be a loop.
	ErrOwn = errors.New("address is our own")
)

// Guard decides on addresses. The zero Guard allows all public ones.
type Guard struct {
	// Allow are networks that may be connected to although they are not public.
	Allow []netip.Prefix

	// Own are addresses that must not be connected to, also if Allow has them.
	Own []netip.Addr
}

// AllowAll are the networks of all addresses, for Guard.Allow.
func AllowAll() []netip.Prefix {
	return []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
}

// Check returns nil if ip may be connected to, otherwise an error that wraps
// [ErrNotPublic] or [ErrOwn].
func (g Guard) Check(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if slices.Contains(g.Own, ip) {
		return fmt.Errorf("%w: %s", ErrOwn, ip)
	}
	if IsPublic(ip) || slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrNotPublic, ip)
}

// special are networks that no method of netip.Addr knows and that are not public, by the
// registries of RFC 6890.
var special = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // This network.
	netip.MustParsePrefix("100.64.0.0/10"),  // Between a provider and its customers (RFC 6598).
	netip.MustParsePrefix("192.0.0.0/24"),   // Protocol assignments.
	netip.MustParsePrefix("198.18.0.0/15"),  // Benchmarks.
	netip.MustParsePrefix("240.0.0.0/4"),    // Reserved, and broadcast.
	netip.MustParsePrefix("64:ff9b:1::/48"), // Local translation to IPv4 (RFC 8215).
	netip.MustParsePrefix("100::/64"),       // Discard (RFC 6666).
	netip.MustParsePrefix("fec0::/10"),      // Site-local, deprecated.
}

// embedding are networks of IPv6 addresses that lead to the IPv4 address in them, which
// begins at a byte.
var embedding = [...]struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible, deprecated.
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64 (RFC 6052).
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4 (RFC 3056).
}

// IsPublic tells whether ip is an address of one host on the Internet. The networks for
// documentation (RFC 5737, RFC 3849) count as public: they lead nowhere.
func IsPublic(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
		return false
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	for _, e := range embedding {
		if e.prefix.Contains(ip) {
			b := ip.As16()
			return IsPublic(netip.AddrFrom4([4]byte(b[e.at : e.at+4])))
		}
	}
	return true
}
