package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mjl-/adns"
)

// Resolver looks up records in DNS.
//
// Names are absolute: nothing is ever appended to them, with or without a trailing
// dot. They are in ASCII, in any case. Names in answers are absolute too and have
// the trailing dot, the root alone is ".".
//
// Aliases (CNAME) are followed, except by LookupCNAME.
//
// Each method returns at least one record or an error; an answer without records
// is an error for which [IsNotFound] is true. The Result is filled in as far as it
// is known also when there is an error: that a name does not exist can be
// authenticated. The context ends a lookup, with an error for which [IsTemporary]
// is true and which wraps that of the context.
//
// Implementations are safe for concurrent use. The caller owns what is returned.
type Resolver interface {
	// LookupAddr returns the names of an address (PTR).
	LookupAddr(ctx context.Context, ip netip.Addr) ([]string, Result, error)

	// LookupCNAME returns the name that host is an alias of, one step only. It is not
	// found when host is no alias, whether or not it has other records.
	LookupCNAME(ctx context.Context, host string) (string, Result, error)

	// LookupIP returns the addresses of a host: those of both families for network
	// "ip", or only those of "ip4" (A) or "ip6" (AAAA). For "ip", a temporary error for
	// one family is an error for both, so that a fault cannot make an address
	// disappear unnoticed.
	LookupIP(ctx context.Context, network, host string) ([]netip.Addr, Result, error)

	// LookupMX returns mail exchangers, by ascending preference.
	LookupMX(ctx context.Context, name string) ([]net.MX, Result, error)

	// LookupNS returns name servers.
	LookupNS(ctx context.Context, name string) ([]net.NS, Result, error)

	// LookupSRV returns the records of a service, by name, e.g.
	// "_imaps._tcp.example.org", by ascending priority (RFC 2782). Those of one priority
	// are in no order that means something; who needs one chooses by weight.
	LookupSRV(ctx context.Context, name string) ([]net.SRV, Result, error)

	// LookupCAA returns the records of a name itself that say who may issue certificates for it. Where it has none,
	// those of the nearest name above count (RFC 8659 §3), which the caller asks for.
	LookupCAA(ctx context.Context, name string) ([]CAA, Result, error)

	// LookupTXT returns texts, the strings of each record joined.
	LookupTXT(ctx context.Context, name string) ([]string, Result, error)

	// LookupTLSA returns the TLSA records of a service, e.g. port 25 and protocol
	// "tcp" (RFC 6698 §3). With port 0 and an empty protocol, host is looked up as it
	// is. The caller must not use records of a Result that is not Authentic.
	LookupTLSA(ctx context.Context, port int, protocol, host string) ([]TLSA, Result, error)
}

// Result is what is known about an answer besides its records.
type Result struct {
	// Authentic tells that the answer, with all aliases on the way, was authenticated
	// by DNSSEC, according to a recursive resolver that is trusted to say so
	// (RFC 4035 §3.2.3).
	Authentic bool

	// TTL is how long the answer may be kept, zero if that is not known. It is negative
	// if it may not be kept at all: the TTL of a record is 0 (RFC 1035 §3.2.1).
	TTL time.Duration
}

// TLSA is a certificate association of RFC 6698.
type TLSA = adns.TLSA

// Error is the error of a lookup.
type Error struct {
	Type string // Of the records asked for, e.g. "MX".
	Name string // Asked for.

	// NotFound tells that the name does not exist, or has no records of the type. So
	// do names that are too long or have control characters, and internationalized
	// names that are not valid. Other errors may go away.
	NotFound bool

	Err error // Cause.
}

func (e *Error) Error() string {
	return "dns: looking up " + e.Type + " of " + e.Name + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Causes of an [Error] that adns does not have.
var (
	errNotFound = errors.New("no such record")
	errName     = errors.New("not a name that can be looked up")
	errAliases  = errors.New("too many aliases")
	errNoAnswer = errors.New("no answer")
)

// IsNotFound tells whether err says that there are no such records.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.NotFound
}

// IsTemporary tells whether a lookup that failed with err may succeed later. Errors
// that are not known are temporary; nil is not.
func IsTemporary(err error) bool {
	if err == nil {
		return false
	}
	return !IsNotFound(err)
}

// cleanName returns a name in lower case and without trailing dot, and an error that it
// is not found if it cannot be looked up. Names below .onion are never asked of DNS
// (RFC 7686 §2).
//
// More than the names of hosts can be looked up, as labels in DNS may have any octets (RFC 2181 §11). SPF makes
// some from local parts of addresses (RFC 7208 §7.3). Who wants the name of a host parses it.
func cleanName(typ, name string) (string, error) {
	d, err := ParseDomainLax(name)
	if err != nil {
		octets, ok := octetName(name)
		if !ok {
			return "", &Error{typ, name, true, fmt.Errorf("%w: %w", errName, err)}
		}
		d.ASCII = octets
	}
	if d.ASCII == "onion" || strings.HasSuffix(d.ASCII, ".onion") {
		return "", &Error{typ, name, true, fmt.Errorf("%w: .onion is not in DNS", errName)}
	}
	return d.ASCII, nil
}

// octetName returns a name of printable ASCII characters in lower case and without trailing dot.
func octetName(name string) (string, bool) {
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxName || needsIDNA(name) {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel {
			return "", false
		}
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return "", false
		}
	}
	return strings.ToLower(name), true
}

// tlsaName returns the name of the TLSA records of a service (RFC 6698 §3).
func tlsaName(port int, protocol, host string) string {
	if port == 0 && protocol == "" {
		return host
	}
	return "_" + strconv.Itoa(port) + "._" + protocol + "." + host
}

// ipType returns the type of records that are looked up for a network of LookupIP.
func ipType(network string) (string, error) {
	switch network {
	case "ip":
		return "A/AAAA", nil
	case "ip4":
		return "A", nil
	case "ip6":
		return "AAAA", nil
	}
	return "", net.UnknownNetworkError(network)
}
