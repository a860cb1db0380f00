package websession

import (
	"net/http"
	"time"
)

// cookieName returns the name of the cookie for a request. Browsers take the prefix with TLS only.
func (s *Service) cookieName(r *http.Request) string {
	if secure(r) {
		return "__Host-mox-" + s.opts.Name
	}
	return "mox-" + s.opts.Name
}

// credential returns what the cookie of a request says. Errors are of type Error.
func (s *Service) credential(r *http.Request) (credential, error) {
	l := r.CookiesNamed(s.cookieName(r))
	switch len(l) {
	case 0:
		return credential{}, errNoSession
	case 1:
		if c, ok := parseCookie(l[0].Value); ok {
			return c, nil
		}
	}
	return credential{}, errSessionOver
}

// setCookie has the browser keep a cookie, for ever while age is zero and the browser runs; a negative one has it forget.
func (s *Service) setCookie(w http.ResponseWriter, r *http.Request, value string, age time.Duration) {
	c := &http.Cookie{
		Name: s.cookieName(r), Value: value, Path: "/",
		Secure: secure(r), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	switch {
	case age < 0:
		c.MaxAge = -1
	case age > 0:
		c.MaxAge = int(age / time.Second)
	}
	http.SetCookie(w, c)
}
