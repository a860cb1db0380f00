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
// good are not offered to the next.
func (d *Direct) Deliver(ctx context.Context, j Job) []Outcome {
	route, err := d.Dialer.Lookup(ctx, j.Recipients[0].Path.IPDomain)
	if err != nil {
		return same(j, Outcome{Err: err})
	}
	outcomes := same(j, Outcome{Err: smtp.NewError(smtp.C451LocalError, smtp.E441NoAnswer, "no host answered", nil)})
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
		for k, o := range d.deliverHost(ctx, h, try) {
			i := left[k]
			outcomes[i] = o
			last := n == len(route.Hosts)-1
			if o.Err != nil && !last && mayTryNext(o.Err) {
				open = append(open, i)
			}
		}
		if left = open; len(left) == 0 || ctx.Err() != nil {
			break
		}
	}
	return outcomes
}

// mayTryNext reports whether another host may do better after an error. Only a reply of the host, and
// finding ourselves, are final; that a host has no address is not.
func mayTryNext(err error) bool {
	if errors.Is(err, smtpclient.ErrLoop) {
		return false // RFC 5321 §5.1: less preferred hosts must not be tried either.
	}
	if e, ok := errors.AsType[*smtpclient.Error](err); ok && e.Code == 0 {
		return true
	}
	_, final := permanent(err)
	return !final
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
