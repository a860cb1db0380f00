package config

import (
	"cmp"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"mox/dns"
)

// websiteNames warns of what is said about names of websites and has no effect, or not the one that was wanted: handlers at names of
// which all requests are sent elsewhere, settings for names that nothing is served at, and certificates that clients refuse.
func (b *builder) websiteNames(w *Websites, now time.Time) {
	p := &problems{file: b.domain.file, lines: b.domain.lines}
	for i := range b.cfg.dynamic.WebHandlers {
		d, err := dns.ParseDomain(b.cfg.dynamic.WebHandlers[i].Domain)
		if err != nil {
			continue // Reported already.
		}
		if to, ok := w.Redirects[d]; ok {
			p.addf(index("WebHandlers", i)+".Domain", "%s is sent to %s by WebDomainRedirects before any handler is asked; remove one of the two", d.Name(), to.Name())
		}
	}
	served := b.servedNames(w)
	for name, s := range b.cfg.dynamic.WebDomains {
		d, err := dns.ParseDomain(name)
		if err != nil || w.Domains[d] == nil {
			continue
		}
		field := "WebDomains." + name
		if !served(d) {
			p.addf(field, "is the name of no website; correct it, or add a handler to WebHandlers or a name to WebDomainRedirects")
		}
		if certs := w.Domains[d].Certificates; len(certs) == len(s.KeyCerts) {
			for i := range certs {
				p.certifies(index(field+".KeyCerts", i), d, certs[i].Leaf, now)
			}
		}
	}
	slices.SortFunc(p.list, func(x, y Problem) int { return cmp.Or(x.Line-y.Line, strings.Compare(x.Field, y.Field)) })
	w.Warnings = p.list
}

// servedNames returns what tells which names there are: those of websites, of pages of mox, and of documents about domains.
func (b *builder) servedNames(w *Websites) func(dns.Domain) bool {
	names := map[string]bool{}
	for d := range w.Redirects {
		names[d.ASCII] = true
	}
	for _, h := range w.Handlers {
		names[h.Domain.ASCII] = true
	}
	for _, l := range b.cfg.Listeners {
		names[l.Hostname.ASCII] = true
		for h := range l.HTTPHosts {
			names[h] = true
		}
	}
	return func(d dns.Domain) bool {
		return names[d.ASCII] || b.cfg.MTASTSHost(d.ASCII) != nil || b.cfg.AutoconfigHost(d.ASCII) != nil || b.cfg.Domain(d) != nil
	}
}

// certifies reports a certificate that clients get for a name, and refuse.
func (p *problems) certifies(field string, d dns.Domain, cert *x509.Certificate, now time.Time) {
	switch {
	case cert == nil:
	case cert.VerifyHostname(d.ASCII) != nil:
		of := "no name"
		if names := cert.DNSNames; len(names) > 0 {
			of = strings.Join(names[:min(len(names), 5)], ", ")
		}
		p.addf(field, "is a certificate for %s, and not for %s; use one for that name", of, d.Name())
	case now.After(cert.NotAfter):
		p.addf(field, "is a certificate that has expired, at %s; renew it", cert.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(cert.NotBefore):
		p.addf(field, "is a certificate that is valid from %s on only; use one that is valid, or correct the clock", cert.NotBefore.UTC().Format(time.RFC3339))
	}
}
