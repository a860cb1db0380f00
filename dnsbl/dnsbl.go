package dnsbl

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mox/dns"
)

// Status tells whether a list has an entry.
type Status string

// The values of Status.
const (
	StatusPass      Status = "pass"      // Not listed.
	StatusFail      Status = "fail"      // Listed.
	StatusTempError Status = "temperror" // Not known now.
	StatusPermError Status = "permerror" // Not known, and asking again will not help: see Result.Err.
)

// Errors that a Result or the health checks may wrap.
var (
	// ErrTemporary: a lookup failed and may succeed later.
	ErrTemporary = errors.New("temporary error in DNS")

	// ErrRefused: the list answered that it does not answer, e.g. because the query came
	// through a public resolver, or because there were too many.
	ErrRefused = errors.New("list refuses to answer")

	// ErrNotList: the answer is none of a list, as from a zone that has a new owner.
	ErrNotList = errors.New("answer is not that of a list")

	// ErrQuery: there is no query for this address or domain.
	ErrQuery = errors.New("cannot be asked for")

	// ErrTestEntry: a test entry is missing, or one is there that must not be.
	ErrTestEntry = errors.New("wrong test entry")
)

// Limits of what is taken from an answer. Lists have a few sublists and reasons.
const (
	maxCodes       = 32
	maxExplanation = 1000 // Bytes, so that it fits an SMTP reply with room to spare.
)

// explanationTimeout is how long the reason of an entry is waited for. That there is an entry is known by
// then, and whoever asks has more to do in its time.
const explanationTimeout = 3 * time.Second

// Result is the answer of a list.
type Result struct {
	Status Status

	// Codes are the values of an entry, sorted, at most 32: addresses in 127.0.0.0/8 whose
	// meaning the list defines, often 127.0.0.2, or one for each sublist or a bit mask
	// (RFC 5782 §2.3).
	Codes []netip.Addr

	// Explanation is the reason of an entry as the list gives it, empty if it gives none:
	// printable, on one line, at most 1000 bytes. It is written by the operator of the list.
	Explanation string

	// Authentic tells that DNSSEC authenticated the answer whether there is an entry.
	Authentic bool

	// Err is set for a StatusTempError and a StatusPermError, and wraps an error of this
	// package.
	Err error
}

// Has tells whether one of the codes is in one of the prefixes, to select sublists.
func (r Result) Has(prefixes ...netip.Prefix) bool {
	return slices.ContainsFunc(r.Codes, func(code netip.Addr) bool {
		return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(code) })
	})
}

// HasBits tells whether one of the codes has one of the bits of mask set in its last
// octet, to select sublists of a list with bit masks (RFC 5782 §2.3).
func (r Result) HasBits(mask byte) bool {
	return slices.ContainsFunc(r.Codes, func(code netip.Addr) bool {
		return code.Is4() && code.As4()[3]&mask != 0
	})
}

// Lookup asks the list zone for an address. An IPv4-mapped IPv6 address is taken as the
// IPv4 address that it is. The context bounds the time, when it ends the result is a
// temporary error; the explanation of an entry is not waited for longer than 3 seconds.
func Lookup(ctx context.Context, resolver dns.Resolver, zone dns.Domain, ip netip.Addr) Result {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return Result{Status: StatusPermError, Err: fmt.Errorf("%w: no address", ErrQuery)}
	}
	return query(ctx, resolver, string(appendIP(nil, ip)), zone)
}

// LookupDomain asks the list zone, one of domains (RFC 5782 §3), for a domain.
func LookupDomain(ctx context.Context, resolver dns.Resolver, zone, domain dns.Domain) Result {
	return query(ctx, resolver, domain.ASCII, zone)
}

// QueryName returns the name that Lookup asks for, without trailing dot, e.g.
// "99.2.0.192.bad.example.com".
func QueryName(zone dns.Domain, ip netip.Addr) string {
	return string(appendIP(nil, ip.Unmap().WithZone(""))) + "." + zone.ASCII
}

// query asks for an entry: first for its codes, and only if there are any, for its explanation.
func query(ctx context.Context, resolver dns.Resolver, entry string, zone dns.Domain) Result {
	r := queryCodes(ctx, resolver, entry, zone)
	if r.Status == StatusFail {
		r.Explanation = explanation(ctx, resolver, entry+"."+zone.ASCII)
	}
	return r
}

// queryCodes asks for the codes of an entry.
func queryCodes(ctx context.Context, resolver dns.Resolver, entry string, zone dns.Domain) Result {
	name := entry + "." + zone.ASCII
	if entry == "" || zone.IsZero() || len(name) > 253 {
		return Result{Status: StatusPermError, Err: fmt.Errorf("%w: %q at %q", ErrQuery, entry, zone.ASCII)}
	}
	// The records are IPv4 addresses also for an IPv6 address (RFC 5782 §2.4).
	addrs, answer, err := resolver.LookupIP(ctx, "ip4", name+".")
	switch {
	case err == nil:
	case dns.IsNotFound(err):
		return Result{Status: StatusPass, Authentic: answer.Authentic}
	default:
		return Result{Status: StatusTempError, Err: fmt.Errorf("%w: %w", ErrTemporary, err)}
	}
	r := Result{Authentic: answer.Authentic}
	r.take(addrs)
	return r
}

// take decides by the addresses of an entry. RFC 5782 §6 takes any address for an entry, but §2.3 has all
// values in 127.0.0.0/8, and with others a zone has become something else (§7). A refusal to answer is
// no entry either, whatever comes with it.
func (r *Result) take(addrs []netip.Addr) {
	for _, a := range addrs {
		a = a.Unmap()
		switch {
		case isRefusal(a):
			r.Status, r.Codes = StatusTempError, nil
			r.Err = fmt.Errorf("%w: %w: code %s", ErrTemporary, ErrRefused, a)
			return
		case !a.Is4() || !a.IsLoopback():
			r.Status, r.Codes = StatusPermError, nil
			r.Err = fmt.Errorf("%w: code %s is not in 127.0.0.0/8", ErrNotList, a)
			return
		case len(r.Codes) < maxCodes && !slices.Contains(r.Codes, a):
			r.Codes = append(r.Codes, a)
		}
	}
	slices.SortFunc(r.Codes, netip.Addr.Compare)
	r.Status = StatusFail
}

// isRefusal tells whether a code says that the query was not answered. Several operators of lists
// use 127.255.255.0/24 for errors such as a wrong zone, a public resolver or too many queries.
func isRefusal(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[0] == 127 && b[1] == 255 && b[2] == 255
}

// explanation returns the texts of an entry. That there are none, or that they cannot be had, does
// not change that it is listed (RFC 5782 §2.1).
func explanation(ctx context.Context, resolver dns.Resolver, name string) string {
	ctx, cancel := context.WithTimeout(ctx, explanationTimeout)
	defer cancel()
	texts, _, err := resolver.LookupTXT(ctx, name+".")
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, s := range texts {
		if b.Len() >= maxExplanation {
			break
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		writePrintable(&b, s)
	}
	return b.String()
}

// writePrintable writes the printable ASCII characters of s, a question mark for each other byte, until
// b has maxExplanation bytes.
func writePrintable(b *strings.Builder, s string) {
	for i := range min(len(s), max(0, maxExplanation-b.Len())) {
		if c := s[i]; c >= ' ' && c <= '~' {
			b.WriteByte(c)
		} else {
			b.WriteByte('?')
		}
	}
}

// appendIP appends the octets of an IPv4 address (RFC 5782 §2.1) or the nibbles of an IPv6 address
// (§2.4) in reverse order, with dots between them.
func appendIP(dst []byte, ip netip.Addr) []byte {
	if ip.Is4() {
		b := ip.As4()
		return fmt.Appendf(dst, "%d.%d.%d.%d", b[3], b[2], b[1], b[0])
	}
	const digits = "0123456789abcdef"
	b := ip.As16()
	for i := len(b) - 1; i >= 0; i-- {
		dst = append(dst, digits[b[i]&0xf], '.', digits[b[i]>>4], '.')
	}
	return dst[:len(dst)-1]
}
