package smtpclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"mox/dns"
	"mox/internal/netguard"
	"mox/smtp"
)

// Limits against domains that lead to more hosts than anyone would have.
const (
	maxHosts     = 10
	maxAddresses = 8 // Of each host.
	maxAliases   = 8
)

// Dialer finds the hosts for mail and connects to them. Fields without a default told are
// required. It must not be changed once used; its methods can be called concurrently.
type Dialer struct {
	Resolver dns.Resolver

	// DialContext connects to an address, with network "tcp". Default: that of a
	// net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// Guard says to which addresses connections may be made: a stranger's MX record can
	// lead anywhere. Its Own addresses are found to be loops. The zero Guard allows all
	// public addresses.
	Guard netguard.Guard

	// LocalNames are names of this host. Where one is among the MX hosts of a domain,
	// those of its preference and less preferred ones are not used (RFC 5321 §5.1).
	LocalNames []dns.Domain

	Port    int           // Default 25.
	Timeout time.Duration // For connecting to one address. Default 30 seconds.

	Log *slog.Logger // Default: discard.
}

// Host is a host that takes mail for a domain.
type Host struct {
	Name dns.IPDomain
	Pref uint16 // Of the MX record.
}

// Route is how mail gets to a domain.
type Route struct {
	// Hosts to try, in order: by preference, random among equals.
	Hosts []Host

	// MX tells that Hosts are of MX records. Otherwise the domain itself is the host,
	// or it was an address literal.
	MX bool

	// Domain is that of which the records are, after following aliases.
	Domain dns.Domain

	// Authentic tells that Hosts and all aliases that led to them are authenticated by
	// DNSSEC.
	Authentic bool
}

// Lookup finds the hosts for a next hop: those of MX records, or else the domain itself
// (RFC 5321 §5.1). An address literal is its own host. Aliases are followed up to a limit.
//
// Errors are [*Error]s, with causes [ErrNullMX] (permanent, 5.1.10), [ErrLoop] (permanent,
// 5.4.6) and [ErrNoHost] for records without valid names (permanent, 5.4.4). Others are
// temporary.
func (d *Dialer) Lookup(ctx context.Context, next dns.IPDomain) (Route, error) {
	if next.IsIP() {
		return Route{Hosts: []Host{{Name: next}}}, nil
	}
	domain, authentic, err := d.followAliases(ctx, next.Domain)
	if err != nil {
		return Route{}, err
	}
	route := Route{Domain: domain, Authentic: authentic}
	mxs, res, err := d.Resolver.LookupMX(ctx, domain.Absolute())
	route.Authentic = route.Authentic && res.Authentic
	switch {
	case dns.IsNotFound(err):
		route.Hosts = []Host{{Name: dns.IPDomain{Domain: domain}}}
		return route, nil
	case err != nil:
		return Route{}, &Error{Command: "MX", Enhanced: smtp.E443DirectoryFailure, Err: err}
	case len(mxs) == 1 && strings.Trim(mxs[0].Host, ".") == "":
		// Also with another preference than 0, which is no proper null MX but no host
		// either (RFC 7505 §3).
		return Route{}, &Error{Permanent: true, Command: "MX", Enhanced: smtp.E5110NullMX, Err: ErrNullMX}
	}
	route.MX = true
	route.Hosts, err = d.mxHosts(domain, mxs)
	return route, err
}

// followAliases returns the name that a domain is an alias of. An error of the lookup is
// left to that of the MX records, which meets it too if it matters.
func (d *Dialer) followAliases(ctx context.Context, domain dns.Domain) (_ dns.Domain, authentic bool, err error) {
	authentic = true
	for range maxAliases {
		target, res, err := d.Resolver.LookupCNAME(ctx, domain.Absolute())
		if err != nil {
			return domain, authentic, nil
		}
		authentic = authentic && res.Authentic
		if domain, err = dns.ParseDomainLax(target); err != nil {
			return dns.Domain{}, false, &Error{Permanent: true, Command: "MX", Enhanced: smtp.E544NoRoute, Err: fmt.Errorf("%w: alias of %q: %w", ErrNoHost, target, err)}
		}
	}
	return dns.Domain{}, false, &Error{Command: "MX", Enhanced: smtp.E444NoRoute, Err: fmt.Errorf("%w: more than %d aliases", ErrNoHost, maxAliases)}
}

// mxHosts returns the hosts of MX records in the order to try them.
func (d *Dialer) mxHosts(domain dns.Domain, mxs []net.MX) ([]Host, error) {
	var hosts []Host
	var bad error
	loop := false
	limit := 1 << 16
	for _, mx := range mxs {
		name, err := dns.ParseDomainLax(mx.Host)
		if err != nil {
			bad = err // Others may be valid.
			continue
		}
		if slices.Contains(d.LocalNames, name) {
			loop = true
			limit = min(limit, int(mx.Pref))
		}
		hosts = append(hosts, Host{dns.IPDomain{Domain: name}, mx.Pref})
	}
	hosts = slices.DeleteFunc(hosts, func(h Host) bool { return int(h.Pref) >= limit })
	if len(hosts) == 0 {
		if loop {
			return nil, &Error{Permanent: true, Command: "MX", Enhanced: smtp.E546RoutingLoop, Err: fmt.Errorf("%w: %s", ErrLoop, domain)}
		}
		return nil, &Error{Permanent: true, Command: "MX", Enhanced: smtp.E544NoRoute, Err: fmt.Errorf("%w: mx records of %s: %w", ErrNoHost, domain, bad)}
	}
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	slices.SortStableFunc(hosts, func(a, b Host) int { return cmp.Compare(a.Pref, b.Pref) })
	return hosts[:min(len(hosts), maxHosts)], nil
}

// DialHost connects to a host: to its addresses in turn (RFC 5321 §5.1), as far as the Guard
// allows, until one answers.
//
// Errors are [*Error]s. If the host has no address, the cause is [ErrNoHost]; that is
// permanent, 5.4.4. If one of its addresses is ours, the cause is [ErrLoop] (permanent,
// 5.4.6): then hosts that are less preferred must not be tried either.
func (d *Dialer) DialHost(ctx context.Context, h Host) (net.Conn, error) {
	ips, err := d.addresses(ctx, h.Name)
	if err != nil {
		return nil, err
	}
	allowed := ips[:0]
	var refused error
	for _, ip := range ips {
		switch err := d.Guard.Check(ip); {
		case errors.Is(err, netguard.ErrOwn):
			return nil, &Error{Permanent: true, Command: "connect", Enhanced: smtp.E546RoutingLoop, Err: fmt.Errorf("%w: %s: %w", ErrLoop, h.Name, err)}
		case err != nil:
			refused = err
		default:
			allowed = append(allowed, ip)
		}
	}
	if len(allowed) == 0 {
		return nil, &Error{Permanent: true, Command: "connect", Enhanced: smtp.E544NoRoute, Err: fmt.Errorf("%w: %s: %w", ErrNoHost, h.Name, refused)}
	}
	var errs []error
	for _, ip := range allowed[:min(len(allowed), maxAddresses)] {
		conn, err := d.dial(ctx, ip)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &Error{Command: "connect", Enhanced: smtp.E441NoAnswer, Err: errors.Join(errs...)}
}

func (d *Dialer) dial(ctx context.Context, ip netip.Addr) (net.Conn, error) {
	dial := d.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.Timeout, 30*time.Second))
	defer cancel()
	return dial(ctx, "tcp", net.JoinHostPort(ip.String(), strconv.Itoa(cmp.Or(d.Port, 25))))
}

// addresses returns the addresses of a host, of both families. A fault in the lookup for one
// of them does not matter if there are addresses of the other.
func (d *Dialer) addresses(ctx context.Context, host dns.IPDomain) ([]netip.Addr, error) {
	if host.IsIP() {
		return []netip.Addr{host.IP.Unmap()}, nil
	}
	name := host.Domain.Absolute()
	ips, _, err := d.Resolver.LookupIP(ctx, "ip", name)
	if dns.IsTemporary(err) && ctx.Err() == nil {
		for _, network := range []string{"ip6", "ip4"} {
			if l, _, err := d.Resolver.LookupIP(ctx, network, name); err == nil {
				ips = append(ips, l...)
			}
		}
	}
	switch {
	case len(ips) > 0:
		for i := range ips {
			ips[i] = ips[i].Unmap()
		}
		return ips, nil
	case dns.IsNotFound(err):
		return nil, &Error{Permanent: true, Command: "address", Enhanced: smtp.E544NoRoute, Err: fmt.Errorf("%w: %w", ErrNoHost, err)}
	}
	return nil, &Error{Command: "address", Enhanced: smtp.E443DirectoryFailure, Err: err}
}

// Connect finds the hosts for a next hop and returns a Client for the first that answers
// properly, up to and including EHLO, STARTTLS and AUTH. RemoteName of the options is set
// to the host's name. With TLSOpportunistic, a host with which TLS fails is tried again
// without.
//
// The error is that of the last host tried, if possible one that is not permanent: the
// failure is permanent only if it is with each host. A domain that has neither MX records
// nor addresses is a permanent error 5.1.2.
func (d *Dialer) Connect(ctx context.Context, next dns.IPDomain, opts Options) (*Client, Host, error) {
	route, err := d.Lookup(ctx, next)
	if err != nil {
		return nil, Host{}, err
	}
	var worst error
	for _, h := range route.Hosts {
		c, err := d.ConnectHost(ctx, h, opts)
		if err == nil {
			return c, h, nil
		}
		if d.Log != nil {
			d.Log.Debug("host not usable", "host", h.Name.LogString(), "err", err)
		}
		e, _ := errors.AsType[*Error](err)
		if worst == nil || e == nil || !e.Permanent {
			worst = err
		}
		if ctx.Err() != nil || errors.Is(err, ErrLoop) {
			break
		}
	}
	if e, ok := errors.AsType[*Error](worst); ok && !route.MX && e.Command == "address" && e.Permanent {
		e.Enhanced = smtp.E512BadDestinationSystem
	}
	return nil, Host{}, worst
}

// ConnectHost returns a Client for one host, see [Dialer.Connect].
func (d *Dialer) ConnectHost(ctx context.Context, h Host, opts Options) (*Client, error) {
	opts.RemoteName = h.Name.Domain
	c, err := d.tryHost(ctx, h, opts)
	if opts.TLS == TLSOpportunistic && errors.Is(err, ErrTLS) && ctx.Err() == nil {
		opts.TLS = TLSNone
		c, err = d.tryHost(ctx, h, opts)
	}
	return c, err
}

func (d *Dialer) tryHost(ctx context.Context, h Host, opts Options) (*Client, error) {
	conn, err := d.DialHost(ctx, h)
	if err != nil {
		return nil, err
	}
	return New(ctx, conn, opts)
}
