package websession

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"mox/store"
)

// Info is a session in a list.
type Info struct {
	ID        string // In hexadecimal.
	Current   bool   // It is that of the request.
	Service   string
	Created   time.Time
	LastUse   time.Time // Some minutes early at most.
	Expires   time.Time // However much it is used.
	Client    string    // Address at the login.
	UserAgent string
}

// NewInfo returns what is told of a session that is not that of a request.
func NewInfo(s store.WebSession) Info {
	return Info{
		ID: idText(s.ID), Service: s.Service, Created: s.Created, LastUse: s.LastUse, Expires: s.Expires,
		Client: addrText(s.Client), UserAgent: s.UserAgent,
	}
}

// Attempt counts attempts to log in that were alike, on one day.
type Attempt struct {
	First, Last time.Time
	Count       int
	Result      store.LoginResult
	Protocol    string // "imap", "submission", or the name of pages.
	Mechanism   string // Of SASL; empty for a password that was sent with the protocol's own means.
	Client      string
	UserAgent   string
}

// NewAttempt returns what is told of attempts.
func NewAttempt(a store.LoginAttempt) Attempt {
	return Attempt{
		First: a.First, Last: a.Last, Count: a.Count, Result: a.Result,
		Protocol: a.Protocol, Mechanism: a.Mechanism, Client: addrText(a.Client), UserAgent: a.UserAgent,
	}
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// Handler returns the API of sessions, for a place below that of the pages, with its path taken off, such as
// /webmail/session/. In what follows . is that place.
//
//	POST .          logs in. The body is JSON, {"Username", "Password", "Remember"}, and the answer a State; or a form with
//	                username, password and remember, which leads to the pages or is shown again.
//	GET .           returns the State of the session.
//	DELETE .        logs out.
//	GET all         lists the sessions of the account, as Info.
//	DELETE all      ends all sessions but that of the request, and returns {"Ended": n}.
//	DELETE all/ID   ends a session.
//	GET attempts    lists attempts to log in to the account, as Attempt.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.logIn)
	mux.Handle("GET /{$}", s.answer(s.state))
	mux.Handle("DELETE /{$}", s.answer(s.logOut))
	mux.Handle("GET /all", s.answer(s.list))
	mux.Handle("DELETE /all", s.answer(s.endOthers))
	mux.Handle("DELETE /all/{id}", s.answer(s.end))
	mux.Handle("GET /attempts", s.answer(s.attempts))
	return mux
}

// answer returns a handler for requests with a session. F returns what is sent, or an error as for refusal.
func (s *Service) answer(f func(w http.ResponseWriter, r *http.Request, session *Session) (any, error)) http.Handler {
	return s.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := f(w, r, FromContext(r.Context()))
		if err != nil {
			writeError(w, s.refusal(r, err))
			return
		}
		writeJSON(w, http.StatusOK, v)
	}))
}

func (s *Service) state(_ http.ResponseWriter, _ *http.Request, session *Session) (any, error) {
	return session.State(), nil
}

func (s *Service) logOut(w http.ResponseWriter, r *http.Request, session *Session) (any, error) {
	err := s.opts.Sessions.Remove(r.Context(), session.Account, session.Actor(), session.ID)
	if err != nil && !errors.Is(err, store.ErrNoWebSession) {
		return nil, err
	}
	s.setCookie(w, r, "", -1)
	s.watches.look(session.credential.Account)
	s.opts.Log.Info("logout", "service", s.opts.Name, "account", session.Account, "session", idText(session.ID))
	return struct{}{}, nil
}

func (s *Service) list(_ http.ResponseWriter, r *http.Request, session *Session) (any, error) {
	sessions, err := s.opts.Sessions.List(r.Context(), session.Account)
	if err != nil {
		return nil, err
	}
	l := make([]Info, len(sessions))
	for i, o := range sessions {
		l[i] = NewInfo(o)
		l[i].Current = o.ID == session.ID
	}
	return l, nil
}

func (s *Service) endOthers(_ http.ResponseWriter, r *http.Request, session *Session) (any, error) {
	n, err := s.opts.Sessions.RemoveOthers(r.Context(), session.Account, session.Actor(), session.ID)
	if err != nil {
		return nil, err
	}
	s.watches.look(session.credential.Account)
	s.opts.Log.Info("other web sessions ended", "service", s.opts.Name, "account", session.Account, "sessions", n)
	return struct{ Ended int }{n}, nil
}

func (s *Service) end(_ http.ResponseWriter, r *http.Request, session *Session) (any, error) {
	id, ok := ParseID(r.PathValue("id"))
	if !ok {
		return nil, errNotFound
	}
	err := s.opts.Sessions.Remove(r.Context(), session.Account, session.Actor(), id)
	if errors.Is(err, store.ErrNoWebSession) {
		return nil, errNotFound
	} else if err != nil {
		return nil, err
	}
	s.watches.look(session.credential.Account)
	s.opts.Log.Info("web session ended", "service", s.opts.Name, "account", session.Account, "session", idText(id))
	return struct{}{}, nil
}

func (s *Service) attempts(_ http.ResponseWriter, r *http.Request, session *Session) (any, error) {
	attempts, err := s.opts.Sessions.Attempts(r.Context(), session.Account)
	if err != nil {
		return nil, err
	}
	l := make([]Attempt, len(attempts))
	for i, a := range attempts {
		l[i] = NewAttempt(a)
	}
	return l, nil
}

// idText returns the id of a session as clients see it: numbers of 63 bits are not safe in JSON.
func idText(id store.WebSessionID) string { return strconv.FormatInt(int64(id), 16) }

// ParseID parses the id of a session as in Info.
func ParseID(text string) (store.WebSessionID, bool) {
	id, err := strconv.ParseUint(text, 16, 63)
	return store.WebSessionID(id), err == nil && id != 0
}
