package dmarc

import (
	"context"

	"golang.org/x/net/publicsuffix"

	"mox/dns"
)

// OrganizationalDomain returns the organizational domain of a domain by the list of public suffixes
// (RFC 7489 §3.2): the public suffix with one more label. That of a public suffix is itself. The list is the one in
// golang.org/x/net/publicsuffix, with its private part, and as old as that.
func OrganizationalDomain(domain dns.Domain) dns.Domain { return organizational(domain) }

func organizational(domain dns.Domain) dns.Domain {
	suffix, _ := publicsuffix.PublicSuffix(domain.ASCII)
	d := domain
	for {
		above, ok := parent(d)
		if !ok || len(above.ASCII) < len(suffix) {
			return domain
		}
		if above.ASCII == suffix {
			return d
		}
		d = above
	}
}

// organizationalOf returns the organizational domain in the way that the Verifier does it.
func (s *session) organizationalOf(ctx context.Context, domain dns.Domain) (dns.Domain, error) {
	if s.Discovery == TreeWalk {
		w := s.walk(ctx, domain)
		return w.organizational, w.err
	}
	return organizational(domain), nil
}
