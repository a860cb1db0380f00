package dmarc

import (
	"context"
	"strings"

	"mox/dns"
)

// maxWalk is how many labels the second domain of a tree walk may have at most, so that a walk takes
// no more than 8 queries (RFC 9989 §4.10).
const maxWalk = 7

// walked is the result of a tree walk.
type walked struct {
	organizational dns.Domain
	suffix         dns.Domain // Domain with a record with psd=y at which the walk ended, if it did.
	authentic      bool       // All answers.
	err            error      // One was not known, so that nothing is.
}

// walk looks at a domain and those above it for records (RFC 9989 §4.10), and selects the
// organizational domain from those that have one (§4.10.2). Several records at one domain count as none.
func (s *session) walk(ctx context.Context, start dns.Domain) walked {
	w := walked{organizational: start, authentic: true}
	for d, ok := start, true; ok; d, ok = next(d) {
		a := s.at(ctx, d)
		w.authentic = w.authentic && a.authentic
		if a.err != nil {
			return walked{err: a.err}
		}
		switch {
		case !a.valid():
		case a.record.PSD == PSDYes && d != start:
			w.organizational, w.suffix = childOf(d, start), d
			return w
		case a.record.PSD == PSDYes, a.record.PSD == PSDNo:
			w.organizational = d
			return w
		default:
			// One above takes its place.
			w.organizational = d
		}
	}
	return w
}

// next returns the next domain of a walk: the one above, or for a long name the one with as many
// labels as a walk may have.
func next(d dns.Domain) (dns.Domain, bool) {
	for {
		above, ok := parent(d)
		if !ok || strings.Count(above.ASCII, ".") < maxWalk {
			return above, ok
		}
		d = above
	}
}

// childOf returns the domain one label below above, on the way down to d.
func childOf(above, d dns.Domain) dns.Domain {
	for {
		p, ok := parent(d)
		if !ok || p == above {
			return d
		}
		d = p
	}
}

// findByWalk is the policy discovery of RFC 9989 §4.10.1: the record of the domain, otherwise that of its
// organizational domain, otherwise that of the public suffix above.
func (s *session) findByWalk(ctx context.Context, domain dns.Domain) Found {
	own := s.at(ctx, domain)
	f := Found{Domain: domain, Authentic: true}
	if own.err != nil || own.records == 1 {
		f.take(own)
		if f.Status != "" {
			return f
		}
	}
	w := s.walk(ctx, domain)
	if w.err != nil {
		return Found{Status: StatusTempError, Err: w.err}
	}
	f.Organizational, f.Authentic = w.organizational, w.authentic
	if own.valid() {
		return f
	}
	for _, d := range []dns.Domain{w.organizational, w.suffix} {
		if d.IsZero() || d == domain {
			continue
		}
		f.Domain, f.PublicSuffix = d, d == w.suffix
		// Only what the walk looked at: of a long name it passes over some above.
		if a, ok := s.answers[d]; ok && a.records == 1 && f.take(a) {
			return f
		}
	}
	f = Found{Status: StatusNone, Authentic: w.authentic}
	if own.records > 1 {
		f.Err = ErrSeveralRecords
	}
	return f
}
