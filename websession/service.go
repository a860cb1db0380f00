package websession

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/login"
	"mox/store"
)

// Options for New.
type Options struct {
	// Name of the pages, such as "webmail": lower-case letters. It is part of the names of cookies and in the records of
	// logins. A session of one name is none of another. Required.
	Name string

	// Title is what people call the pages, in the form for logging in. Default: Name.
	Title string

	Logins   *login.Service // Checks passwords, and bounds how often. Required.
	Sessions Sessions       // Required.

	// User is who logs in, if the pages have one user only: the form asks for no name then.
	User string

	// Admit returns an error for accounts that may not be used now though they have a session, such as a
	// *login.DisabledError. Default: all may.
	Admit func(account string) error

	// Unlimited tells clients whose failed logins are not counted. Default: none.
	Unlimited func(netip.Addr) bool

	// A session ends when it was not used for Idle, by default 24 hours, and after Lifetime, by default 7 days. One that the
	// browser is asked to remember ends after Remembered, by default 30 days, however seldom it is used.
	Idle, Lifetime, Remembered time.Duration

	Metrics *Metrics     // Default: metrics are not shown.
	Log     *slog.Logger // Default: discard.
}

// Service has the sessions of one kind of pages. It is safe for concurrent use.
type Service struct {
	opts    Options
	watches watches
}

// New returns a Service.
func New(o Options) (*Service, error) {
	if o.Name == "" || o.Logins == nil || o.Sessions == nil {
		return nil, errors.New("websession: Name, Logins and Sessions are required")
	}
	for _, c := range o.Name {
		if c < 'a' || c > 'z' {
			return nil, errors.New("websession: Name must consist of lower-case letters")
		}
	}
	if o.Idle < 0 || o.Lifetime < 0 || o.Remembered < 0 {
		return nil, errors.New("websession: option is negative")
	}
	setDefault(&o.Title, o.Name)
	setDefault(&o.Idle, 24*time.Hour)
	setDefault(&o.Lifetime, 7*24*time.Hour)
	setDefault(&o.Remembered, 30*24*time.Hour)
	if o.Admit == nil {
		o.Admit = func(string) error { return nil }
	}
	if o.Unlimited == nil {
		o.Unlimited = func(netip.Addr) bool { return false }
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{opts: o}, nil
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Metrics are shared by all services of a server.
type Metrics struct {
	logins   *prometheus.CounterVec
	refusals *prometheus.CounterVec
}

// NewMetrics registers metrics, unless reg is nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_websession_logins_total",
			Help: "Logins to pages, by service and code of the refusal, or ok.",
		}, []string{"service", "result"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_websession_refusals_total",
			Help: "Requests to pages that were refused for want of a session or of its token, or as those of another site, by service and code.",
		}, []string{"service", "code"}),
	}
	if reg != nil {
		reg.MustRegister(m.logins, m.refusals)
	}
	return m
}

// refuse answers a request that is not let through.
func (s *Service) refuse(w http.ResponseWriter, e Error) {
	s.opts.Metrics.refusals.WithLabelValues(s.opts.Name, string(e.Code)).Inc()
	writeError(w, e)
}

// State is what a page is told of its session.
type State struct {
	Account string
	Session string    // Its id, as in Info.
	CSRF    string    // For X-Mox-Csrf.
	Created time.Time // When it began.
	Expires time.Time // When it ends, however much it is used.
}

// Session is that of a request.
type Session struct {
	store.WebSession
	Account string // By name.

	credential credential
}

// CSRF returns what X-Mox-Csrf must be in requests that change something.
func (s *Session) CSRF() string { return s.credential.csrf() }

// Actor returns who acts in the request, for calls of the store.
func (s *Session) Actor() store.Actor {
	return store.Actor{Account: s.credential.Account, Session: uint64(s.ID)}
}

// State returns what a page is told.
func (s *Session) State() State {
	return State{Account: s.Account, Session: idText(s.ID), CSRF: s.CSRF(), Created: s.Created, Expires: s.Expires}
}

type sessionKey struct{}

// FromContext returns the session of a request that Require let through, nil for another.
func FromContext(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}
