package queue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"

	"mox/dns"
	"mox/rcptsecurity"
	"mox/smtp"
	"mox/smtpclient"
)

// Direct is the transport to the hosts that take mail for a recipient's domain (RFC 5321
// §5.1). TLS is used where a host offers it (RFC 3207, opportunistic as in RFC 7435). A message that requires TLS goes only
// to hosts whose name is authenticated by DNSSEC or MTA-STS, that have a valid certificate and promise the same (RFC 8689
// §4.2.1).
type Direct struct {
	TransportName string
	Dialer        *smtpclient.Dialer
	LocalName     dns.IPDomain   // For EHLO.
	RootCAs       *x509.CertPool // Whose certificates count for messages that require TLS. Default: the system's.
	Security      HostSecurity   // Default: nothing is known.
	Log           *slog.Logger   // Default: discard.
}

var _ Transport = (*Direct)(nil)

// Name implements Transport.
func (d *Direct) Name() string { return d.TransportName }

// Deliver implements Transport. Hosts are tried in order; recipients that one takes or refuses for
// good are not offered to the next. Without a reply that is final, an outcome is permanent only if
// it was with each host.
func (d *Direct) Deliver(ctx context.Context, j Job) []Outcome {
	route, err := d.Dialer.Lookup(ctx, j.Recipients[0].Path.IPDomain)
	if err != nil {
		return same(j, Outcome{Err: err})
	}
	outcomes := make([]Outcome, len(j.Recipients))
	left := make([]int, len(j.Recipients))
	for i := range left {
		left[i] = i
	}
	for n, h := range route.Hosts {
		try := j
		try.Recipients = nil
		for _, i := range left {
			try.Recipients = append(try.Recipients, j.Recipients[i])
		}
		var open []int
		loop := false
		for k, o := range d.deliverHost(ctx, &route, h, try) {
			i := left[k]
			if n == 0 || !ownFinding(o.Err) || smtp.IsTemporary(o.Err) {
				outcomes[i] = o
			}
			// RFC 5321 §5.1: hosts that are less preferred than ours must not be tried.
			loop = loop || errors.Is(o.Err, smtpclient.ErrLoop)
			if o.Err != nil && (ownFinding(o.Err) || smtp.IsTemporary(o.Err)) {
				open = append(open, i)
			}
		}
		if left = open; len(left) == 0 || loop || ctx.Err() != nil {
			break
		}
	}
	if !route.MX {
		nonexistent(outcomes)
	}
	return outcomes
}

// ownFinding reports whether an error is not what the host replied.
func ownFinding(err error) bool {
	e, ok := errors.AsType[*smtpclient.Error](err)
	return ok && e.Code == 0
}

// nonexistent gives outcomes for a domain that has neither MX records nor addresses the status for
// that (RFC 3463 §3.2, X.1.2).
func nonexistent(outcomes []Outcome) {
	for _, o := range outcomes {
		if e, ok := errors.AsType[*smtpclient.Error](o.Err); ok && e.Command == "address" && e.Permanent {
			e.Enhanced = smtp.E512BadDestinationSystem
		}
	}
}

// deliverHost makes an attempt at one host, again without TLS if only that fails.
func (d *Direct) deliverHost(ctx context.Context, route *smtpclient.Route, h smtpclient.Host, j Job) []Outcome {
	if needsTLS(&j.Message) {
		l := d.deliverSecurely(ctx, route, h, j)
		if !isInsecure(l[0].Err) || !mayRelax(&j.Message) {
			return l
		}
	}
	l := d.deliverOnce(ctx, h, j, smtpclient.TLSOpportunistic)
	if errors.Is(l[0].Err, smtpclient.ErrTLS) && ctx.Err() == nil {
		l = d.deliverOnce(ctx, h, j, smtpclient.TLSNone)
	}
	return l
}

// deliverSecurely makes an attempt for a message that needs TLS (RFC 8689 §4.2.1).
func (d *Direct) deliverSecurely(ctx context.Context, route *smtpclient.Route, h smtpclient.Host, j Job) []Outcome {
	switch {
	case h.Name.IsIP():
		return same(j, Outcome{Err: insecure("MX", smtp.E5710EncryptionNeeded, errUnverified)})
	case !d.trusted(ctx, route, h, j.Recipients[0].Path.IPDomain.Domain):
		return same(j, Outcome{Err: insecure("MX", smtp.E5730RequireTLS, errUntrustedMX)})
	}
	return withoutTLS(d.deliverOnce(ctx, h, j, smtpclient.TLSVerified))
}

// trusted reports whether it is known that the host takes mail for the domain. A domain without MX records, which is its
// own host, is the one its certificate has to name.
func (d *Direct) trusted(ctx context.Context, route *smtpclient.Route, h smtpclient.Host, domain dns.Domain) bool {
	if route.Authentic || !route.MX && route.Domain == domain {
		return true
	}
	return d.Security != nil && d.Security.MXTrusted(ctx, domain, h.Name.Domain)
}

func (d *Direct) deliverOnce(ctx context.Context, h smtpclient.Host, j Job, mode smtpclient.TLSMode) []Outcome {
	conn, err := d.Dialer.DialHost(ctx, h)
	if err != nil {
		return same(j, Outcome{Err: err})
	}
	opts := smtpclient.Options{LocalName: d.LocalName, RemoteName: h.Name.Domain, TLS: mode, Log: d.Log}
	if mode == smtpclient.TLSVerified {
		opts.TLSConfig = &tls.Config{RootCAs: d.RootCAs}
	}
	t := transaction{Options: opts, remote: remoteName(h, conn), requireTLS: mode == smtpclient.TLSVerified}
	if domain := j.Recipients[0].Path.IPDomain.Domain; d.Security != nil && !domain.IsZero() {
		t.seen = func(c *smtpclient.Client, err error) { d.Security.Seen(domain, seen(h, c, err)) }
	}
	return t.run(ctx, conn, j)
}

// seen returns what was seen of a host, to which there is a client, or an error of making one.
func seen(h smtpclient.Host, c *smtpclient.Client, err error) rcptsecurity.Seen {
	s := rcptsecurity.Seen{Host: h.Name.Domain}
	switch {
	case errors.Is(err, smtpclient.ErrTLS):
		s.STARTTLS = rcptsecurity.Error
	case errors.Is(err, smtpclient.ErrTLSRequired):
		s.STARTTLS, s.RequireTLS = rcptsecurity.No, rcptsecurity.No
	case err != nil:
	case c.TLS() != nil:
		s.STARTTLS, s.RequireTLS = rcptsecurity.Yes, rcptsecurity.No
		if c.RequireTLS() {
			s.RequireTLS = rcptsecurity.Yes
		}
	case !c.StartTLS():
		s.STARTTLS, s.RequireTLS = rcptsecurity.No, rcptsecurity.No
	}
	return s
}

func remoteName(h smtpclient.Host, conn net.Conn) string {
	ip, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil || h.Name.IsIP() {
		return h.Name.String()
	}
	return h.Name.String() + " [" + ip + "]"
}
