package queue

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"mox/dns"
	"mox/sasl"
	"mox/smtp"
	"mox/smtpclient"
)

// Smarthost is a transport that hands all mail to one configured server.
type Smarthost struct {
	TransportName string

	Host dns.IPDomain // Of the server.
	Port int

	TLS         smtpclient.TLSMode
	TLSConfig   *tls.Config
	Credentials *sasl.Credentials // For AUTH; nil for none.

	LocalName dns.IPDomain // For EHLO.

	// DialContext connects. Required.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	Log *slog.Logger // Default: discard.
}

var _ Transport = (*Smarthost)(nil)

// Name implements Transport.
func (s *Smarthost) Name() string { return s.TransportName }

// Deliver implements Transport.
func (s *Smarthost) Deliver(ctx context.Context, j Job) []Outcome {
	host := s.Host.Domain.ASCII
	if host == "" {
		host = s.Host.IP.String()
	}
	address := net.JoinHostPort(host, strconv.Itoa(s.Port))
	conn, err := s.DialContext(ctx, "tcp", address)
	if err != nil {
		return same(j, Outcome{Err: &smtpclient.Error{Command: "connect", Enhanced: smtp.E441NoAnswer, Err: err}})
	}
	remote := address
	if ip, _, err := net.SplitHostPort(conn.RemoteAddr().String()); err == nil && ip != host {
		remote = fmt.Sprintf("%s [%s]", address, ip)
	}
	opts := smtpclient.Options{
		LocalName: s.LocalName, RemoteName: s.Host.Domain, TLS: s.TLS, TLSConfig: s.TLSConfig, Log: s.Log,
		// The administrator chose the server and whether TLS is used with it.
		AuthWithoutTLS: s.TLS == smtpclient.TLSNone,
	}
	if s.Credentials != nil {
		opts.Auth = s.auth
	}
	return transact(ctx, conn, opts, j, remote)
}

func (s *Smarthost) auth(mechanisms []string, cs *tls.ConnectionState) (sasl.Client, error) {
	return sasl.NewClient(mechanisms, *s.Credentials, cs)
}

// transact sends the job over a new connection, which it closes.
func transact(ctx context.Context, conn net.Conn, opts smtpclient.Options, j Job, remote string) []Outcome {
	c, err := smtpclient.New(ctx, conn, opts)
	if err != nil {
		return same(j, Outcome{Err: err, Remote: remote})
	}
	defer c.Close()
	m := &j.Message
	env := smtpclient.Envelope{
		From: m.MailFrom, EightBit: m.EightBit, Binary: m.Binary, SMTPUTF8: m.SMTPUTF8, ENVID: m.ENVID, Ret: m.Ret,
		Size: j.Size + int64(len(j.Recipients[0].Prefix)),
	}
	for _, r := range j.Recipients {
		env.Recipients = append(env.Recipients, smtpclient.Recipient{To: r.Path, Notify: r.Notify, Original: r.OriginalRecipient})
	}
	results, err := c.Deliver(ctx, env, j.Reader())
	if len(results) != len(j.Recipients) {
		return same(j, Outcome{Err: err, Remote: remote})
	}
	l := make([]Outcome, len(results))
	for i, r := range results {
		l[i] = Outcome{Err: r.Err, Remote: remote, NoDSN: !c.DSN()}
	}
	return l
}
