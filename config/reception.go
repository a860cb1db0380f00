package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"mox/dns"
)

// smtp returns the parsed form of the service for mail from other servers.
func (b *builder) smtp(field string, s StaticSMTP) SMTP {
	p := b.static
	l := SMTP{
		Service:           service(s.Enabled, s.Port, 25),
		NoSTARTTLS:        s.NoSTARTTLS,
		RequireSTARTTLS:   s.RequireSTARTTLS,
		NormalizeLineEnds: s.NormalizeLineEnds,
	}
	if s.NoSTARTTLS && s.RequireSTARTTLS {
		p.addf(field, "has both NoSTARTTLS and RequireSTARTTLS; remove one")
	}
	b.senderAuthentication(field, s, &l)
	p.dnsbls(field, s, &l)
	return l
}

func (b *builder) senderAuthentication(field string, s StaticSMTP, l *SMTP) {
	p := b.static
	// Localserve answers at once, and without a network.
	l.SenderAuthentication = b.opts.Localserve == nil
	if s.SenderAuthentication != "" {
		l.SenderAuthentication = choice(p, field+".SenderAuthentication", s.SenderAuthentication, map[string]bool{"on": true, "off": false})
	}
	if !l.SenderAuthentication {
		if s.DMARCPolicy != "" {
			p.addf(field+".DMARCPolicy", "has no meaning while SenderAuthentication is off; remove it, or set SenderAuthentication to on")
		}
		return
	}
	l.DMARCPolicy = DMARCEnforce
	if s.DMARCPolicy != "" {
		l.DMARCPolicy = choice(p, field+".DMARCPolicy", s.DMARCPolicy, map[string]DMARCPolicy{"enforce": DMARCEnforce, "quarantine": DMARCQuarantine, "none": DMARCNone})
	}
}

func (p *problems) dnsbls(field string, s StaticSMTP, l *SMTP) {
	for i, name := range s.DNSBLs {
		f := fmt.Sprintf("%s.DNSBLs[%d]", field, i)
		zone, ok := p.parseZone(f, name)
		if !ok {
			continue
		}
		if slices.Contains(l.DNSBLs, zone) {
			p.addf(f, "%s is named twice; remove one", zone.Name())
			continue
		}
		l.DNSBLs = append(l.DNSBLs, zone)
	}
	if len(s.DNSBLs) == 0 {
		if s.DNSBLPolicy != "" {
			p.addf(field+".DNSBLPolicy", "has no meaning without DNSBLs; name some, or remove it")
		}
		return
	}
	l.DNSBLPolicy = DNSBLJunk
	if s.DNSBLPolicy != "" {
		l.DNSBLPolicy = choice(p, field+".DNSBLPolicy", s.DNSBLPolicy, map[string]DNSBLPolicy{"reject": DNSBLReject, "junk": DNSBLJunk, "none": DNSBLNone})
	}
}

// maxZone is how long the name of a block list can be, so that an IPv6 address in nibbles fits before it
// (RFC 5782 §2.4).
const maxZone = 253 - 64

// parseZone parses the zone of a block list. Some, which come with a key of the customer, have underscores.
func (p *problems) parseZone(field, s string) (dns.Domain, bool) {
	d, err := dns.ParseDomainLax(s)
	if err != nil {
		p.addf(field, "%q is not a domain name (%v); write e.g. bl.example.org", s, err)
		return dns.Domain{}, false
	}
	if len(d.ASCII) > maxZone {
		p.addf(field, "%q is too long to ask for an address in it; correct it", s)
		return dns.Domain{}, false
	}
	return d, true
}

// choice returns what a word in a field stands for.
func choice[T any](p *problems, field, word string, meaning map[string]T) T {
	v, ok := meaning[word]
	if !ok {
		p.addf(field, "%q is not one of %s; correct it", word, strings.Join(slices.Sorted(maps.Keys(meaning)), ", "))
	}
	return v
}
