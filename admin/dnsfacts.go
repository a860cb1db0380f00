package admin

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"mox/autotls"
	"mox/config"
	"mox/dns"
	"mox/dnsrecords"
	"mox/smtp"
)

// Localparts of the addresses that reports about a domain go to, if an account has them as destination.
const (
	DMARCReports = "dmarcreports"
	TLSReports   = "tlsreports"
)

// ErrNoDomain is wrapped by errors about a domain that is not in domains.conf.
var ErrNoDomain = errors.New("there is no such domain in domains.conf")

// DNSOptions are what DNSFacts takes besides the configuration.
type DNSOptions struct {
	Interfaces []netip.Addr // Addresses of the machine's network interfaces.
	ACMEDir    string       // Where accounts at CAs and keys of hosts are kept. What cannot be read there is not known.
}

// DNSFacts returns what is configured about a domain that its DNS records follow from. Errors wrap ErrNoDomain, or are
// about a certificate.
func DNSFacts(cfg *config.Config, domain dns.Domain, opts DNSOptions) (dnsrecords.Domain, dnsrecords.Host, error) {
	h, err := hostFacts(cfg, opts)
	if err != nil {
		return dnsrecords.Domain{}, h, err
	}
	c := cfg.Domain(domain)
	if c == nil {
		return dnsrecords.Domain{}, h, fmt.Errorf("%w: %s", ErrNoDomain, domain.Name())
	}
	d := dnsrecords.Domain{
		Name:         domain,
		DMARCReports: reportAddress(cfg, DMARCReports, domain),
		TLSReports:   reportAddress(cfg, TLSReports, domain),
	}
	if c.MTASTS != nil && serves(cfg, config.WebMTASTS) {
		d.MTASTS, d.Policy = c.MTASTS.PolicyID, c.MTASTS.Policy
	}
	d.Autoconfig = serves(cfg, config.WebAutoconfig)
	d.Autodiscover = d.Autoconfig
	d.ClientSettings = c.ClientSettingsDomain
	if c.DKIM != nil {
		for _, sel := range c.DKIM.Selectors {
			d.Selectors = append(d.Selectors, dnsrecords.Selector{Name: sel.Name, Key: sel.Key.Public()})
		}
	}
	return d, h, nil
}

// serves tells whether a listener has a service over HTTP.
func serves(cfg *config.Config, kind config.WebKind) bool {
	return slices.ContainsFunc(cfg.Listeners, func(l *config.Listener) bool {
		return slices.ContainsFunc(l.Web, func(s config.WebService) bool { return s.Kind == kind })
	})
}

// hostFacts returns what is configured about the machine. Its listeners share its name in MX records, so what each of them
// has is there once.
func hostFacts(cfg *config.Config, opts DNSOptions) (dnsrecords.Host, error) {
	h := dnsrecords.Host{Name: cfg.Hostname, IsDomain: cfg.Domain(cfg.Hostname) != nil, IPs: cfg.PublicIPs(opts.Interfaces)}
	for _, l := range cfg.PublicListeners() {
		if l.SMTP.Enabled {
			keys, err := tlsKeys(l)
			if err != nil {
				return h, fmt.Errorf("listener %s: %w", l.Name, err)
			}
			for _, key := range append(keys, keptKeys(cfg, l, opts.ACMEDir)...) {
				if !slices.ContainsFunc(h.TLSKeys, func(k crypto.PublicKey) bool { return sameKey(k, key) }) {
					h.TLSKeys = append(h.TLSKeys, key)
				}
			}
		}
		for _, ca := range issuers(cfg, l, opts.ACMEDir) {
			if !slices.ContainsFunc(h.CAs, func(c dnsrecords.CA) bool { return c.Domain == ca.Domain && c.AccountURI == ca.AccountURI }) {
				h.CAs = append(h.CAs, ca)
			}
		}
		for _, s := range []struct {
			port    *int
			service config.Service
		}{
			{&h.Submission, l.Submission.Service}, {&h.Submissions, l.Submissions.Service}, {&h.IMAP, l.IMAP.Service}, {&h.IMAPS, l.IMAPS.Service},
		} {
			if s.service.Enabled && *s.port == 0 {
				*s.port = s.service.Port
			}
		}
	}
	return h, nil
}

// issuers returns who may issue the certificates of a listener, as far as their names in DNS are known.
func issuers(cfg *config.Config, l *config.Listener, acmeDir string) []dnsrecords.CA {
	if l.TLS == nil || l.TLS.ACME == nil {
		return nil
	}
	var cas []dnsrecords.CA
	for _, a := range cfg.ACME {
		if (a == l.TLS.ACME || slices.Contains(l.TLS.ACME.Fallbacks, a.Name)) && !a.IssuerDomainName.IsZero() {
			// Without the account any at the CA may have certificates issued, which is the rule.
			account, _ := autotls.AccountURL(acmeDir, a.CA)
			cas = append(cas, dnsrecords.CA{Domain: a.IssuerDomainName.ASCII, AccountURI: account, Methods: []string{"tls-alpn-01", "http-01"}})
		}
	}
	return cas
}

// keptKeys returns the public keys that were made for certificates of ACME of a listener, of types for which none is
// configured.
func keptKeys(cfg *config.Config, l *config.Listener, acmeDir string) []crypto.PublicKey {
	hosts := cfg.CertificateHosts()
	i := slices.IndexFunc(hosts, func(h autotls.Host) bool { return h.Name == l.Hostname })
	if l.TLS == nil || l.TLS.ACME == nil || acmeDir == "" || i < 0 {
		return nil
	}
	return slices.DeleteFunc(autotls.KeptKeys(acmeDir, l.Hostname), func(key crypto.PublicKey) bool {
		t, err := autotls.TypeOf(key)
		given := slices.ContainsFunc(hosts[i].Keys, func(s crypto.Signer) bool {
			other, err := autotls.TypeOf(s.Public())
			return err == nil && other == t
		})
		return err != nil || given || !slices.Contains(hosts[i].KeyTypes, t)
	})
}

// tlsKeys returns the public keys of the certificates of a listener, and of those that it will request with keys that are
// configured.
func tlsKeys(l *config.Listener) ([]crypto.PublicKey, error) {
	if l.TLS == nil {
		return nil, nil
	}
	var keys []crypto.PublicKey
	for _, key := range l.TLS.HostKeys {
		keys = append(keys, key.Public())
	}
	for _, cert := range l.TLS.Certificates {
		leaf := cert.Leaf
		if leaf == nil {
			var err error
			if leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
				return nil, err
			}
		}
		keys = append(keys, leaf.PublicKey)
	}
	return keys, nil
}

func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// reportAddress returns where reports about a domain go: to an address of their own if an account has it, otherwise to
// the postmaster, who always exists.
func reportAddress(cfg *config.Config, localpart smtp.Localpart, domain dns.Domain) smtp.Address {
	for _, a := range cfg.Accounts() {
		for _, address := range a.Addresses {
			if address.Localpart == localpart && address.Domain == domain {
				return address
			}
		}
	}
	return smtp.Address{Localpart: "postmaster", Domain: domain}
}
