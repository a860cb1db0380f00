package rcptsecurity

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"mox/dns"
	"mox/mtasts"
)

// maxHosts is for how many servers of a domain TLSA records are looked up.
const maxHosts = 10

// found is what was found by looking a domain up.
type found struct {
	security Security
	policy   *policy       // Nil for none that may be used.
	keep     time.Duration // For how long it may be kept.
}

// policy is an MTA-STS policy.
type policy struct {
	mtasts.Policy
	id    string
	until time.Time
}

// servers are the names of a domain's servers.
type servers struct {
	hosts     []dns.Domain
	authentic bool
	err       error
	ttl       time.Duration
}

// find looks a domain up. It is given the policy that is known.
func (c *Checker) find(ctx context.Context, domain dns.Domain, known *policy) found {
	var f found
	var mx servers
	var dane Result
	var ways sync.WaitGroup
	ways.Go(func() {
		mx = c.findServers(ctx, domain)
		dane = c.findDANE(ctx, mx)
	})
	var perr error
	ways.Go(func() { f.policy, perr = c.findPolicy(ctx, domain, known) })
	ways.Wait()

	f.keep = keepFound
	if mx.ttl != 0 {
		f.keep = min(f.keep, max(mx.ttl, keepError))
	}
	s := &f.security
	s.DANE = dane
	switch {
	case mx.err != nil:
		s.DNSSEC = Error
	case mx.authentic:
		s.DNSSEC = Yes
	default:
		s.DNSSEC = No
	}
	switch {
	case f.policy != nil:
		s.MTASTS = f.policy.result(mx)
		f.keep = min(f.keep, max(f.policy.until.Sub(c.opts.Now()), keepError))
	case perr != nil:
		s.MTASTS = Error
	default:
		s.MTASTS = No
	}
	if s.DNSSEC == Error || s.DANE == Error || perr != nil {
		f.keep = keepError
	}
	return f
}

// findServers returns the hosts that take mail for a domain (RFC 5321 §5.1).
func (c *Checker) findServers(ctx context.Context, domain dns.Domain) servers {
	l, res, err := c.opts.Resolver.LookupMX(ctx, domain.Absolute())
	s := servers{authentic: res.Authentic, ttl: res.TTL}
	switch {
	case dns.IsNotFound(err):
		s.hosts = []dns.Domain{domain}
	case err != nil:
		s.err = err
	default:
		s.hosts = names(l)
	}
	return s
}

// names returns those of MX records, of the most preferred ones if they are many. That of a null MX (RFC 7505) is none.
func names(l []net.MX) []dns.Domain {
	var hosts []dns.Domain
	for _, mx := range l {
		if strings.Trim(mx.Host, ".") == "" {
			continue
		}
		if d, err := dns.ParseDomainLax(mx.Host); err == nil && len(hosts) < maxHosts {
			hosts = append(hosts, d)
		}
	}
	return hosts
}

// findDANE looks for TLSA records of all servers. Without DNSSEC for their names there is no use in them (RFC 7672 §2.2.1).
func (c *Checker) findDANE(ctx context.Context, mx servers) Result {
	switch {
	case mx.err != nil:
		return Error
	case !mx.authentic || len(mx.hosts) == 0:
		return No
	}
	for _, h := range mx.hosts {
		l, res, err := c.opts.Resolver.LookupTLSA(ctx, 25, "tcp", h.Absolute())
		switch {
		case dns.IsNotFound(err):
			return No
		case err != nil:
			// A lookup that fails keeps mail from being sent (RFC 7672 §2.1.2).
			return Error
		case !res.Authentic || !usable(l):
			return No
		}
	}
	return Yes
}

// Usages of TLSA records that count for SMTP (RFC 7672 §3.1.1, §3.1.2).
const (
	usageDANETA = 2
	usageDANEEE = 3
)

// usable reports whether one of the records can be used with SMTP (RFC 7672 §3.1).
func usable(l []dns.TLSA) bool {
	for _, r := range l {
		if (r.Usage == usageDANETA || r.Usage == usageDANEEE) && len(r.CertAssoc) > 0 {
			return true
		}
	}
	return false
}

// findPolicy returns the MTA-STS policy of a domain; nil if there is none. One that is known is asked for again only if the
// domain says that it has another, and goes on to be used while there is an error (RFC 8461 §3.1, §5.1).
func (c *Checker) findPolicy(ctx context.Context, domain dns.Domain, known *policy) (*policy, error) {
	if known != nil && !c.opts.Now().Before(known.until) {
		known = nil
	}
	record, _, err := mtasts.LookupRecord(ctx, c.opts.Resolver, domain)
	switch {
	case known != nil && (err != nil || record.ID == known.id):
		return known, nil
	case errors.Is(err, mtasts.ErrNoRecord):
		return nil, nil
	case err != nil:
		return nil, err
	}
	p, err := c.opts.FetchPolicy(ctx, domain)
	switch {
	case err != nil && known != nil:
		return known, nil
	case err != nil:
		return nil, err
	}
	return &policy{p, record.ID, c.opts.Now().Add(p.MaxAge)}, nil
}

// result returns what a policy means for mail to servers.
func (p *policy) result(mx servers) Result {
	if p.Mode != mtasts.ModeEnforce {
		return No
	}
	for _, h := range mx.hosts {
		if p.Matches(h) {
			return Yes
		}
	}
	if mx.err != nil {
		return Yes // There is one, and it is enforced once there are servers.
	}
	return Error
}
