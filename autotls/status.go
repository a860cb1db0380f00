package autotls

import (
	"crypto/x509"
	"maps"
	"slices"
	"time"

	"mox/dns"
)

// State is how a host is off.
type State string

// The states of a host.
const (
	StatePending  State = "pending"  // No certificate yet; the first request is to come, or runs.
	StateFailing  State = "failing"  // No certificate, and requests for one have failed.
	StateValid    State = "valid"    // All certificates are good for a while.
	StateExpiring State = "expiring" // A certificate should have been renewed by now.
	StateExpired  State = "expired"  // A certificate has expired.
)

// Status tells how a host is off.
type Status struct {
	Host         dns.Domain
	State        State
	Certificates []CertificateStatus // Those there are.

	LastAttempt time.Time
	LastSuccess time.Time
	Requesting  bool      // An attempt runs.
	NextAttempt time.Time // Of a renewal, or after a failure. In the past if it is about to begin.
	Failures    int       // Attempts in a row that failed.
	Failure     *Failure  // The last one, or why the CA is not asked now; nil after success.
	Challenge   Challenge // That succeeded last; empty if none did.

	// Damaged are files of the host, and of the accounts at its CAs, that could not be used and were moved aside, to these
	// names. Who has looked into that, or needs them no more, removes them.
	Damaged []string
}

// CertificateStatus tells of a certificate.
type CertificateStatus struct {
	KeyType   KeyType
	CA        string // Name of the CA that issued it; empty if it is none of today.
	Issuer    string // As the certificate has it.
	Serial    string // In hexadecimal.
	NotBefore time.Time
	NotAfter  time.Time
}

// Status returns how each wanted host is off, in the order of Options.Hosts, those last whose keys cannot be read or made.
func (m *Manager) Status() []Status {
	now := time.Now()
	m.mu.RLock()
	defer m.mu.RUnlock()
	var l []Status
	for _, h := range m.order {
		s := Status{
			Host:        h.Name,
			LastAttempt: h.state.LastAttempt,
			LastSuccess: h.state.LastSuccess,
			Requesting:  h.running,
			NextAttempt: m.next(h, now),
			Failures:    h.state.Failures,
			Failure:     h.state.Failure,
			Challenge:   h.state.Challenge,
		}
		cas, _ := m.candidates(h, now)
		if until, why := cas[0].paused(now); s.Failure == nil && !until.IsZero() && !s.NextAttempt.After(until) {
			s.Failure = why // It waits for a CA that has failed others.
		}
		if u := m.unready[h.Name.ASCII]; u != nil && s.Failure == nil {
			s.Failures, s.Failure = u.failures, u.failure
		}
		s.State = h.stateAt(now, s.Failure != nil)
		s.Damaged = stillThere(h.aside)
		for _, c := range m.casOf(h) {
			s.Damaged = append(s.Damaged, c.damaged()...)
		}
		for _, t := range h.types() {
			if cert := h.certs[t]; cert != nil {
				s.Certificates = append(s.Certificates, m.certificateStatus(h, t, cert.Leaf))
			}
		}
		l = append(l, s)
	}
	for _, name := range slices.Sorted(maps.Keys(m.unready)) {
		if u := m.unready[name]; !slices.ContainsFunc(l, func(s Status) bool { return s.Host.ASCII == name }) {
			l = append(l, Status{Host: u.host, State: StateFailing, LastAttempt: u.last, NextAttempt: u.last.Add(lookAround), Failures: u.failures, Failure: u.failure})
		}
	}
	return l
}

func (m *Manager) certificateStatus(h *host, t KeyType, leaf *x509.Certificate) CertificateStatus {
	s := CertificateStatus{
		KeyType:   t,
		Issuer:    leaf.Issuer.String(),
		Serial:    leaf.SerialNumber.Text(16),
		NotBefore: leaf.NotBefore,
		NotAfter:  leaf.NotAfter,
	}
	for _, c := range m.opts.CAs {
		if c.DirectoryURL == h.state.Issuers[t] {
			s.CA = c.Name
		}
	}
	return s
}

// stateAt returns the state of the worst certificate.
func (h *host) stateAt(now time.Time, failed bool) State {
	first := h.first()
	switch {
	case first == nil && failed:
		return StateFailing
	case first == nil:
		return StatePending
	case !now.Before(first.NotAfter):
		return StateExpired
	case expiresSoon(first.NotBefore, first.NotAfter, now):
		return StateExpiring
	}
	return StateValid
}
