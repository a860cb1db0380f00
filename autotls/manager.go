package autotls

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"mox/dns"
)

// concurrentAttempts is how many hosts are busy with their CAs at a time.
const concurrentAttempts = 4

// lookAround is how often a Manager looks at everything although nothing is due: the
// clock may have been set.
const lookAround = time.Hour

// CA is a certification authority that speaks ACME.
type CA struct {
	// Name is how hosts and logs name it, and part of the names of files: letters, digits,
	// and "-", "_" and "." inside.
	Name         string
	DirectoryURL string // RFC 8555 §7.1.1.
	Contact      string // Email address, for the CA to write to; may be empty.

	// ExternalAccount binds our account to one that was made otherwise (RFC 8555 §7.3.4).
	// Nil for none.
	ExternalAccount *ExternalAccount

	// RenewBefore is how long before their end certificates are renewed. 0 is a third of their
	// lifetime; it is half of it at most.
	RenewBefore time.Duration
}

// ExternalAccount is an account at a CA that was not made by ACME.
type ExternalAccount struct {
	KeyID string
	Key   []byte // For HMAC.
}

// Options for New.
type Options struct {
	Dir string // For accounts, keys and certificates. It is made, with mode 0700.

	// CAs are those to ask for hosts that name none themselves, by preference. At least one.
	CAs []CA

	// Hosts returns those that want certificates now, the most urgent first. A name that comes
	// twice counts once. It is called by New, and by Run after each Refresh, never
	// concurrently.
	Hosts func() []Host

	// Challenges are those that CAs reach us by, in order. Empty is TLSALPN01, HTTP01.
	Challenges []Challenge

	// Check is called before a CA is asked for a host. If it returns an error the CA is not
	// asked, and the host waits as if the CA had failed to validate it. It is for what one can know
	// oneself, such as that the host has no address. May be nil.
	Check func(ctx context.Context, host dns.Domain) error

	// Attempted is told of the end of each attempt for a host, before Status tells that none runs. It must be quick, and
	// is called concurrently. May be nil.
	Attempted func(Attempt)

	HTTPClient *http.Client // For requests to CAs. Default: one with a timeout of 30 seconds.
	UserAgent  string       // Name and version of the program, for CAs. May be empty.
	Log        *slog.Logger // Default: discard.
}

// Attempt is the end of an attempt to get certificates for a host.
type Attempt struct {
	Host    dns.Domain
	CA      string   // Name of the CA that issued, or refused last; empty if none was asked.
	Failure *Failure // Nil after success.
}

// Manager keeps hosts in certificates. It is safe for concurrent use.
type Manager struct {
	opts       Options
	log        *slog.Logger
	cas        map[string]*ca
	challenges challenges
	wake       chan struct{} // With room for one: look at what is due.

	mu      sync.RWMutex // Guards what follows.
	hosts   map[string]*host
	order   []*host // Those that are wanted.
	stale   bool    // Hosts is to be asked again.
	running int     // Attempts.
	asking  bool    // CAs are asked when to renew.
	unready map[string]*unready
}

// unready is a wanted host whose keys cannot be read or made. It may have those of before.
type unready struct {
	host     dns.Domain
	failure  *Failure
	failures int
	last     time.Time // When it was tried.
	told     time.Time // When the log last had it.
}

var caName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// New returns a manager with the keys and certificates that are kept, and makes keys that are
// missing. Nothing is requested until Run. Errors are of wrong options, and of a directory that cannot be made. What is
// wrong with files of a host or an account is told in the log and by Status, and does not keep others from being served:
// damaged files are moved aside.
func New(opts Options) (*Manager, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.HTTPClient == nil {
		opts.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	}
	if len(opts.Challenges) == 0 {
		opts.Challenges = []Challenge{TLSALPN01, HTTP01}
	}
	if len(opts.CAs) == 0 || opts.Hosts == nil || opts.Dir == "" {
		return nil, errors.New("autotls: a directory, a CA and a function for hosts are needed")
	}
	m := &Manager{
		opts:       opts,
		log:        opts.Log,
		cas:        map[string]*ca{},
		challenges: challenges{certs: map[string]*tls.Certificate{}, keys: map[string]string{}},
		wake:       make(chan struct{}, 1),
		hosts:      map[string]*host{},
	}
	if err := makeDir(opts.Dir); err != nil {
		return nil, fmt.Errorf("autotls: %w", err)
	}
	for _, c := range opts.CAs {
		if !caName.MatchString(c.Name) || m.cas[c.Name] != nil {
			return nil, fmt.Errorf("autotls: %q cannot be the name of a CA, or is that of two", c.Name)
		}
		a, err := newCA(c, filepath.Join(opts.Dir, "accounts", c.Name), opts.UserAgent, opts.HTTPClient, opts.Log)
		if err != nil {
			return nil, fmt.Errorf("autotls: account at CA %s: %w", c.Name, err)
		}
		m.cas[c.Name] = a
	}
	if err := m.takeHosts(); err != nil {
		return nil, fmt.Errorf("autotls: %w", err)
	}
	return m, nil
}

// Refresh has Run ask for the wanted hosts again. Certificates for new ones are requested at once,
// those for hosts that are gone are not served and renewed any more.
func (m *Manager) Refresh() {
	m.mu.Lock()
	m.stale = true
	m.mu.Unlock()
	m.poke()
}

// Retry has the certificates of hosts that failed, or of all hosts if none is named, requested now
// and not when their time has come, as after the cause was found. What a CA has asked for
// is obeyed all the same.
func (m *Manager) Retry(names ...dns.Domain) {
	for _, c := range m.cas {
		c.resume()
	}
	m.mu.Lock()
	m.stale = m.stale || len(m.unready) > 0
	for _, h := range m.order {
		if len(names) > 0 && !slices.Contains(names, h.Name) {
			continue
		}
		h.state = h.state.clone()
		h.state.Next = time.Time{}
		for url, b := range h.state.Blocked {
			if !b.Demanded {
				delete(h.state.Blocked, url)
			}
		}
	}
	m.mu.Unlock()
	m.poke()
}

func (m *Manager) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// takeHosts takes the hosts that are wanted now. It returns the errors of those that nobody can want like that. Those whose
// keys cannot be read or made are noted in unready, and tried again later.
func (m *Manager) takeHosts() error {
	var order []*host
	var errs []error
	seen := map[string]bool{}
	failed := map[string]*unready{}
	now := time.Now()
	for _, want := range m.opts.Hosts() {
		name := want.Name.ASCII
		if seen[name] {
			continue
		}
		seen[name] = true
		h, err := m.takeHost(want)
		if local := (*localError)(nil); errors.As(err, &local) {
			failed[name] = m.notReady(want.Name, err, now)
		} else if err != nil {
			errs = append(errs, err)
			continue
		}
		if h != nil {
			order = append(order, h)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unready = failed
	for name, h := range m.hosts {
		if h.wanted && !seen[name] {
			h.wanted = false
			m.log.Info("host wants no certificate any more", "host", name)
		}
	}
	m.order = order
	return errors.Join(errs...)
}

// notReady returns that a host could not be taken, and tells it in the log, of one host once a day.
func (m *Manager) notReady(host dns.Domain, err error, now time.Time) *unready {
	u := unready{host: host, failure: &Failure{Kind: FailureLocal, Text: err.Error(), err: err}, failures: 1, last: now}
	m.mu.RLock()
	if before := m.unready[host.ASCII]; before != nil {
		u.failures, u.told = before.failures+1, before.told
	}
	m.mu.RUnlock()
	if now.Sub(u.told) >= day {
		u.told = now
		m.log.Error("a host gets no certificate; it is looked at again later", "host", host, "err", err)
	}
	return &u
}

// takeHost takes one host. A wanted one whose new keys cannot be read or made is returned as it was, with the error, which
// is then a localError.
func (m *Manager) takeHost(want Host) (*host, error) {
	if want.Name.IsZero() || len(want.types()) == 0 {
		return nil, fmt.Errorf("%w: host %q wants none", ErrKeyType, want.Name.ASCII)
	}
	for _, name := range want.CAs {
		if m.cas[name] == nil {
			return nil, fmt.Errorf("host %s: there is no CA %q", want.Name, name)
		}
	}
	m.mu.RLock()
	h := m.hosts[want.Name.ASCII]
	m.mu.RUnlock()
	if h == nil {
		h, err := newHost(want, filepath.Join(m.opts.Dir, "hosts", want.Name.ASCII), m.log)
		if err != nil {
			return nil, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.hosts[want.Name.ASCII] = h
		return h, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err := h.want(want, m.log)
	if err != nil && !h.wanted {
		return nil, err
	}
	return h, err
}

// Run requests and renews certificates until the context ends. It returns when no attempt runs
// any more. The ports that CAs validate by must be open before.
func (m *Manager) Run(ctx context.Context) {
	var attempts sync.WaitGroup
	defer attempts.Wait()
	for {
		m.mu.Lock()
		stale := m.stale
		m.stale = false
		m.mu.Unlock()
		if stale || m.retriesUnready(time.Now()) {
			if err := m.takeHosts(); err != nil {
				m.log.Error("some hosts get no certificate", "err", err)
			}
		}
		due, wait := m.due(time.Now())
		for _, h := range due {
			attempts.Go(func() { m.attempt(ctx, h) })
		}
		questions, until := m.questions(time.Now())
		if len(questions) > 0 {
			attempts.Go(func() { m.askAll(ctx, questions) })
		}
		m.warn(time.Now())
		timer := time.NewTimer(min(wait, until))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-m.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// retriesUnready tells whether it is time to look at hosts again whose keys could not be read or made.
func (m *Manager) retriesUnready(now time.Time) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, u := range m.unready {
		if now.Sub(u.last).Abs() >= lookAround {
			return true
		}
	}
	return false
}

// due returns the hosts to request certificates for now, marked as running, and how long to
// wait for the next. Hosts without certificates are first.
func (m *Manager) due(now time.Time) (due []*host, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wait = lookAround
	for _, missing := range []bool{true, false} {
		for _, h := range m.order {
			if h.running || (h.first() == nil) != missing {
				continue
			}
			if d := m.next(h, now).Sub(now); d > 0 {
				wait = min(wait, d)
			} else if m.running < m.concurrent(h, now) {
				m.running++
				h.running, h.ended = true, make(chan struct{})
				due = append(due, h)
			}
		}
	}
	return due, wait
}

// concurrent returns how many attempts may run along with one for a host. The lock must be held.
func (m *Manager) concurrent(h *host, now time.Time) int {
	cas, _ := m.candidates(h, now)
	for _, c := range cas {
		if h.askable(c, now).IsZero() && c.failing() {
			return 1
		}
	}
	return concurrentAttempts
}

// next returns when certificates of a host are to be requested. The lock must be held.
func (m *Manager) next(h *host, now time.Time) time.Time {
	next := h.state.Next
	if h.state.Failures == 0 {
		next = time.Time{}
		for i, t := range h.types() {
			if at := m.renewal(h, t); i == 0 || at.Before(next) {
				next = at
			}
		}
	} else if !waits(next, now) {
		next = now
	}
	// Not before one of the CAs may be asked.
	cas, more := m.candidates(h, now)
	var earliest time.Time
	for i, c := range cas {
		if at := h.askable(c, now); i == 0 || at.Before(earliest) {
			earliest = at
		}
	}
	if !earliest.After(next) {
		return next
	}
	if more.After(next) && more.Before(earliest) {
		return more
	}
	return earliest
}

// renewal returns when the certificate of a host for a type of key is to be requested; the
// zero time if it is missing, or of a CA that is not wanted.
func (m *Manager) renewal(h *host, t KeyType) time.Time {
	cert, c := h.certs[t], m.issuer(h, t)
	if cert == nil || c == nil {
		return time.Time{}
	}
	return h.suggested[t].earlier(renewal(cert.Leaf.NotBefore, cert.Leaf.NotAfter, c.RenewBefore, cert.Certificate[0]), cert.Leaf)
}

// issuer returns the CA of the certificate of a host for a type of key; nil if that is not wanted. The lock must be held.
func (m *Manager) issuer(h *host, t KeyType) *ca {
	for _, c := range m.casOf(h) {
		if c.DirectoryURL == h.state.Issuers[t] {
			return c
		}
	}
	return nil
}

// casOf returns the CAs of a host, by preference.
func (m *Manager) casOf(h *host) []*ca {
	var l []*ca
	if len(h.CAs) == 0 {
		for _, c := range m.opts.CAs {
			l = append(l, m.cas[c.Name])
		}
	}
	for _, name := range h.CAs {
		l = append(l, m.cas[name])
	}
	return l
}

// candidates returns the CAs that may be asked for a host: only the first one as long as there
// is time. In that case it tells from when on there are more; otherwise that is zero.
func (m *Manager) candidates(h *host, now time.Time) (_ []*ca, more time.Time) {
	l := m.casOf(h)
	first := h.first()
	if first == nil || len(l) == 1 {
		return l, time.Time{}
	}
	if more = urgent(first.NotBefore, first.NotAfter); more.After(now) {
		return l[:1], more
	}
	return l, time.Time{}
}

// askable returns from when on a CA may be asked for the host; the zero time for now.
func (h *host) askable(c *ca, now time.Time) time.Time {
	until, _ := c.paused(now)
	if b := h.state.Blocked[c.DirectoryURL]; waits(b.Until, now) && b.Until.After(until) {
		return b.Until
	}
	return until
}

// warn tells, once a day, of certificates that should have been renewed.
func (m *Manager) warn(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.order {
		first := h.first()
		if first == nil || !expiresSoon(first.NotBefore, first.NotAfter, now) || now.Sub(h.warned) < day {
			continue
		}
		if h.running && h.state.Failures == 0 {
			continue // The renewal has only begun.
		}
		h.warned = now
		why := "it is being renewed"
		if f := h.state.Failure; f != nil {
			why = f.Text
		}
		m.log.Error("certificate has not been renewed and expires soon", "host", h.Name, "not after", first.NotAfter, "left", first.NotAfter.Sub(now).Round(time.Second), "failures", h.state.Failures, "reason", why, "next attempt", m.next(h, now))
	}
}
