// Package iprev checks that the address of a client and its names belong together:
// the names that the address has in reverse DNS, of which at least one must have the
// address in turn (RFC 8601 §3).
//
// Who controls a network controls the names of its addresses, but only the owner of
// a name can confirm it. A pass says that the name is not made up, nothing about
// the good will of its owner.
package iprev

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"mox/dns"
	"mox/internal/panics"
)

// Status is a result of RFC 8601 §2.7.3.
type Status string

// The values of Status. There is no "none": every connection has an address.
const (
	// StatusPass: a name of the address has this address.
	StatusPass Status = "pass"

	// StatusFail: the address has names, none of which has this address.
	StatusFail Status = "fail"

	// StatusTempError: DNS did not answer. A later attempt may come to a result.
	StatusTempError Status = "temperror"

	// StatusPermError: the address has no name.
	StatusPermError Status = "permerror"
)

// Errors that a Result may wrap.
var (
	// ErrNoName: the address has no name, or none that could be looked up.
	ErrNoName = errors.New("address has no name in reverse DNS")

	// ErrNoMatch: the names of the address do not have this address.
	ErrNoMatch = errors.New("no name of the address has this address")

	// ErrTemporary: a lookup failed and may succeed later.
	ErrTemporary = errors.New("temporary error in DNS")
)

// maxNames is how many names of an address are looked up. RFC 8601 §3 demands a limit
// and gives this one, that of RFC 7208 §4.6.4, as example.
const maxNames = 10

// Result is what is known of an address.
type Result struct {
	Status Status

	// Name is the first name that has the address, set for a pass only.
	Name dns.Domain

	// Names are all names of the address that have it too, in the order of the reverse
	// lookup, Name first.
	Names []dns.Domain

	// Claimed are the names that reverse DNS gives the address and that were looked up,
	// at most 10, confirmed or not. More can follow if Truncated is set.
	Claimed   []dns.Domain
	Truncated bool

	// Authentic tells that DNSSEC authenticated the reverse lookup and that of Name. If
	// there is no Name: the reverse lookup and those of all Claimed.
	Authentic bool

	// Err is nil for a pass, otherwise it wraps one of the errors of this package and,
	// for a temporary one, that of the lookup.
	Err error
}

// forward is the answer for one claimed name.
type forward struct {
	has       bool
	authentic bool
	err       error // If it is not known.
	bug       *panics.Error
}

// Lookup looks up the names of ip and their addresses, the latter concurrently. The
// context bounds the time; when it ends the result is a temporary error, unless a name
// was confirmed before. An IPv4-mapped IPv6 address is taken as the IPv4 address that
// it is. Lookup returns when all its lookups have.
func Lookup(ctx context.Context, resolver dns.Resolver, ip netip.Addr) Result {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return Result{Status: StatusPermError, Err: fmt.Errorf("%w: no address", ErrNoName)}
	}
	names, answer, err := resolver.LookupAddr(ctx, ip)
	switch {
	case err == nil:
	case dns.IsNotFound(err):
		return Result{Status: StatusPermError, Authentic: answer.Authentic, Err: ErrNoName}
	default:
		return Result{Status: StatusTempError, Err: fmt.Errorf("%w: %w", ErrTemporary, err)}
	}
	r := Result{Authentic: answer.Authentic}
	r.claim(names)
	if len(r.Claimed) == 0 {
		r.Status, r.Err = StatusPermError, fmt.Errorf("%w: not one that is valid", ErrNoName)
		return r
	}
	r.decide(lookupForward(ctx, resolver, r.Claimed, ip))
	return r
}

// claim takes the names that can be looked up, each once.
func (r *Result) claim(names []string) {
	for _, s := range names {
		d, err := dns.ParseDomainLax(s)
		if err != nil || slices.Contains(r.Claimed, d) {
			continue
		}
		if len(r.Claimed) == maxNames {
			r.Truncated = true
			return
		}
		r.Claimed = append(r.Claimed, d)
	}
}

// lookupForward returns for each name, of which there is one at least, whether ip is one of its addresses. Only the family
// of ip is looked up: an address of the other cannot be equal.
func lookupForward(ctx context.Context, resolver dns.Resolver, names []dns.Domain, ip netip.Addr) []forward {
	network := "ip6"
	if ip.Is4() {
		network = "ip4"
	}
	l := make([]forward, len(names))
	look := func(i int) {
		addrs, answer, err := resolver.LookupIP(ctx, network, names[i].Absolute())
		l[i].authentic = answer.Authentic
		if err != nil && !dns.IsNotFound(err) {
			l[i].err = err
			return
		}
		l[i].has = slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap() == ip })
	}
	var wg sync.WaitGroup
	for i := range names[1:] {
		wg.Go(func() { l[i+1].bug = panics.Catch(func() { look(i + 1) }) })
	}
	l[0].bug = panics.Catch(func() { look(0) }) // Mostly it is the only one.
	wg.Wait()
	for _, f := range l {
		f.bug.Raise()
	}
	return l
}

// decide comes to the result (RFC 8601 §2.7.3) from the answers for the claimed names. One name
// is enough for a pass; without one, an answer that is missing could have been it.
func (r *Result) decide(answers []forward) {
	reverse := r.Authentic
	var temporary error
	for i, a := range answers {
		r.Authentic = r.Authentic && a.authentic
		switch {
		case a.err != nil && temporary == nil:
			temporary = a.err
		case a.has:
			r.Names = append(r.Names, r.Claimed[i])
			if len(r.Names) == 1 {
				r.Name = r.Claimed[i]
				reverse = reverse && a.authentic
			}
		}
	}
	switch {
	case len(r.Names) > 0:
		r.Status, r.Authentic = StatusPass, reverse
	case temporary != nil:
		r.Status, r.Authentic, r.Err = StatusTempError, false, fmt.Errorf("%w: %w", ErrTemporary, temporary)
	default:
		r.Status, r.Err = StatusFail, ErrNoMatch
	}
}
