package websession

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"time"

	"mox/login"
	"mox/sasl"
	"mox/store"
)

// maxRequest is the most bytes of a request to log in.
const maxRequest = 16 << 10

// loginTimeout bounds the checking of a password.
const loginTimeout = 30 * time.Second

// credentials are what a client logs in with.
type credentials struct {
	Username string
	Password string
	Remember bool // Also when the browser was closed.
}

// errForm comes with credentials that are from a form.
var errForm = errors.New("request is a form")

// logIn answers a request to log in, with JSON or from a form.
func (s *Service) logIn(w http.ResponseWriter, r *http.Request) {
	in, err := s.readCredentials(w, r)
	form := errors.Is(err, errForm)
	if form {
		err = nil
	}
	var session *Session
	if err == nil {
		session, err = s.authenticate(w, r, in)
	}
	result := "ok"
	var refusal Error
	if err != nil {
		refusal = s.refusal(r, err)
		result = string(refusal.Code)
	}
	s.opts.Metrics.logins.WithLabelValues(s.opts.Name, result).Inc()
	switch {
	case err != nil && form:
		s.writeForm(w, refusal.Status, FormData{Username: in.Username, Remember: in.Remember, Message: refusal.Message})
	case err != nil:
		writeError(w, refusal)
	case form:
		// The place of the pages, wherever a proxy has put them.
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", "../")
		w.WriteHeader(http.StatusSeeOther)
	default:
		writeJSON(w, http.StatusOK, session.State())
	}
}

// readCredentials reads what a client logs in with. It returns errForm for a form that is as it should be. Other errors are of type
// Error.
func (s *Service) readCredentials(w http.ResponseWriter, r *http.Request) (in credentials, _ error) {
	if crossSite(r) {
		return in, errCrossSite
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		// A page of another site cannot send this without asking.
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			return in, malformed(err)
		}
		return in, nil
	case "application/x-www-form-urlencoded":
		if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
			return in, errCrossSite // It may, then. Browsers have told one of them for long.
		}
		if err := r.ParseForm(); err != nil {
			return in, malformed(err)
		}
		in = credentials{r.PostForm.Get("username"), r.PostForm.Get("password"), r.PostForm.Get("remember") != ""}
		return in, errForm
	}
	return in, badRequest(http.StatusUnsupportedMediaType, "Log in with JSON or a form.")
}

// malformed returns what a client is told whose request cannot be read.
func malformed(err error) Error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return badRequest(http.StatusRequestEntityTooLarge, "The request is too large.")
	}
	return badRequest(http.StatusBadRequest, "The request is malformed.")
}

// authenticate checks credentials and begins a session. Errors are of type Error, or temporary.
func (s *Service) authenticate(w http.ResponseWriter, r *http.Request, in credentials) (*Session, error) {
	if s.opts.User != "" {
		in.Username = s.opts.User
	}
	if in.Username == "" || in.Password == "" {
		return nil, errCredentials
	}
	client := clientOf(r)
	log := s.opts.Log.With("service", s.opts.Name, "username", in.Username, "remote", client)
	account, wait, err := s.checkPassword(r, in, client)
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		}
	}
	if err != nil {
		log.Info("login refused", "err", err)
		disabled, isDisabled := errors.AsType[*login.DisabledError](err)
		switch {
		case errors.Is(err, sasl.ErrCredentials):
			return nil, errCredentials
		case isDisabled:
			return nil, Error{http.StatusForbidden, CodeDisabled, disabled.Error()}
		}
		return nil, err
	}
	// Which of the account's passwords it was decides in the end, should it change at this moment.
	version, err := s.opts.Sessions.VerifyPassword(r.Context(), account, in.Password)
	var session *Session
	if err == nil {
		session, err = s.begin(w, r, account, version, in.Remember)
	}
	if errors.Is(err, store.ErrCredentials) {
		log.Info("login refused, the password was changed meanwhile", "account", account)
		return nil, errCredentials
	} else if err != nil {
		return nil, err
	}
	log.Info("login", "account", account, "session", idText(session.ID))
	return session, nil
}

// checkPassword returns the account that a password logs in to, and how long an answer should wait.
func (s *Service) checkPassword(r *http.Request, in credentials, client netip.Addr) (account string, wait time.Duration, _ error) {
	conn := s.opts.Logins.NewConn(login.ConnOptions{
		IP: client, Protocol: s.opts.Name, UserAgent: describeAgent(r.UserAgent()), Unlimited: s.opts.Unlimited(client),
	})
	defer conn.Close()
	ctx, cancel := context.WithTimeout(r.Context(), loginTimeout)
	defer cancel()
	a := conn.Attempt(r.TLS)
	wait, err := a.End(a.Password(ctx, in.Username, in.Password))
	return a.Account(), wait, err
}

// Begin begins a session of an account that the client has proved to own by other means than logIn, or anew after it has
// changed the password, and sets the cookie. It ends the session that the request has. Nothing of the response may have been
// written before. Errors are temporary.
func (s *Service) Begin(w http.ResponseWriter, r *http.Request, account string, remember bool) (*Session, error) {
	version, err := s.opts.Sessions.PasswordVersion(r.Context(), account)
	if err != nil {
		return nil, err
	}
	return s.begin(w, r, account, version, remember)
}

func (s *Service) begin(w http.ResponseWriter, r *http.Request, account string, version store.PasswordVersion, remember bool) (*Session, error) {
	ctx := r.Context()
	lifetime, idle, age := s.opts.Lifetime, s.opts.Idle, time.Duration(0)
	if remember {
		lifetime, idle, age = s.opts.Remembered, 0, s.opts.Remembered
	}
	c := credential{token: newToken()}
	c.Hash = hashOf(c.token)
	id, session, err := s.opts.Sessions.Add(ctx, account, store.NewWebSession{
		Hash: c.Hash, Service: s.opts.Name, Password: version,
		Expires: time.Now().Add(lifetime), Idle: idle,
		Client: clientOf(r), UserAgent: describeAgent(r.UserAgent()),
	})
	if err != nil {
		return nil, err
	}
	c.Account, c.ID = id, session.ID
	s.endEarlier(r)
	s.setCookie(w, r, c.cookieValue(), age)
	return &Session{WebSession: session, Account: account, credential: c}, nil
}

// endEarlier ends the session of a request, which the browser is to forget.
func (s *Service) endEarlier(r *http.Request) {
	c, err := s.credential(r)
	if err != nil {
		return
	}
	old, err := s.use(r.Context(), c)
	if err != nil {
		return // Mostly because it is over.
	}
	if err := s.opts.Sessions.Remove(r.Context(), old.Account, old.Actor(), old.ID); err != nil && !errors.Is(err, store.ErrNoWebSession) {
		s.opts.Log.Error("ending an earlier web session", "service", s.opts.Name, "account", old.Account, "err", err)
	}
}

// clientOf returns the address of a client, the zero Addr if it has none.
func clientOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
