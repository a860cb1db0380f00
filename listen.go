package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"mox/config"
	"mox/imapserver"
	"mox/internal/proxyproto"
	"mox/internal/ratelimit"
	"mox/pipeline"
	"mox/smtpserver"
)

// service is a service of a listener.
type service struct {
	listener *config.Listener
	name     string // As in mox.conf; of several over HTTP that share a port, the first.
	port     int
	web      *config.WebPort // For services over HTTP, else nil.
}

// services returns the enabled services of a listener.
func services(l *config.Listener) []service {
	var list []service
	for _, s := range []struct {
		name string
		config.Service
	}{
		{"SMTP", l.SMTP.Service},
		{"Submission", l.Submission.Service},
		{"Submissions", l.Submissions.Service},
		{"IMAP", l.IMAP.Service},
		{"IMAPS", l.IMAPS.Service},
	} {
		if s.Enabled {
			list = append(list, service{listener: l, name: s.name, port: s.Port})
		}
	}
	for _, p := range l.WebPorts() {
		list = append(list, service{l, p.Services[0].Name, p.Port, &p})
	}
	return list
}

// socket is an open port.
type socket struct {
	service
	net.Listener
}

// listenAll opens the ports of all services.
func (s *server) listenAll(cfg *config.Config) ([]socket, error) {
	var sockets []socket
	for _, l := range cfg.Listeners {
		for _, svc := range services(l) {
			for _, ip := range l.IPs {
				ln, err := s.listen(cfg, svc, ip)
				if err != nil {
					return nil, err
				}
				if ln != nil {
					sockets = append(sockets, socket{svc, ln})
				}
			}
		}
	}
	return sockets, nil
}

// endpoint returns the network and address of a service, for net.Listen.
func endpoint(svc service, ip netip.Addr) (network, address string) {
	network = "tcp4"
	if ip.Is6() {
		network = "tcp6"
	}
	return network, net.JoinHostPort(ip.String(), strconv.Itoa(svc.port))
}

// listenAdvice adds to an error of opening a port what to do about it.
func listenAdvice(svc service, ip netip.Addr, err error) error {
	_, addr := endpoint(svc, ip)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s of listener %s: port %s is in use; stop the other program (\"ss -ltnp\" tells which it is), or set another Listeners.%s.%s.Port in mox.conf", svc.name, svc.listener.Name, addr, svc.listener.Name, svc.name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s of listener %s: no permission to listen on %s; start mox as root, or give it the capability CAP_NET_BIND_SERVICE", svc.name, svc.listener.Name, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s of listener %s: this machine does not have the address %s; correct Listeners.%s.IPs in mox.conf", svc.name, svc.listener.Name, ip, svc.listener.Name)
	}
	return fmt.Errorf("%s of listener %s: %w", svc.name, svc.listener.Name, err)
}

// listen opens a port. It returns nil for an address that localserve can do without.
func (s *server) listen(cfg *config.Config, svc service, ip netip.Addr) (net.Listener, error) {
	listen := s.opts.listen
	if listen == nil {
		listen = net.Listen
	}
	network, addr := endpoint(svc, ip)
	ln, err := listen(network, addr)
	switch {
	case err == nil:
	case cfg.Localserve != nil && ip == netip.IPv6Loopback() && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)):
		return nil, nil // A machine without IPv6.
	default:
		return nil, listenAdvice(svc, ip, err)
	}
	// Closed again in any case; a server closes those that it serves earlier.
	s.closers.add("closing "+addr, func(context.Context) error {
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	if svc.listener.UsesProxyProtocol() {
		ln = proxyproto.NewListener(ln, proxyproto.Options{Networks: svc.listener.ProxyNetworks, Log: s.log.With("pkg", "proxyproto")})
	}
	return ln, nil
}

// loopback are the networks of clients on this machine.
func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// smtpListener returns how an SMTP service of a listener is served.
func (s *server) smtpListener(svc service, tlsConfig *tls.Config, limits *smtpserver.Limits, checks []pipeline.Use) smtpserver.ListenerOptions {
	l := svc.listener
	lo := smtpserver.ListenerOptions{
		Name:           l.Name,
		Hostname:       l.Hostname,
		Hostnames:      s.live.Current().Hostnames(),
		TLSConfig:      tlsConfig,
		MaxMessageSize: l.MaxMessageSize,
		Checks:         checks,
		Limits:         limits,
	}
	if s.live.Current().Localserve != nil {
		lo.Unlimited = loopback()
	}
	switch svc.name {
	case "SMTP":
		lo.Kind = smtpserver.MX
		lo.RequireTLS = l.SMTP.RequireSTARTTLS
		lo.NormalizeLineEnds = l.SMTP.NormalizeLineEnds
		if l.SMTP.NoSTARTTLS {
			lo.TLSConfig = nil
		}
	case "Submission":
		lo.Kind = smtpserver.Submission
		lo.TLSConfig = s.clientTLS(l, tlsConfig)
		lo.AuthWithoutTLS = l.Submission.NoRequireSTARTTLS
		lo.Mechanisms = l.Submission.SASLMechanisms
		lo.HideClient = true
	case "Submissions":
		lo.Kind = smtpserver.Submissions
		lo.Mechanisms = l.Submissions.SASLMechanisms
		lo.TLSConfig = s.clientTLS(l, tlsConfig)
		lo.HideClient = true
	}
	return lo
}

// smtpLimits returns the limits that the SMTP services of a listener share.
func smtpLimits(cfg *config.Config, l *config.Listener) *smtpserver.Limits {
	return smtpserver.NewLimits(smtpserver.LimitOptions{
		Connections:           l.Limits.Connections,
		ConnectionsPerAccount: l.Limits.ConnectionsPerAccount,
		Connects:              l.Limits.Connects,
		Messages:              l.Limits.Messages,
		BadCommands:           l.Limits.BadCommands,
		CommandsPerMinute:     l.Limits.CommandsPerMinute,
		Recipients:            l.Limits.Recipients,
		LoginTimeout:          cfg.Timeouts.Login,
		Timeout:               cfg.Timeouts.SMTP,
	})
}

// imapListener returns how an IMAP service of a listener is served.
func (s *server) imapListener(svc service, tlsConfig *tls.Config, conns *ratelimit.Conns, accountConns *ratelimit.Counts[string]) imapserver.ListenerOptions {
	l := svc.listener
	lo := imapserver.ListenerOptions{
		Name:           l.Name,
		TLS:            s.clientTLS(l, tlsConfig),
		Conns:          conns,
		AccountConns:   accountConns,
		MaxMessageSize: l.MaxMessageSize,
		MaxBadCommands: l.Limits.BadCommands,
	}
	if svc.name == "IMAPS" {
		lo.ImplicitTLS = true
		lo.Mechanisms = l.IMAPS.SASLMechanisms
	} else {
		lo.PlaintextAuth = l.IMAP.NoRequireSTARTTLS
		lo.Mechanisms = l.IMAP.SASLMechanisms
	}
	if s.live.Current().Localserve != nil {
		lo.Unlimited = loopback()
	}
	return lo
}
