package autotls

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"time"

	"mox/dns"
)

const (
	renewalInfoTimeout  = time.Minute
	renewalInfoMaxBytes = 64 << 10
)

// suggestion is what a CA said of when a certificate should be renewed (RFC 9773 §4.2). A CA that has to revoke
// certificates tells it so beforehand.
type suggestion struct {
	Certificate string    // Its identifier.
	Begin, End  time.Time // The window; zero if the CA told none.
	Renew       time.Time // A time in it, by chance.
	Next        time.Time // When the CA is asked again.
}

// askInterval returns how often a CA is asked that does not say how often.
func askInterval(leaf *x509.Certificate) time.Duration {
	return bounded(leaf.NotAfter.Sub(leaf.NotBefore)/15, time.Minute, 6*time.Hour)
}

// certificateID returns the identifier of a certificate (RFC 9773 §4.1); empty if it does not name the key of its issuer.
func certificateID(leaf *x509.Certificate) string {
	if len(leaf.AuthorityKeyId) == 0 || leaf.SerialNumber == nil || leaf.SerialNumber.Sign() <= 0 {
		return ""
	}
	serial := leaf.SerialNumber.Bytes()
	if serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...) // As DER has it.
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString(leaf.AuthorityKeyId) + "." + enc.EncodeToString(serial)
}

// earlier returns the time of a renewal that is planned at a time: the CA can have it earlier, never later. What a CA says is
// not heard in the first thirtieth of a lifetime, so that one which wants all renewed at once gets no endless requests.
func (s suggestion) earlier(planned time.Time, leaf *x509.Certificate) time.Time {
	if s.Renew.IsZero() || s.Certificate != certificateID(leaf) {
		return planned
	}
	at := s.Renew
	if least := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 30); at.Before(least) {
		at = least
	}
	if at.Before(planned) {
		return at
	}
	return planned
}

// question is one to a CA about a certificate.
type question struct {
	host *host
	name dns.Domain // Of the host.
	typ  KeyType
	ca   *ca
	leaf *x509.Certificate
	id   string
	last suggestion
}

// questions returns what CAs are to be asked now, and how long to wait for the next. They are to be answered by askAll,
// before which there are no others.
func (m *Manager) questions(now time.Time) (l []question, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wait = lookAround
	if m.asking {
		return nil, wait
	}
	for _, h := range m.order {
		for _, t := range h.types() {
			cert, c := h.certs[t], m.issuer(h, t)
			if cert == nil || c == nil || !cert.Leaf.NotAfter.After(now) || h.running || c.failing() {
				continue // While a CA fails, attempts find out when it is well again.
			}
			q := question{host: h, name: h.Name, typ: t, ca: c, leaf: cert.Leaf, id: certificateID(cert.Leaf), last: h.suggested[t]}
			next := cert.Leaf.NotBefore.Add(askInterval(cert.Leaf))
			if q.last.Certificate != q.id {
				q.last = suggestion{Certificate: q.id}
			} else if waits(q.last.Next, now) {
				next = q.last.Next
			}
			if until, _ := c.paused(now); until.After(next) {
				next = until
			}
			if q.id == "" {
				continue
			}
			if d := next.Sub(now); d > 0 {
				wait = min(wait, d)
				continue
			}
			l = append(l, q)
		}
	}
	m.asking = len(l) > 0
	return l, wait
}

// askAll asks the CAs, one question after the other.
func (m *Manager) askAll(ctx context.Context, l []question) {
	for _, q := range l {
		if ctx.Err() == nil {
			m.ask(ctx, q)
		}
	}
	m.mu.Lock()
	m.asking = false
	m.mu.Unlock()
	m.poke()
}

// ask asks a CA when to renew a certificate. When it is asked again is kept before, so that a program which starts over and over
// does not ask each time. Without an answer all stays as planned.
func (m *Manager) ask(ctx context.Context, q question) {
	now := time.Now()
	s := q.last
	s.Next = now.Add(jittered(askInterval(q.leaf)))
	if err := m.suggest(q, s); err != nil {
		m.log.Error("a CA is not asked when to renew a certificate, as what it says cannot be kept", "host", q.name, "err", err)
		return
	}
	info, again, err := q.ca.renewalInfo(ctx, q.id, now)
	if again > 0 {
		s.Next = now.Add(jittered(bounded(again, time.Minute, day))) // RFC 9773 §4.3.
	}
	switch {
	case errors.Is(err, errNoRenewalInfo):
		s.Next = now.Add(jittered(day))
	case err != nil:
		m.log.Debug("a CA does not say when to renew a certificate", "host", q.name, "type", q.typ, "ca", q.ca.Name, "err", err)
	default:
		w := info.SuggestedWindow
		if !s.Begin.Equal(w.Start) || !s.End.Equal(w.End) {
			s.Begin, s.End = w.Start, w.End
			s.Renew = w.Start.Add(time.Duration(rand.Float64() * float64(w.End.Sub(w.Start))))
			own := renewal(q.leaf.NotBefore, q.leaf.NotAfter, q.ca.RenewBefore, q.leaf.Raw)
			if at := s.earlier(own, q.leaf); at.Before(own) {
				m.log.Info("the CA wants a certificate renewed earlier", "host", q.name, "type", q.typ, "ca", q.ca.Name, "at", at, "planned", own, "explanation", info.ExplanationURL)
			}
		}
	}
	if err := m.suggest(q, s); err != nil {
		m.log.Error("keeping when a CA wants a certificate renewed", "host", q.name, "err", err)
	}
}

// suggest notes what a CA said, and keeps it.
func (m *Manager) suggest(q question, s suggestion) error {
	m.mu.Lock()
	all := maps.Clone(q.host.suggested)
	if all == nil {
		all = map[KeyType]suggestion{}
	}
	all[q.typ] = s
	q.host.suggested = all
	m.mu.Unlock()
	return writeJSON(q.host.suggestionsPath(), all)
}

func (h *host) suggestionsPath() string { return filepath.Join(h.dir, "renewalinfo.json") }

// errNoRenewalInfo is returned for a CA that does not say when to renew.
var errNoRenewalInfo = errors.New("the CA has no renewal information")

// renewalInfo is an answer of a CA (RFC 9773 §4.2).
type renewalInfo struct {
	SuggestedWindow struct {
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
	} `json:"suggestedWindow"`
	ExplanationURL string `json:"explanationURL"`
}

// renewalInfo asks for what there is about a certificate, and returns how long the CA wants not to be asked again, if it says so.
// The package acme knows neither the resource nor its place in the directory.
func (c *ca) renewalInfo(ctx context.Context, id string, now time.Time) (info renewalInfo, again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, renewalInfoTimeout)
	defer cancel()
	var directory struct {
		RenewalInfo string `json:"renewalInfo"`
	}
	if again, err = c.getJSON(ctx, c.DirectoryURL, &directory, now); err != nil {
		return info, again, err
	}
	if directory.RenewalInfo == "" {
		return info, 0, errNoRenewalInfo
	}
	again, err = c.getJSON(ctx, directory.RenewalInfo+"/"+id, &info, now)
	if err == nil && !info.SuggestedWindow.End.After(info.SuggestedWindow.Start) {
		err = errors.New("the window that the CA suggests has no end after its beginning")
	}
	return info, again, err
}

// getJSON gets a resource for which no account is needed, and what it says of Retry-After.
func (c *ca) getJSON(ctx context.Context, url string, v any, now time.Time) (again time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	again = retryAfter(res.Header, now)
	if res.StatusCode != http.StatusOK {
		return again, fmt.Errorf("%s: %s", url, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, renewalInfoMaxBytes)).Decode(v); err != nil {
		return again, fmt.Errorf("%s: %w", url, err)
	}
	return again, nil
}
