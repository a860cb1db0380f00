package websession

import (
	"encoding/json"
	"net/http"
)

// Code says for programs why a request is refused.
type Code string

// The codes there are, with the status that they go with.
const (
	CodeNoSession   Code = "user:noSession"      // 401: there is no cookie.
	CodeSessionOver Code = "user:sessionOver"    // 401: the session has ended, or never was.
	CodeCredentials Code = "user:badCredentials" // 401: wrong user name or password, or too many failures before.
	CodeDisabled    Code = "user:loginDisabled"  // 403: the account may not be logged in to; the message says why.
	CodeCSRF        Code = "user:badCSRF"        // 403: X-Mox-Csrf is missing or that of another session.
	CodeCrossSite   Code = "user:crossSite"      // 403: another site made the browser send the request.
	CodeNotFound    Code = "user:notFound"       // 404: there is no such session to end.
	CodeBadRequest  Code = "user:badRequest"     // 400, 405, 413, 415.
	CodeTemporary   Code = "server:temporary"    // 503: the same may work later.
)

// Error is a refusal, as clients get it.
type Error struct {
	Status  int    `json:"-"`
	Code    Code   `json:"code"`
	Message string `json:"message"` // For people.
}

// Error returns the message.
func (e Error) Error() string { return e.Message }

// Refusals whose message is always the same.
var (
	errNoSession   = Error{http.StatusUnauthorized, CodeNoSession, "Please log in."}
	errSessionOver = Error{http.StatusUnauthorized, CodeSessionOver, "Your session is over. Please log in again."}
	errCredentials = Error{http.StatusUnauthorized, CodeCredentials, "The user name or the password is wrong, or there were too many attempts. Please try again, or later."}
	errCSRF        = Error{http.StatusForbidden, CodeCSRF, "The request does not belong to this session. Please load the page again."}
	errCrossSite   = Error{http.StatusForbidden, CodeCrossSite, "The request comes from another site."}
	errNotFound    = Error{http.StatusNotFound, CodeNotFound, "There is no such session."}
	errTemporary   = Error{http.StatusServiceUnavailable, CodeTemporary, "That does not work at the moment. Please try again later."}
)

func badRequest(status int, message string) Error { return Error{status, CodeBadRequest, message} }

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // An error is of the connection.
}

// writeError answers with a refusal.
func writeError(w http.ResponseWriter, e Error) {
	if e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10")
	}
	writeJSON(w, e.Status, struct {
		Error Error `json:"error"`
	}{e})
}
