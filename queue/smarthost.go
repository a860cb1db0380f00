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

// Deliver implements Transport. A message that requires TLS goes only to a server with a valid certificate that promises the
// same (RFC 8689 §2); its name is trusted, as an administrator has given it.
func (s *Smarthost) Deliver(ctx context.Context, j Job) []Outcome {
	if !needsTLS(&j.Message) {
		return s.deliver(ctx, j, s.TLS, false)
	}
	l := s.deliverSecurely(ctx, j)
	if isInsecure(l[0].Err) && mayRelax(&j.Message) {
		l = s.deliver(ctx, j, s.TLS, false)
	}
	return l
}

func (s *Smarthost) deliverSecurely(ctx context.Context, j Job) []Outcome {
	mode := s.TLS
	if mode == smtpclient.TLSOpportunistic {
		mode = smtpclient.TLSVerified
	}
	if s.Host.IsIP() || mode == smtpclient.TLSNone || mode == smtpclient.TLSRequired {
		return same(j, Outcome{Err: insecure("connect", smtp.E5710EncryptionNeeded, errUnverified)})
	}
	return withoutTLS(s.deliver(ctx, j, mode, true))
}

func (s *Smarthost) deliver(ctx context.Context, j Job, mode smtpclient.TLSMode, requireTLS bool) []Outcome {
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
		LocalName: s.LocalName, RemoteName: s.Host.Domain, TLS: mode, TLSConfig: s.TLSConfig, Log: s.Log,
		// The administrator chose the server and whether TLS is used with it.
		AuthWithoutTLS: s.TLS == smtpclient.TLSNone,
	}
	if s.Credentials != nil {
		opts.Auth = s.auth
	}
	t := transaction{Options: opts, remote: remote, requireTLS: requireTLS}
	return t.run(ctx, conn, j)
}

func (s *Smarthost) auth(mechanisms []string, cs *tls.ConnectionState) (sasl.Client, error) {
	return sasl.NewClient(mechanisms, *s.Credentials, cs)
}
