package queue

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"mox/dns"
	"mox/smtp"
	"mox/smtpclient"
)

// Direct is the transport to the hosts that take mail for a recipient's domain (RFC 5321
// §5.1). TLS is used where a host offers it (RFC 3207, opportunistic as in RFC 7435).
type Direct struct {
	TransportName string
	Dialer        *smtpclient.Dialer
	LocalName     dns.IPDomain // For EHLO.
	Log           *slog.Logger // Default: discard.
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
		for k, o := range d.deliverHost(ctx, h, try) {
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
func (d *Direct) deliverHost(ctx context.Context, h smtpclient.Host, j Job) []Outcome {
	l := d.deliverOnce(ctx, h, j, smtpclient.TLSOpportunistic)
	if errors.Is(l[0].Err, smtpclient.ErrTLS) && ctx.Err() == nil {
		l = d.deliverOnce(ctx, h, j, smtpclient.TLSNone)
	}
	return l
}

func (d *Direct) deliverOnce(ctx context.Context, h smtpclient.Host, j Job, mode smtpclient.TLSMode) []Outcome {
	conn, err := d.Dialer.DialHost(ctx, h)
	if err != nil {
		return same(j, Outcome{Err: err})
	}
	opts := smtpclient.Options{LocalName: d.LocalName, RemoteName: h.Name.Domain, TLS: mode, Log: d.Log}
	return transact(ctx, conn, opts, j, remoteName(h, conn))
}

func remoteName(h smtpclient.Host, conn net.Conn) string {
	ip, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil || h.Name.IsIP() {
		return h.Name.String()
	}
	return h.Name.String() + " [" + ip + "]"
}
