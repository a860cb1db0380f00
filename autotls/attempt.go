package autotls

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// attempt requests the certificates of a host that are due, and notes what came of it.
func (m *Manager) attempt(ctx context.Context, h *host) {
	a, err := m.begin(h, time.Now())
	if err == nil {
		for _, t := range a.types {
			if err = m.request(ctx, a, t); err != nil {
				break // The other one would fail in the same way.
			}
		}
	}
	m.end(ctx, a, err)
}

// attempt is one that runs.
type attempt struct {
	host       *host
	want       Host
	keys       map[KeyType]crypto.Signer
	types      []KeyType // Due.
	cas        []*ca     // To ask, by preference.
	challenges []Challenge
	lifetime   time.Duration
	issuer     string // CA that issued last.
	failed     *Failure
}

// begin finds what is to be done. The file gets the state as if the attempt had failed already, in
// case the program ends before it does; without that nothing is asked of a CA.
func (m *Manager) begin(h *host, now time.Time) (*attempt, error) {
	a, s := m.plan(h, now)
	// Handshakes do not wait for the disk. Nobody else writes this file while an attempt runs.
	if err := writeJSON(h.statePath(), s); err != nil {
		return a, &localError{fmt.Errorf("no certificate is requested, as what comes of it cannot be kept: %w; check disk space and permissions", err)}
	}
	return a, nil
}

// plan returns what is to be done, and the state to keep meanwhile.
func (m *Manager) plan(h *host, now time.Time) (*attempt, hostState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	cas, _ := m.candidates(h, now)
	a := &attempt{host: h, want: h.Host, keys: h.keys, lifetime: h.lifetime(cas[0].lifetime())}
	for _, c := range cas {
		if !h.askable(c, now).After(now) {
			a.cas = append(a.cas, c)
		}
	}
	for _, t := range h.types() {
		// One that is due soon is renewed along with the other.
		if soon := now.Add(a.lifetime / 20); h.certs[t] == nil || !m.renewal(h, t).After(soon) {
			a.types = append(a.types, t)
		}
	}
	a.challenges = slices.Clone(m.opts.Challenges)
	if i := slices.Index(a.challenges, h.state.Challenge); i > 0 {
		a.challenges = slices.Insert(slices.Delete(a.challenges, i, i+1), 0, h.state.Challenge)
	}

	h.state.LastAttempt = now
	s := h.state.clone()
	s.Failures++
	s.Failure = &Failure{Kind: FailureLocal, Text: "the program ended before the request did; it is made again"}
	s.Next = now.Add(jittered(FailureLocal.backoff(s.Failures, a.lifetime)))
	return a, s
}

// request gets a certificate from the first CA that issues one.
func (m *Manager) request(ctx context.Context, a *attempt, t KeyType) error {
	h := a.want.Name
	if m.opts.Check != nil {
		if err := m.opts.Check(ctx, h); err != nil {
			return &Failure{Kind: FailureHost, Text: err.Error(), err: err}
		}
	}
	err := errPaused
	for _, c := range a.cas {
		if until, _ := c.paused(time.Now()); !until.IsZero() {
			continue // Another host has found that out meanwhile.
		}
		o := order{ca: c, host: h, key: a.keys[t], challenges: a.challenges, answers: &m.challenges}
		m.log.Debug("requesting certificate", "host", h, "type", t, "ca", c.Name)
		chain, used, oerr := o.run(ctx)
		if oerr == nil {
			if oerr = m.install(a, c, t, chain, used); oerr == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			c.interrupted(time.Now())
			return ctx.Err()
		}
		if errors.Is(oerr, errPaused) {
			continue
		}
		f := newFailure(oerr, c.CA, c.names(), h, time.Now())
		c.failed(f, time.Now())
		m.block(a, c, f)
		err = f
		if f.Kind == FailureHost || f.Kind == FailureLocal {
			break // No other CA would see it otherwise.
		}
	}
	return err
}

// block notes that a CA is not to be asked for this host for a while.
func (m *Manager) block(a *attempt, c *ca, f *Failure) {
	if f.Kind != FailureRateLimit && f.Kind != FailureRefused {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := f.Kind.backoff(a.host.state.Failures+1, a.lifetime)
	s := a.host.state.clone()
	if s.Blocked == nil {
		s.Blocked = map[string]block{}
	}
	b := block{Demanded: f.retryAfter > 0}
	b.Until = time.Now().Add(jittered(max(d, f.retryAfter)))
	s.Blocked[c.DirectoryURL] = b
	a.host.state = s
}

// install puts an issued certificate to use and keeps it.
func (m *Manager) install(a *attempt, c *ca, t KeyType, chain [][]byte, used Challenge) error {
	now := time.Now()
	cert, err := newCertificate(chain, a.keys[t], a.want.Name)
	if err == nil && !cert.Leaf.NotAfter.After(now) {
		err = fmt.Errorf("it has expired at %s; check the clock of this machine", cert.Leaf.NotAfter)
	}
	if err != nil {
		return fmt.Errorf("the certificate that was issued cannot be used: %w", err)
	}
	c.succeeded(cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore))
	a.issuer = c.Name

	h := a.host
	if err := h.writeCertificate(t, cert); err != nil {
		// It serves as long as this process does.
		m.log.Error("keeping a certificate; it is requested anew after a restart; check disk space and permissions", "host", a.want.Name, "err", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h.state = h.state.clone()
	if h.state.Issuers == nil {
		h.state.Issuers = map[KeyType]string{}
	}
	h.state.Issuers[t] = c.DirectoryURL
	delete(h.state.Blocked, c.DirectoryURL)
	if used != "" {
		h.state.Challenge = used
	}
	if key := h.keys[t]; key != nil && sameKey(key.Public(), a.keys[t].Public()) {
		certs := map[KeyType]*tls.Certificate{}
		maps.Copy(certs, h.certs)
		certs[t] = cert
		h.certs = certs
	}
	m.log.Info("certificate issued", "host", h.Name, "type", t, "ca", c.Name, "not after", cert.Leaf.NotAfter, "challenge", string(used))
	return nil
}

// end notes what came of an attempt.
func (m *Manager) end(ctx context.Context, a *attempt, err error) {
	now := time.Now()
	m.mu.Lock()
	h := a.host
	s := h.state.clone()
	switch {
	case err == nil:
		s.LastSuccess = now
		s.Failures, s.Next, s.Failure = 0, time.Time{}, nil
		h.warned = time.Time{}
	case ctx.Err() != nil, errors.Is(err, errPaused):
		// That we are asked to stop, or that nobody could be asked, is no failure of the host.
	default:
		a.failed = s.note(err, a.lifetime, now)
	}
	h.state = s
	if a.failed != nil {
		m.logFailure(h, a.failed, now)
	}
	s = s.clone()
	m.mu.Unlock()

	if werr := writeJSON(h.statePath(), s); werr != nil {
		m.log.Error("keeping the state of a host", "host", a.want.Name, "err", werr)
	}
	if m.opts.Attempted != nil && (err == nil || a.failed != nil) {
		result := Attempt{Host: a.want.Name, CA: a.issuer, Failure: a.failed}
		if a.failed != nil {
			result.CA = a.failed.CA
		}
		m.opts.Attempted(result)
	}
	m.mu.Lock()
	m.running--
	h.running = false
	close(h.ended)
	m.mu.Unlock()
	m.poke()
}

// note puts a failure into the state.
func (s *hostState) note(err error, lifetime time.Duration, now time.Time) *Failure {
	f := new(Failure)
	if !errors.As(err, &f) {
		f = &Failure{Kind: FailureLocal, Text: err.Error(), err: err}
	}
	s.Failures++
	s.Failure = f
	kind := f.Kind
	if kind == FailureRateLimit || kind == FailureRefused || kind == FailureAccount {
		kind = FailureCA // The CA is not asked, another one may be.
	}
	s.Next = now.Add(jittered(kind.backoff(s.Failures, lifetime)))
	return f
}

// logFailure tells of a failure, the louder the less time there is. One that goes on is told once a
// day. The lock must be held.
func (m *Manager) logFailure(h *host, f *Failure, now time.Time) {
	args := []any{"host", h.Name, "kind", string(f.Kind), "err", f.Text, "failures", h.state.Failures, "next attempt", m.next(h, now)}
	if h.told.kind == f.Kind && now.Sub(h.told.at) < day && h.state.Failures > 1 {
		m.log.Debug("still no new certificate for a host", args...)
		return
	}
	h.told.kind, h.told.at = f.Kind, now
	first := h.first()
	switch {
	case first == nil:
		m.log.Error("no certificate for a host", args...)
	case expiresSoon(first.NotBefore, first.NotAfter, now):
		h.warned = now
		m.log.Error("certificate is not renewed and expires soon", append(args, "not after", first.NotAfter)...)
	default:
		m.log.Warn("certificate is not renewed yet", append(args, "not after", first.NotAfter)...)
	}
}
