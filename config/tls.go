package config

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"mox/autotls"
	"mox/dns"
	"mox/smtp"
)

// StaticACME is a CA that certificates are requested from.
type StaticACME struct {
	DirectoryURL           string                 `sconf-doc:"URL of the directory of the CA, where ACME (RFC 8555) begins. To use it is to agree to the terms of the CA. Example: https://acme-v02.api.letsencrypt.org/directory."`
	RenewBefore            time.Duration          `sconf:"optional" sconf-doc:"Renew certificates this long before they end, but not in the first half of their lifetime. Default: a third of their lifetime, which fits long and short ones. Example: 720h."`
	ContactEmail           string                 `sconf-doc:"Address for the CA to write to, e.g. about problems with certificates. Example: postmaster@example.org."`
	Port                   int                    `sconf:"optional" sconf-doc:"Port here at which connections of the CA to port 443 arrive, if a router in front forwards that to another one. Default: 443."`
	IssuerDomainName       string                 `sconf:"optional" sconf-doc:"Name of the CA in CAA records (RFC 8659), for the DNS records that mox suggests. Example: letsencrypt.org."`
	ExternalAccountBinding *StaticExternalAccount `sconf:"optional" sconf-doc:"Account at the CA that was made in another way, for CAs that want one."`
	Fallbacks              []string               `sconf:"optional" sconf-doc:"Other entries of ACME to ask, in this order, when this CA cannot issue and a certificate is missing or about to expire. CAA records must allow them. Example: zerossl."`
}

// StaticExternalAccount is an account at a CA that was made in another way.
type StaticExternalAccount struct {
	KeyID   string `sconf-doc:"Key identifier, from the CA."`
	KeyFile string `sconf-doc:"File with the key of the account in base64url, as the CA gives it out, relative to the directory of this file. Example: eab.key."`
}

// StaticTLS are the certificates of a listener.
type StaticTLS struct {
	ACME                string          `sconf:"optional" sconf-doc:"Entry of ACME in this file: certificates for all names that this listener serves are requested from that CA and renewed. The CA connects to port 443 of these names, or, if the listener has HTTP at port 80, to that. Either this or KeyCerts is set. Example: letsencrypt."`
	KeyCerts            []StaticKeyCert `sconf:"optional" sconf-doc:"Certificates with their keys. A client gets the first one that fits the name it asks for, otherwise the first."`
	MinVersion          string          `sconf:"optional" sconf-doc:"Oldest version to speak: TLSv1.2 or TLSv1.3. Default: TLSv1.2."`
	HostPrivateKeyFiles []string        `sconf:"optional" sconf-doc:"Private keys for certificates of ACME for the Hostname of this listener, as PEM files relative to the directory of this file: at most one RSA key with 2048 to 4096 bits, and one ECDSA key on P-256. Keep them: TLSA records in DNS (DANE, RFC 7672) name them. Default: keys that mox makes, in the data directory. Example: hostkeys/mail.example.org.ecdsap256.privatekey.pem."`
	ClientAuthDisabled  bool            `sconf:"optional" sconf-doc:"Do not ask mail programs for a certificate, with which they could log in without a password (TLSClientKeys of accounts). For programs that get along badly with being asked. Default: false."`
}

// StaticKeyCert is a certificate with its key.
type StaticKeyCert struct {
	CertFile string `sconf-doc:"PEM file with the certificate and the intermediate ones after it, relative to the directory of this file. Example: example.org.crt.pem."`
	KeyFile  string `sconf-doc:"PEM file with the private key, relative to the directory of this file. Example: example.org.key.pem."`
}

// ACME is a CA that certificates are requested from.
type ACME struct {
	autotls.CA
	Port             int        // For connections of the CA.
	IssuerDomainName dns.Domain // Zero if it is not known.
	Fallbacks        []string   // Names of others.
}

// TLS are the certificates of a listener.
type TLS struct {
	Certificates       []tls.Certificate // None with ACME, otherwise at least one.
	ACME               *ACME             // Nil without.
	HostKeys           []crypto.Signer   // For certificates of ACME for the host name of the listener; at most one per type.
	MinVersion         uint16
	ClientAuthDisabled bool // Clients are not asked for certificates.
}

var acmeName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// acme parses the CAs.
func (b *builder) acme() {
	all := b.cfg.static.ACME
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		b.cfg.ACME = append(b.cfg.ACME, b.acmeCA("ACME."+name, name, &s))
	}
}

func (b *builder) acmeCA(field, name string, s *StaticACME) *ACME {
	p := b.static
	a := &ACME{CA: autotls.CA{Name: name, DirectoryURL: s.DirectoryURL, RenewBefore: s.RenewBefore}, Port: s.Port, Fallbacks: s.Fallbacks}
	if !acmeName.MatchString(name) {
		p.addf(field, "%q cannot be the name of a CA; use letters, digits, and - inside", name)
	}
	// RFC 8555 §6.1.
	if u, err := url.Parse(s.DirectoryURL); err != nil || u.Scheme != "https" || u.Host == "" {
		p.addf(field+".DirectoryURL", "%q is not the URL of a CA; write one with https, e.g. https://acme-v02.api.letsencrypt.org/directory", s.DirectoryURL)
	}
	if s.RenewBefore < 0 {
		p.addf(field+".RenewBefore", "%s is negative; remove it for the default", s.RenewBefore)
	}
	if s.ContactEmail != "" {
		addr, err := smtp.ParseAddress(s.ContactEmail)
		if err != nil {
			p.addf(field+".ContactEmail", "%q is not an address (%v); write e.g. postmaster@example.org", s.ContactEmail, err)
		}
		a.Contact = addr.String()
	}
	switch {
	case s.Port == 0:
		a.Port = 443
	case s.Port < 1 || s.Port > 65535:
		p.addf(field+".Port", "%d is not a port; use 1 to 65535", s.Port)
	}
	if s.IssuerDomainName != "" {
		a.IssuerDomainName, _ = p.parseDomain(field+".IssuerDomainName", s.IssuerDomainName)
	}
	if e := s.ExternalAccountBinding; e != nil {
		key, err := b.externalAccountKey(e)
		if err != nil && !b.canDoWithout(err) {
			p.addf(field+".ExternalAccountBinding", "%v; write the key id into KeyID, and the key, as the CA gives it out, into KeyFile", err)
		}
		a.ExternalAccount = &autotls.ExternalAccount{KeyID: e.KeyID, Key: key}
	}
	for i, other := range s.Fallbacks {
		if _, ok := b.cfg.static.ACME[other]; !ok || other == name || slices.Contains(s.Fallbacks[:i], other) {
			p.addf(fmt.Sprintf("%s.Fallbacks[%d]", field, i), "%q is not another entry of ACME; use one of: %s", other, strings.Join(b.acmeNames(name), ", "))
		}
	}
	return a
}

// acmeNames returns the names of CAs other than one.
func (b *builder) acmeNames(but string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(b.cfg.static.ACME)), func(s string) bool { return s == but })
}

// externalAccountKey reads the key of an account (RFC 8555 §7.3.4). Some CAs give it out with padding, or with the
// characters of plain base64.
func (b *builder) externalAccountKey(e *StaticExternalAccount) ([]byte, error) {
	if e.KeyID == "" {
		return nil, errors.New("the key id is empty")
	}
	data, err := b.read(e.KeyFile)
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(strings.TrimSpace(string(data)), "="))
	key, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return nil, fmt.Errorf("%s does not have a key in base64url", e.KeyFile)
	}
	return key, nil
}

// tls parses the certificates of a listener.
func (b *builder) tls(field string, s *StaticTLS) *TLS {
	p := b.static
	t := &TLS{MinVersion: tls.VersionTLS12, ClientAuthDisabled: s.ClientAuthDisabled}
	switch s.MinVersion {
	case "", "TLSv1.2":
	case "TLSv1.3":
		t.MinVersion = tls.VersionTLS13
	default:
		p.addf(field+".MinVersion", "%q is not possible; use TLSv1.2 or TLSv1.3", s.MinVersion)
	}
	switch {
	case s.ACME != "" && len(s.KeyCerts) > 0:
		p.addf(field, "has both ACME and KeyCerts; remove one of them")
	case s.ACME != "":
		t.ACME = b.cfg.acmeNamed(s.ACME)
		if t.ACME == nil {
			p.addf(field+".ACME", "there is no entry %q in ACME; add it, or use one of: %s", s.ACME, strings.Join(b.acmeNames(""), ", "))
		}
	case len(s.KeyCerts) == 0:
		p.addf(field+".KeyCerts", "is empty; set ACME, or add a certificate with its key, or remove TLS")
	}
	if s.ACME == "" && len(s.HostPrivateKeyFiles) > 0 {
		p.addf(field+".HostPrivateKeyFiles", "is only for certificates of ACME; KeyCerts have their own keys; remove it")
	}
	t.HostKeys = b.hostKeys(field+".HostPrivateKeyFiles", s.HostPrivateKeyFiles)
	for i, kc := range s.KeyCerts {
		certPEM, err1 := b.read(kc.CertFile)
		keyPEM, err2 := b.read(kc.KeyFile)
		err := errors.Join(err1, err2)
		if b.canDoWithout(err) {
			continue
		}
		var cert tls.Certificate
		if err == nil {
			cert, err = tls.X509KeyPair(certPEM, keyPEM)
		}
		if err != nil {
			p.addf(fmt.Sprintf("%s.KeyCerts[%d]", field, i), "%v; check that both are PEM files, belong together and can be read by mox", err)
			continue
		}
		t.Certificates = append(t.Certificates, cert)
		w := problems{file: p.file, lines: p.lines}
		w.valid(index(field+".KeyCerts", i), cert.Leaf, time.Now())
		b.cfg.warnings = append(b.cfg.warnings, w.list...)
	}
	return t
}

// valid reports a certificate that clients refuse at a time.
func (p *problems) valid(field string, cert *x509.Certificate, now time.Time) {
	switch {
	case now.After(cert.NotAfter):
		p.addf(field, "is a certificate that has expired, at %s; renew it", cert.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(cert.NotBefore):
		p.addf(field, "is a certificate that is valid from %s on only; use one that is valid, or correct the clock", cert.NotBefore.UTC().Format(time.RFC3339))
	}
}

// hostKeys reads the private keys of the host of a listener.
func (b *builder) hostKeys(field string, files []string) []crypto.Signer {
	var keys []crypto.Signer
	types := map[autotls.KeyType]string{}
	for i, file := range files {
		field := fmt.Sprintf("%s[%d]", field, i)
		data, err := b.read(file)
		if b.canDoWithout(err) {
			continue
		} else if err != nil {
			b.static.addf(field, "%v; check that it can be read by mox", err)
			continue
		}
		key, err := autotls.ParseKey(data)
		if err != nil {
			b.static.addf(field, "%s: %v; make another one, e.g. with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", file, err)
			continue
		}
		t, _ := autotls.TypeOf(key.Public()) // ParseKey returns no others.
		if types[t] != "" {
			b.static.addf(field, "%s is of the same type as %s; remove one", file, types[t])
			continue
		}
		types[t] = file
		keys = append(keys, key)
	}
	return keys
}

// acmeNamed returns the CA with a name, or nil.
func (c *Config) acmeNamed(name string) *ACME {
	for _, a := range c.ACME {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// WebACME is a service of listeners with ACME, on which the CA validates host names (TLS-ALPN-01, RFC 8737).
const WebACME WebKind = "acme"

// acmePort has a listener with ACME listen on the port that the CA connects to, if it does not anyway.
func (l *Listener) acmePort() {
	if l.TLS == nil || l.TLS.ACME == nil {
		return
	}
	for _, s := range l.Web {
		if s.TLS && s.Port == l.TLS.ACME.Port {
			return
		}
	}
	l.Web = append(l.Web, WebService{Kind: WebACME, Name: "ACME", TLS: true, Port: l.TLS.ACME.Port})
}

// CertificateChallenges returns how CAs can validate host names: over TLS, and over HTTP if a listener with ACME has
// that at port 80.
func (c *Config) CertificateChallenges() []autotls.Challenge {
	for _, l := range c.Listeners {
		for _, p := range l.WebPorts() {
			if l.TLS != nil && l.TLS.ACME != nil && p.Port == 80 && !p.TLS {
				return []autotls.Challenge{autotls.TLSALPN01, autotls.HTTP01}
			}
		}
	}
	return []autotls.Challenge{autotls.TLSALPN01}
}

// CertificateHosts returns the hosts that want certificates of ACME, each once, those of listeners first. Names that are in
// several listeners have the CAs of the first. Names of HTTPHosts are not among them, as they are for
// networks of one's own.
func (c *Config) CertificateHosts() []autotls.Host {
	hosts := certificateHosts{byName: map[dns.Domain]int{}}
	for _, l := range c.Listeners {
		if l.TLS == nil || l.TLS.ACME == nil {
			continue
		}
		h := autotls.Host{Name: l.Hostname, KeyTypes: []autotls.KeyType{autotls.ECDSAP256}, Keys: l.TLS.HostKeys}
		if l.hasMail() {
			h.KeyTypes = append(h.KeyTypes, autotls.RSA2048)
		}
		hosts.add(l, h)
		if !l.hasMail() {
			continue
		}
		for _, d := range c.Domains() {
			if !d.ClientSettingsDomain.IsZero() {
				hosts.add(l, autotls.Host{Name: d.ClientSettingsDomain, KeyTypes: h.KeyTypes})
			}
		}
	}
	for _, l := range c.Listeners {
		if l.TLS == nil || l.TLS.ACME == nil {
			continue
		}
		for _, s := range l.Web {
			if !s.TLS {
				continue
			}
			for _, name := range c.webNames(s.Kind) {
				hosts.add(l, autotls.Host{Name: name, KeyTypes: []autotls.KeyType{autotls.ECDSAP256}})
			}
		}
	}
	return hosts.list
}

// hasMail tells whether TLS is used for mail.
func (l *Listener) hasMail() bool {
	return l.SMTP.Enabled && !l.SMTP.NoSTARTTLS || l.Submission.Enabled || l.Submissions.Enabled || l.IMAP.Enabled || l.IMAPS.Enabled
}

// webNames returns the host names, other than that of the listener, that a service answers to.
func (c *Config) webNames(kind WebKind) []dns.Domain {
	var names []dns.Domain
	below := func(label string, d *Domain) {
		if name, err := dns.ParseDomain(label + "." + d.Domain.ASCII); err == nil { // Else it is too long.
			names = append(names, name)
		}
	}
	switch kind {
	case WebAutoconfig:
		for _, d := range c.Domains() {
			below("autoconfig", d)
			below("autodiscover", d)
		}
	case WebMTASTS:
		for _, d := range c.Domains() {
			if d.MTASTS != nil {
				below("mta-sts", d)
			}
		}
	case WebServer:
		sites := c.Websites()
		for name := range sites.Redirects {
			names = append(names, name)
		}
		for _, h := range sites.Handlers {
			names = append(names, h.Domain)
		}
		names = slices.DeleteFunc(names, func(name dns.Domain) bool {
			d := sites.Domains[name]
			return d != nil && len(d.Certificates) > 0
		})
	}
	slices.SortFunc(names, func(a, b dns.Domain) int { return strings.Compare(a.ASCII, b.ASCII) })
	return names
}

// certificateHosts collects hosts.
type certificateHosts struct {
	list   []autotls.Host
	byName map[dns.Domain]int
}

// add adds a host, or what it wants to the one of that name. No CA issues for names without a dot.
func (s *certificateHosts) add(l *Listener, h autotls.Host) {
	if !strings.Contains(h.Name.ASCII, ".") {
		return
	}
	i, ok := s.byName[h.Name]
	if !ok {
		h.CAs = append([]string{l.TLS.ACME.Name}, l.TLS.ACME.Fallbacks...)
		s.byName[h.Name] = len(s.list)
		s.list = append(s.list, h)
		return
	}
	have := &s.list[i]
	for _, t := range h.KeyTypes {
		if !slices.Contains(have.KeyTypes, t) {
			have.KeyTypes = append(slices.Clone(have.KeyTypes), t)
		}
	}
	for _, key := range h.Keys {
		t, _ := autotls.TypeOf(key.Public())
		if !slices.ContainsFunc(have.Keys, func(k crypto.Signer) bool { u, _ := autotls.TypeOf(k.Public()); return t == u }) {
			have.Keys = append(slices.Clone(have.Keys), key)
		}
	}
}
