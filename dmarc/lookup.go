package dmarc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mox/dns"
)

// Status is a result of RFC 7489 §11.2.
type Status string

// The values of Status. Those of SPF and DKIM (RFC 8601 §2.7) can be converted to it.
const (
	StatusNone      Status = "none"      // There is no policy.
	StatusPass      Status = "pass"      // An identifier that authenticated is aligned.
	StatusFail      Status = "fail"      // There is a policy, and no such identifier.
	StatusTempError Status = "temperror" // Not known now.
	StatusPermError Status = "permerror" // There is something that is no policy, or no author.
)

// Errors of lookups, besides those of the parsers.
var (
	// ErrTemporary: a lookup failed and may succeed later.
	ErrTemporary = errors.New("temporary error in DNS")

	// ErrSeveralRecords: a domain has several DMARC records, so that none applies.
	ErrSeveralRecords = errors.New("several DMARC records")
)

// Discovery is how organizational domains are found, and by that the standard that is
// followed.
type Discovery uint8

// The values of Discovery.
const (
	// PublicSuffixList: by the list of public suffixes (RFC 7489 §3.2), with pct.
	PublicSuffixList Discovery = iota

	// TreeWalk: by records in DNS at the domain and those above (RFC 9989 §4.10), with psd, and t
	// in place of pct.
	TreeWalk
)

// Verifier finds policies and verifies messages. Its fields must not change after first use,
// then its methods can be called concurrently. It keeps nothing between calls: give it a
// resolver that caches.
type Verifier struct {
	Resolver  dns.Resolver // Required.
	Discovery Discovery

	// PSD tells of a public suffix whether its policy is acceptable for domains below that have
	// none (RFC 9091 §3.6), because its operator demands DMARC or owns them all. Nil: of
	// none. It is for PublicSuffixList only, a TreeWalk goes by the psd tag.
	PSD func(suffix dns.Domain) bool

	// Intn returns a random number from 0 to n-1, for pct. It must be safe for concurrent use.
	// Nil: that of math/rand/v2.
	Intn func(n int) int
}

// Found is the policy record for a domain.
type Found struct {
	// Status is StatusNone if there is no record or there are several, StatusTempError if that is
	// not known, StatusPermError if the record is not valid, otherwise empty.
	Status Status

	// Domain is where the record is, without "_dmarc.": the domain asked for, its
	// organizational domain or a public suffix. It is set also for a record that is not valid.
	Domain dns.Domain

	// Organizational is the organizational domain of the domain asked for. With TreeWalk it is zero if
	// Status is not empty.
	Organizational dns.Domain

	// PublicSuffix tells that Domain is one, as RFC 9091 or a psd tag has it, and is not the
	// domain asked for.
	PublicSuffix bool

	Record Record // If Status is empty.
	Text   string // The record as it is in DNS.

	// Authentic tells that DNSSEC authenticated the answers for this domain and those on the way
	// to it.
	Authentic bool

	// Err is set if Status is StatusTempError or StatusPermError, or if there are several records
	// (ErrSeveralRecords).
	Err error
}

// Lookup finds the record that applies to an author domain: that of the domain, otherwise that of
// its organizational domain (RFC 7489 §6.6.3), otherwise that of the public suffix above if
// it is acceptable (RFC 9091 §3.6).
func (v *Verifier) Lookup(ctx context.Context, domain dns.Domain) Found {
	return v.newSession().find(ctx, domain)
}

// session is what is known during one call, so that nothing is looked up twice.
type session struct {
	*Verifier
	answers map[dns.Domain]answer
}

func (v *Verifier) newSession() *session {
	return &session{Verifier: v, answers: map[dns.Domain]answer{}}
}

// answer is what is at "_dmarc." and a domain.
type answer struct {
	records   int    // How many are DMARC records.
	text      string // Of the first.
	record    Record // Of the first.
	invalid   error  // If the only one is not valid.
	authentic bool
	err       error // If it is not known.
}

// valid tells whether there is a record that can be used.
func (a answer) valid() bool { return a.err == nil && a.records == 1 && a.invalid == nil }

// at returns what is at a domain. Records that do not begin with the version are discarded
// (RFC 7489 §6.6.3, steps 2 and 4).
func (s *session) at(ctx context.Context, domain dns.Domain) answer {
	if a, ok := s.answers[domain]; ok {
		return a
	}
	var a answer
	texts, res, err := s.Resolver.LookupTXT(ctx, "_dmarc."+domain.Absolute())
	a.authentic = res.Authentic
	if err != nil && !dns.IsNotFound(err) {
		a.err = fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	for _, text := range texts {
		r, err := parsePolicy(text, s.Discovery == TreeWalk)
		if errors.Is(err, ErrNoRecord) {
			continue
		}
		if a.records++; a.records == 1 {
			a.text, a.record, a.invalid = text, r, err
		}
	}
	s.answers[domain] = a
	return a
}

// find finds the record that applies to a domain.
func (s *session) find(ctx context.Context, domain dns.Domain) Found {
	if s.Discovery == TreeWalk {
		return s.findByWalk(ctx, domain)
	}
	return s.findByList(ctx, domain)
}

// findByList is the policy discovery of RFC 7489 §6.6.3.
func (s *session) findByList(ctx context.Context, domain dns.Domain) Found {
	f := Found{Domain: domain, Organizational: organizational(domain), Authentic: true}
	if f.take(s.at(ctx, domain)) {
		return f
	}
	if f.Domain = f.Organizational; f.Domain != domain && f.take(s.at(ctx, f.Domain)) {
		return f
	}
	// RFC 9091 §3.6: one query for the longest public suffix.
	if suffix, ok := parent(f.Organizational); ok && s.PSD != nil && s.PSD(suffix) {
		f.Domain, f.PublicSuffix = suffix, true
		if f.take(s.at(ctx, suffix)) {
			return f
		}
	}
	return Found{Status: StatusNone, Organizational: f.Organizational, Authentic: f.Authentic}
}

// take takes the answer for f.Domain, and returns false if there are no records, so that the search
// goes on. Several records end it, without a policy (RFC 7489 §6.6.3, step 5).
func (f *Found) take(a answer) bool {
	f.Authentic = f.Authentic && a.authentic
	f.Text = a.text
	switch {
	case a.err != nil:
		f.Status, f.Err, f.Authentic, f.Domain = StatusTempError, a.err, false, dns.Domain{}
	case a.records == 0:
		return false
	case a.records > 1:
		f.Status, f.Err, f.Text = StatusNone, ErrSeveralRecords, ""
	case a.invalid != nil:
		f.Status, f.Err = StatusPermError, a.invalid
	default:
		f.Record = a.record
	}
	return true
}

// parent returns the domain above, and false if there is none.
func parent(d dns.Domain) (dns.Domain, bool) {
	_, ascii, ok := strings.Cut(d.ASCII, ".")
	if !ok {
		return dns.Domain{}, false
	}
	_, unicode, _ := strings.Cut(d.Unicode, ".")
	if unicode == ascii {
		unicode = ""
	}
	return dns.Domain{ASCII: ascii, Unicode: unicode}, true
}

// isBelow tells whether d is a subdomain of the domain above, or equal to it.
func isBelow(d, above dns.Domain) bool {
	return d == above || strings.HasSuffix(d.ASCII, "."+above.ASCII)
}
