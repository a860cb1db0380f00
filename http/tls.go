package http

import (
	"crypto/tls"
	"slices"

	"mox/dns"
)

// acmeProtocol is what a certificate authority negotiates to see whether a name is ours (RFC 8737 §4).
const acmeProtocol = "acme-tls/1"

// webTLS returns the TLS configuration of a port. A client gets the certificate of the name that it
// asks for, if that is served here, and of no other: browsers believe what they are told about a
// name, and addresses are asked for by those who look for names. Clients of mail are served more
// leniently, see config.Live.TLSConfig.
func (p *port) webTLS() *tls.Config {
	base := &tls.Config{
		MinVersion:     p.minVersion(),
		NextProtos:     []string{"h2", "http/1.1", "http/1.0"},
		GetCertificate: p.certificate,
	}
	newest := base.Clone()
	newest.MinVersion = tls.VersionTLS13
	challenge := base.Clone()
	challenge.NextProtos = []string{acmeProtocol}
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Equal(hello.SupportedProtos, []string{acmeProtocol}) && p.s.opts.GetCertificate != nil {
			return challenge, nil
		}
		if d := p.s.webDomain(serverName(hello.ServerName)); d != nil && d.MinTLSVersion > base.MinVersion {
			return newest, nil
		}
		return nil, nil
	}
	return base
}

// minVersion returns the oldest version of TLS of the listener.
func (p *port) minVersion() uint16 {
	if p.listener.TLS != nil {
		return p.listener.TLS.MinVersion
	}
	return tls.VersionTLS12
}

// serverName returns the name that a client asks for as names are compared here.
func serverName(s string) string {
	d, err := dns.ParseDomainLax(s)
	if err != nil {
		return ""
	}
	return d.ASCII
}

// certificate returns the certificate for a client. Without one, crypto/tls answers unrecognized_name (RFC 6066 §3).
func (p *port) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName == "" {
		return p.ownCertificate(hello)
	}
	name := serverName(hello.ServerName)
	if name == "" {
		return nil, nil
	}
	if slices.Contains(hello.SupportedProtos, acmeProtocol) && p.s.opts.GetCertificate != nil {
		return p.s.opts.GetCertificate(hello)
	}
	if d := p.s.webDomain(name); d != nil && len(d.Certificates) > 0 {
		return bestCertificate(d.Certificates, hello), nil
	}
	if c := p.namedCertificate(hello, name); c != nil {
		return c, nil
	}
	if !p.knows(name) {
		return nil, nil
	}
	if p.s.opts.GetCertificate != nil {
		if c, err := p.s.opts.GetCertificate(hello); err != nil || c != nil {
			return c, err
		}
	}
	if p.listener.HTTPHosts[name] {
		return p.ownCertificate(hello) // The name is another one of the same host.
	}
	return nil, nil
}

// certificates returns those that the configuration has for the listener now.
func (p *port) certificates() []tls.Certificate {
	for _, l := range p.s.opts.Config.Current().Listeners {
		if l.Name == p.listener.Name && l.TLS != nil {
			return l.TLS.Certificates
		}
	}
	return nil
}

// namedCertificate returns a certificate of the listener that is valid for a name, or nil.
func (p *port) namedCertificate(hello *tls.ClientHelloInfo, name string) *tls.Certificate {
	var valid []tls.Certificate
	for _, c := range p.certificates() {
		if c.Leaf != nil && c.Leaf.VerifyHostname(name) == nil {
			valid = append(valid, c)
		}
	}
	if len(valid) == 0 {
		return nil
	}
	return bestCertificate(valid, hello)
}

// ownCertificate returns the certificate of the host itself, or nil.
func (p *port) ownCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := p.listener.Hostname.ASCII
	if c := p.namedCertificate(hello, host); c != nil {
		return c, nil
	}
	if c := addrOf(hello.Conn.LocalAddr()); c.IsValid() {
		if c := p.namedCertificate(hello, c.String()); c != nil {
			return c, nil
		}
	}
	if p.s.opts.GetCertificate == nil {
		return nil, nil
	}
	named := *hello
	named.ServerName = host
	return p.s.opts.GetCertificate(&named)
}

// leaf returns the certificate of a file that a client gets which asks for a name, or nil. Others have one
// for each name.
func (p *port) leaf(name string) []byte {
	hello := &tls.ClientHelloInfo{ServerName: name}
	var c *tls.Certificate
	if d := p.s.webDomain(name); d != nil && len(d.Certificates) > 0 {
		c = &d.Certificates[0]
	} else {
		c = p.namedCertificate(hello, name)
	}
	if c == nil || len(c.Certificate) == 0 {
		return nil
	}
	return c.Certificate[0]
}

// bestCertificate returns the first of a list that the client can use, or the first.
func bestCertificate(l []tls.Certificate, hello *tls.ClientHelloInfo) *tls.Certificate {
	for i := range l {
		if hello.SupportsCertificate(&l[i]) == nil {
			return &l[i]
		}
	}
	return &l[0]
}
