package dnsbl

import (
	"context"
	"fmt"
	"net/netip"

	"mox/dns"
)

// Family is what kind of addresses a list has.
type Family uint8

// The values of Family.
const (
	IPv4 Family = iota
	IPv6
)

// CheckHealth asks the list zone for its test entries (RFC 5782 §5): 127.0.0.2 must be
// listed and 127.0.0.1 must not be, in a list of IPv6 addresses their IPv4-mapped
// forms. A list without them should not be used (§7).
//
// The error wraps ErrTestEntry if the entries are wrong, ErrRefused if the list refuses
// to answer, ErrNotList if the answer is none of a list, or ErrTemporary if it is not
// known.
func CheckHealth(ctx context.Context, resolver dns.Resolver, zone dns.Domain, family Family) error {
	listed, unlisted := netip.AddrFrom4([4]byte{127, 0, 0, 2}), netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if family == IPv6 {
		listed, unlisted = netip.AddrFrom16(listed.As16()), netip.AddrFrom16(unlisted.As16())
	}
	return checkEntries(ctx, resolver, zone, string(appendIP(nil, listed)), string(appendIP(nil, unlisted)))
}

// CheckDomainHealth is like CheckHealth for a list of domains: TEST must be listed and
// INVALID must not be (RFC 5782 §5).
func CheckDomainHealth(ctx context.Context, resolver dns.Resolver, zone dns.Domain) error {
	return checkEntries(ctx, resolver, zone, "test", "invalid")
}

func checkEntries(ctx context.Context, resolver dns.Resolver, zone dns.Domain, listed, unlisted string) error {
	for _, entry := range []struct {
		name string
		want Status
	}{
		{listed, StatusFail},
		{unlisted, StatusPass},
	} {
		switch r := queryCodes(ctx, resolver, entry.name, zone); {
		case r.Err != nil:
			return fmt.Errorf("%s.%s: %w", entry.name, zone, r.Err)
		case r.Status == entry.want:
		case entry.want == StatusFail:
			return fmt.Errorf("%w: %s.%s is not listed", ErrTestEntry, entry.name, zone)
		default:
			return fmt.Errorf("%w: %s.%s is listed", ErrTestEntry, entry.name, zone)
		}
	}
	return nil
}
