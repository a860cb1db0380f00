package dmarc

import (
	"context"
	"errors"
	"fmt"

	"mox/dns"
)

// ReportKind is what is reported.
type ReportKind uint8

// The values of ReportKind.
const (
	AggregateReports ReportKind = iota // rua
	FailureReports                     // ruf
)

// Errors of a Destination.
var (
	// ErrUnsupported: the URI has no host that could be asked, so that nothing can be sent.
	ErrUnsupported = errors.New("no destination host")

	// ErrUnauthorized: the destination host does not agree to receive reports for the domain.
	ErrUnauthorized = errors.New("destination host does not accept reports for the domain")

	// ErrOverride: the destination host sends the reports to a host that is not itself.
	ErrOverride = errors.New("destination host redirects reports to another host")
)

// Destination is where reports go for one URI of a record.
type Destination struct {
	URI  URI        // Of the record.
	Host dns.Domain // The destination host, zero if there is none.

	// External tells that the host is of another organizational domain than the record, so that
	// it was asked.
	External bool

	// URIs are where to send reports to: URI, or what the destination host has put in its place. Empty
	// if there is an error, when nothing may be sent for this URI.
	URIs []URI

	// Authentic tells that DNSSEC authenticated the answer of an external destination.
	Authentic bool

	// Err is nil, or it wraps ErrUnsupported, ErrUnauthorized, ErrOverride, or ErrTemporary if it is
	// not known for now.
	Err error
}

// CheckDestination finds out whether reports about a domain may go to a URI, and to where in its
// place (RFC 7489 §7.1). The domain is the one at which the record was found, [Found.Domain]. A
// host of another organizational domain must have agreed in DNS.
func (v *Verifier) CheckDestination(ctx context.Context, domain dns.Domain, uri URI, kind ReportKind) Destination {
	d := Destination{URI: uri}
	host, ok := uri.Host()
	if !ok {
		d.Err = ErrUnsupported
		return d
	}
	d.Host = host
	s := v.newSession()
	internal, err := s.sameOrganization(ctx, domain, host)
	switch {
	case err != nil:
		d.Err = err
		return d
	case internal:
		d.URIs = []URI{uri}
		return d
	}
	d.External = true
	d.ask(ctx, s, domain, kind)
	return d
}

func (s *session) sameOrganization(ctx context.Context, a, b dns.Domain) (bool, error) {
	if a == b {
		return true, nil
	}
	oa, err := s.organizationalOf(ctx, a)
	if err != nil || !isBelow(b, oa) {
		return false, err
	}
	ob, err := s.organizationalOf(ctx, b)
	return oa == ob, err
}

// ask does steps 2 to 8 of RFC 7489 §7.1.
func (d *Destination) ask(ctx context.Context, s *session, domain dns.Domain, kind ReportKind) {
	texts, res, err := s.Resolver.LookupTXT(ctx, domain.ASCII+"._report._dmarc."+d.Host.Absolute())
	d.Authentic = res.Authentic
	if err != nil && !dns.IsNotFound(err) {
		d.Err = fmt.Errorf("%w: %w", ErrTemporary, err)
		return
	}
	agreed := false
	for _, text := range texts {
		r, err := ParseReportRecord(text)
		if err != nil {
			continue
		}
		agreed = true
		l := r.AggregateReports
		if kind == FailureReports {
			l = r.FailureReports
		}
		if len(l) > 0 {
			d.override(l)
			return
		}
	}
	if !agreed {
		d.Err = ErrUnauthorized
		return
	}
	d.URIs = []URI{d.URI}
}

// override takes the URIs that the destination host has put in place of its own. If one is at
// another host nothing is sent, neither there nor to the first (step 8 and the end of §7.1).
func (d *Destination) override(l []URI) {
	for _, u := range l {
		if host, ok := u.Host(); !ok || host != d.Host {
			d.URIs, d.Err = nil, fmt.Errorf("%w: %s", ErrOverride, u.Address)
			return
		}
	}
	d.URIs = l
}
