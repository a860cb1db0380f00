package websession

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"mox/login"
	"mox/store"
)

// csrfField is the header field of requests that change something.
const csrfField = "X-Mox-Csrf"

// Require lets requests through to next that have a session. They find it with FromContext. Others are refused, as
// are those that other sites have caused, and those that change something without X-Mox-Csrf.
func (s *Service) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := s.session(r)
		if err == nil {
			err = s.admit(session.Account)
		}
		if err != nil {
			s.refuse(w, s.refusal(r, err))
			return
		}
		ctx, stop := s.watch(r.Context(), session)
		defer stop()
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, sessionKey{}, session)))
	})
}

// Page is Require for the page itself, that people come to by links and bookmarks: without a session there is the form
// for logging in, which is sent to action, see FormData.
func (s *Service) Page(action string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := s.session(r)
		if err == nil {
			err = s.admit(session.Account)
		}
		if err != nil {
			switch refused := s.refusal(r, err); {
			case refused.Code == CodeNoSession && r.Header.Get("Sec-Fetch-Site") == "cross-site":
				// The cookie is not sent when a link of another site is followed, but is when this page leads to itself.
				s.writeAgain(w)
			case refused.Code == CodeNoSession:
				s.writeForm(w, http.StatusOK, FormData{Action: action})
			case refused.Code == CodeSessionOver:
				s.writeForm(w, http.StatusOK, FormData{Action: action, Message: "You were logged out. Log in to go on."})
			case refused.Code == CodeDisabled:
				s.writeForm(w, refused.Status, FormData{Action: action, Message: refused.Message})
			default:
				s.refuse(w, refused)
			}
			return
		}
		ctx, stop := s.watch(r.Context(), session)
		defer stop()
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, sessionKey{}, session)))
	})
}

// session returns the session of a request that may be answered. Errors are of type Error, or temporary.
func (s *Service) session(r *http.Request) (*Session, error) {
	if crossSite(r) {
		return nil, errCrossSite
	}
	c, err := s.credential(r)
	if err != nil {
		return nil, err
	}
	session, err := s.use(r.Context(), c)
	if err != nil {
		return nil, err
	}
	if !safe(r) && !c.hasCSRF(r.Header.Get(csrfField)) {
		return nil, errCSRF
	}
	return session, nil
}

// use returns the session of a cookie.
func (s *Service) use(ctx context.Context, c credential) (*Session, error) {
	account, session, err := s.opts.Sessions.Use(ctx, c.Ref)
	if errors.Is(err, store.ErrNoWebSession) || err == nil && session.Service != s.opts.Name {
		return nil, errSessionOver
	} else if err != nil {
		return nil, err
	}
	return &Session{WebSession: session, Account: account, credential: c}, nil
}

// admit returns an error for an account that may not be used now.
func (s *Service) admit(account string) error {
	err := s.opts.Admit(account)
	if disabled, ok := errors.AsType[*login.DisabledError](err); ok {
		return Error{http.StatusForbidden, CodeDisabled, disabled.Error()}
	} else if err != nil {
		return errSessionOver
	}
	return nil
}

// refusal returns what a client is told of an error.
func (s *Service) refusal(r *http.Request, err error) Error {
	if e, ok := errors.AsType[Error](err); ok {
		return e
	}
	if r.Context().Err() == nil {
		s.opts.Log.Error("web session", "service", s.opts.Name, "remote", clientOf(r), "err", err)
	}
	return errTemporary
}

// safe tells whether a request changes nothing (RFC 9110 §9.2.1).
func safe(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// crossSite tells whether a page of another origin has made the browser send a request. Links to pages may be followed from
// anywhere. A request that says nothing of where it comes from is not from a browser of these years.
func crossSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		origin := r.Header.Get("Origin")
		return origin != "" && !sameOrigin(r, origin)
	}
	navigation := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return !safe(r) || !navigation
}

// sameOrigin tells whether a page of an origin (RFC 6454 §7) is one of ours.
func sameOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || secure(r) && u.Scheme != "https" {
		return false
	}
	// The latter is from a proxy that is trusted, or the browser would have asked before it let a page set it.
	return strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, r.Header.Get("X-Forwarded-Host"))
}

// secure tells whether the client uses TLS, also with a proxy that is trusted.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
