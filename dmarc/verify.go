package dmarc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"mox/dns"
)

// ErrNoAuthor is wrapped by the error of a Result without usable authors.
var ErrNoAuthor = errors.New("no telling who the author is")

// Identifier is a domain that SPF or DKIM authenticated, or failed to.
type Identifier struct {
	// Domain is that of MAIL FROM, or of HELO if the reverse-path is null (RFC 7489 §4.1), or d= of
	// a DKIM signature. It is zero if there is none.
	Domain dns.Domain

	// Status is the result of the mechanism. Only a StatusPass authenticates, and StatusTempError
	// leaves it open; all others, also those that only SPF and DKIM have such as "softfail",
	// are alike here. A DKIM signature that is valid but is not to be believed, because its key
	// is for testing or for another local policy, is no pass.
	Status Status
}

// DomainResult is the result for one author domain.
type DomainResult struct {
	Domain dns.Domain // The author domain.
	Found  Found      // Its policy.

	// Status is StatusFail only if the policy was found and is to be followed.
	Status Status

	// SPFAligned and DKIMAligned tell whether SPF, or at least one DKIM signature, passed for a domain
	// that is aligned.
	SPFAligned, DKIMAligned bool

	// Policy is what the record asks for if a message with this domain fails, of its p, sp and
	// np; empty without a record. Whether np applies is found out for messages that fail only, and
	// while that is not known it is the stricter one.
	Policy Policy

	// Nonexistent tells that np was applied: the domain has neither A, AAAA nor MX records.
	Nonexistent bool

	// Apply is what to do with the message: PolicyNone unless Status is StatusFail. It is one level
	// below Policy if the message was not among those to which the policy is to be applied by
	// pct (RFC 7489 §6.6.4), or by t (RFC 9989 §4.7), which Spared tells.
	Apply  Policy
	Spared bool

	// FailureReports are those options of the record's fo on which this message is to be reported to
	// its ruf. None without a ruf, and none to a public suffix (RFC 9091 §4).
	FailureReports FailureOptions

	Err error // For StatusTempError and StatusPermError, and for several records.
}

// Result is the result for a message.
type Result struct {
	Authors Authors

	// DomainResult is that of the author domain that decides: the one with the strictest policy
	// to apply. Without author domains only Status, Apply and Err are set. Status is
	// StatusPass only if all author domains pass.
	DomainResult

	// Domains are the results of all author domains, in the order of Authors.
	Domains []DomainResult

	// Invalid tells that the header does not say who the author is, see [Authors.Invalid]. Such
	// a message should be rejected, whatever Status and Apply are. It never passes.
	Invalid bool
}

// Verify compares the author domains of a message with what SPF and DKIM found out, and says what their
// owners ask to be done with it (RFC 7489 §6.6.2).
//
// A message with several author domains is checked for each (§6.6.1); the one that asks for the
// strictest treatment decides, then one that is not known for now and could ask for the strictest. Without a policy for any of
// them there is nothing to be followed, and the status is StatusNone.
//
// The context bounds the time; when it ends the result is a temporary error.
func (v *Verifier) Verify(ctx context.Context, authors Authors, spf Identifier, dkim []Identifier) Result {
	r := Result{Authors: authors, Invalid: authors.Invalid()}
	r.Status, r.Apply = StatusNone, PolicyNone
	m := &evaluation{session: v.newSession(), spf: spf, dkim: dkim, draw: -1}
	for i, domain := range authors.Domains {
		d := m.domain(ctx, domain)
		r.Domains = append(r.Domains, d)
		if i == 0 || d.severity() > r.severity() {
			r.DomainResult = d
		}
	}
	if r.Invalid && r.Status != StatusFail && r.Status != StatusTempError {
		r.Status = StatusPermError
		r.Err = fmt.Errorf("%w: From is %s", ErrNoAuthor, authors.Form)
	}
	return r
}

// severity orders results by which decides.
func (d DomainResult) severity() int {
	switch {
	case d.Status == StatusFail && d.Apply != PolicyNone:
		return 10 + d.Apply.strictness()
	case d.Status == StatusTempError && d.Policy == "":
		return 8 // It could be any.
	case d.Status == StatusTempError:
		return 5 + d.Policy.strictness()
	case d.Status == StatusFail:
		return 4
	case d.Status == StatusPermError:
		return 3
	case d.Status == StatusNone:
		return 2
	}
	return 1
}

// evaluation is that of one message.
type evaluation struct {
	*session
	spf   Identifier
	dkim  []Identifier
	draw  int // For pct, one for the message; -1 until it is made.
	walks int // For identifiers of the author domain at hand.
}

// domain comes to the result for one author domain.
func (m *evaluation) domain(ctx context.Context, domain dns.Domain) DomainResult {
	d := DomainResult{Domain: domain, Apply: PolicyNone, Found: m.find(ctx, domain)}
	if d.Found.Status != "" {
		d.Status, d.Err = d.Found.Status, d.Found.Err
		return d
	}
	d.Policy = d.requested()
	m.walks = 0
	open := m.align(ctx, &d)
	switch {
	case d.SPFAligned || d.DKIMAligned:
		d.Status = StatusPass
	case open != nil:
		// It might have passed, so that the policy cannot be applied (RFC 7489 §6.6.2).
		d.Status, d.Err = StatusTempError, open
		return d
	default:
		d.Status = StatusFail
		m.applyPolicy(ctx, &d)
	}
	d.FailureReports = m.failureReports(&d)
	return d
}

// errOpen is why there is no result while an aligned mechanism has none.
var errOpen = errors.New("temporary error of an aligned mechanism")

// align finds out which identifiers that passed are aligned (RFC 7489 §3.1). It returns an error if one that
// is not known for now could have been. That of a domain which is not aligned matters not: anyone can add
// a signature of his own domain that cannot be verified.
func (m *evaluation) align(ctx context.Context, d *DomainResult) (open error) {
	one := func(id Identifier, mode Alignment) bool {
		if id.Status != StatusPass && id.Status != StatusTempError {
			return false
		}
		aligned, err := m.aligned(ctx, d, id.Domain, mode)
		switch {
		case err != nil:
			open = cmp.Or(open, err)
		case aligned && id.Status == StatusTempError:
			open = cmp.Or(open, fmt.Errorf("%w: %w", ErrTemporary, errOpen))
		}
		return aligned && err == nil && id.Status == StatusPass
	}
	d.SPFAligned = one(m.spf, d.Found.Record.SPFAlignment)
	d.DKIMAligned = slices.ContainsFunc(m.dkim[:min(len(m.dkim), maxIdentifiers)], func(id Identifier) bool {
		return one(id, d.Found.Record.DKIMAlignment)
	})
	return open
}

// Limits of what is looked at for each author domain. Messages have one to three signatures.
const (
	maxIdentifiers = 100
	maxWalks       = 10 // Of identifiers, with TreeWalk, where each can cost lookups.
)

// aligned tells whether an identifier is aligned with the author domain. Domains that are the same are, also
// if they are public suffixes (RFC 9091 §3.5).
func (m *evaluation) aligned(ctx context.Context, d *DomainResult, id dns.Domain, mode Alignment) (bool, error) {
	switch {
	case id.IsZero():
		return false, nil
	case id == d.Domain:
		return true, nil
	case mode == AlignmentStrict, !isBelow(id, d.Found.Organizational):
		// An organizational domain is the domain itself or one above.
		return false, nil
	}
	if m.Discovery == TreeWalk {
		if m.walks++; m.walks > maxWalks {
			return false, nil
		}
	}
	organizational, err := m.organizationalOf(ctx, id)
	return organizational == d.Found.Organizational, err
}

// applyPolicy decides what is to be done with a message that fails.
func (m *evaluation) applyPolicy(ctx context.Context, d *DomainResult) {
	if np := d.Found.Record.NonexistentPolicy; d.isSubdomain() && np != "" {
		exists, err := m.exists(ctx, d.Domain)
		switch {
		case err != nil && np != d.Policy:
			if np.strictness() > d.Policy.strictness() {
				d.Policy = np
			}
			d.Status, d.Err = StatusTempError, fmt.Errorf("%w: %w", ErrTemporary, err)
			return
		case err == nil && !exists:
			d.Policy, d.Nonexistent = np, true
		}
	}
	d.Apply = d.Policy
	if d.Apply != PolicyNone && m.spares(d.Found.Record) {
		d.Apply, d.Spared = d.Apply.weaker(), true
	}
}

// isSubdomain tells whether the policy was found at a domain above, so that sp and np apply.
func (d *DomainResult) isSubdomain() bool { return d.Found.Domain != d.Domain }

// requested returns the policy for the domain, if it exists (RFC 7489 §6.3, RFC 9091 §3.2).
func (d *DomainResult) requested() Policy {
	if d.isSubdomain() {
		return cmp.Or(d.Found.Record.SubdomainPolicy, d.Found.Record.Policy)
	}
	return d.Found.Record.Policy
}

// exists tells whether a domain has A, AAAA or MX records (RFC 9091 §2.7).
func (m *evaluation) exists(ctx context.Context, domain dns.Domain) (bool, error) {
	_, _, err := m.Resolver.LookupIP(ctx, "ip", domain.Absolute())
	if err == nil {
		return true, nil
	}
	_, _, mxErr := m.Resolver.LookupMX(ctx, domain.Absolute())
	switch {
	case mxErr == nil:
		return true, nil
	case !dns.IsNotFound(err):
		return false, err
	case !dns.IsNotFound(mxErr):
		return false, mxErr
	}
	return false, nil
}

// spares tells whether this message is one to which the policy is not to be applied in full.
func (m *evaluation) spares(r Record) bool {
	if m.Discovery == TreeWalk {
		return r.Testing
	}
	if m.draw < 0 {
		intn := m.Intn
		if intn == nil {
			intn = rand.IntN
		}
		m.draw = intn(100)
	}
	return m.draw >= r.Percent
}

// failureReports returns which of the options of fo are met (RFC 7489 §6.3).
func (m *evaluation) failureReports(d *DomainResult) FailureOptions {
	if len(d.Found.Record.FailureReports) == 0 || d.Found.PublicSuffix {
		return 0
	}
	var met FailureOptions
	if !d.SPFAligned && !d.DKIMAligned {
		met |= FailureAll
	}
	if !d.SPFAligned || !d.DKIMAligned {
		met |= FailureAny
	}
	if failed(m.spf.Status) {
		met |= FailureSPF
	}
	if slices.ContainsFunc(m.dkim, func(id Identifier) bool { return failed(id.Status) }) {
		met |= FailureDKIM
	}
	return met & d.Found.Record.FailureOptions
}

// failed tells whether a mechanism came to the result that the message does not authenticate.
func failed(s Status) bool {
	switch s {
	case StatusFail, StatusPermError, "softfail", "policy":
		return true
	}
	return false
}
