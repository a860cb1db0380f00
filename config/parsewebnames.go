package config

import (
	"cmp"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"mox/dns"
)

// websiteNames warns of what is said about websites and has no effect, or not the one that was wanted: websites that no listener
// serves, directories that cannot be read, handlers at names of which all requests are sent elsewhere, settings for names that nothing is served
// at, and certificates that clients refuse.
func (b *builder) websiteNames(w *Websites, now time.Time) {
	p := &problems{file: b.domain.file, lines: b.domain.lines}
	b.unservedWebsites(p)
	for i, h := range w.Handlers {
		if h.Static != nil {
			p.readableRoot(index("WebHandlers", i)+".WebStatic.Root", h.Static.Root)
		}
	}
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

// unservedWebsites warns of websites that no listener serves.
func (b *builder) unservedWebsites(p *problems) {
	for _, l := range b.cfg.Listeners {
		if slices.ContainsFunc(l.Web, func(s WebService) bool { return s.Kind == WebServer }) {
			return
		}
	}
	s := &b.cfg.dynamic
	field := ""
	switch {
	case len(s.WebHandlers) > 0:
		field = "WebHandlers"
	case len(s.WebDomainRedirects) > 0:
		field = "WebDomainRedirects"
	default:
		return
	}
	p.addf(field, "has no effect: no listener of mox.conf serves websites; enable WebserverHTTP and WebserverHTTPS there, and restart mox")
}

// readableRoot warns of a directory of files that this process cannot read. A server sees no directories but those that
// it knew of when it started.
func (p *problems) readableRoot(field, root string) {
	dir, err := os.OpenRoot(root) // It waits for nobody, whatever is there.
	switch {
	case err == nil:
		dir.Close()
	case errors.Is(err, fs.ErrNotExist):
		p.addf(field, "%s does not exist; make it, or correct the name", root)
	default:
		p.addf(field, "%s cannot be read (%v); let the user of the server read it, and restart mox if it was not named here when mox started", root, errors.Unwrap(err))
	}
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
	default:
		p.valid(field, cert, now)
	}
}
