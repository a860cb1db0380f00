package websession_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"mox/internal/ratelimit"
	"mox/login"
	"mox/sasl"
	"mox/store"
	"mox/store/storetest"
	"mox/websession"
)

const secret = "correct horse"

// env is a store with accounts ann and bob, and pages for them.
type env struct {
	t        *testing.T
	store    *store.Store
	ann      *store.Account
	disabled error // Of ann.
	service  *websession.Service
	pages    http.Handler
}

func newEnv(t *testing.T, change ...func(*websession.Options)) *env {
	t.Helper()
	e := &env{t: t, store: storetest.New(t)}
	for _, name := range []string{"ann", "bob"} {
		a := storetest.Account(t, e.store, name)
		if err := a.SetPassword(t.Context(), store.System, secret); err != nil {
			t.Fatal(err)
		}
		if name == "ann" {
			e.ann = a
		}
	}
	logins, err := login.New(login.Options{
		Authenticate: func(ctx context.Context, username, password string) (string, error) {
			name, _, _ := strings.Cut(username, "@")
			if err := e.store.Authenticate(ctx, name, password); errors.Is(err, store.ErrCredentials) {
				return "", sasl.ErrCredentials
			} else if err != nil {
				return "", err
			}
			if name == "ann" && e.disabled != nil {
				return "", e.disabled
			}
			return name, nil
		},
		Failures: ratelimit.NewLogins(ratelimit.LoginOptions{Clients: ratelimit.NetworkOptions{Client: []ratelimit.Rate{{Period: time.Hour, Max: 5}}}}),
		Attempted: func(a login.Attempted) {
			result := store.LoginOK
			if a.Err != nil {
				result = store.LoginCredentials
			}
			name, _, _ := strings.Cut(a.Username, "@")
			e.store.NoteLogin(name, store.LoginAttempt{Result: result, Protocol: a.Protocol, Mechanism: a.Mechanism, Client: a.IP, UserAgent: a.UserAgent})
		},
		FailDelay: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	o := websession.Options{
		Name: "webmail", Title: "Webmail", Logins: logins, Sessions: websession.AccountSessions(e.store),
		Admit: func(account string) error {
			if account == "ann" {
				return e.disabled
			}
			return nil
		},
	}
	for _, f := range change {
		f(&o)
	}
	if e.service, err = websession.New(o); err != nil {
		t.Fatal(err)
	}
	e.pages = pages(e.service)
	return e
}

// pages returns pages at /webmail/: /webmail/mail tells who is logged in.
func pages(s *websession.Service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/webmail/session/", http.StripPrefix("/webmail/session", s.Handler()))
	mux.Handle("/webmail/mail", s.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := websession.FromContext(r.Context())
		io.WriteString(w, "mail of "+session.Account)
	})))
	mux.HandleFunc("/webmail/{$}", func(w http.ResponseWriter, r *http.Request) {
		s.WriteForm(w, websession.FormData{Action: "session/"})
	})
	return mux
}

// request is one to be made.
type request struct {
	method, path string
	header       http.Header
	body         string
	tls          bool
}

// do answers a request without a network, so that time can be that of a test.
func (e *env) do(q request) *http.Response {
	e.t.Helper()
	scheme := "http"
	if q.tls {
		scheme = "https"
	}
	r := httptest.NewRequest(q.method, scheme+"://mail.example.org/webmail/"+q.path, strings.NewReader(q.body)).WithContext(e.t.Context())
	for name, values := range q.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	e.pages.ServeHTTP(w, r)
	return w.Result()
}

// loggedIn is a browser with a session.
type loggedIn struct {
	e      *env
	cookie *http.Cookie
	state  websession.State
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

func logInBody(username, password string, remember bool) string {
	b, err := json.Marshal(map[string]any{"Username": username, "Password": password, "Remember": remember})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (e *env) logIn(username string, remember bool) *loggedIn {
	e.t.Helper()
	resp := e.do(request{"POST", "session/", jsonHeader(), logInBody(username, secret, remember), true})
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
		e.t.Fatalf("login: status %d, cookies %v", resp.StatusCode, resp.Cookies())
	}
	l := &loggedIn{e: e, cookie: resp.Cookies()[0]}
	decode(e.t, resp, &l.state)
	return l
}

// header returns that of a request of a page.
func (l *loggedIn) header() http.Header {
	return http.Header{"Cookie": {l.cookie.Name + "=" + l.cookie.Value}, "X-Mox-Csrf": {l.state.CSRF}, "Sec-Fetch-Site": {"same-origin"}}
}

func (l *loggedIn) do(method, path string) *http.Response {
	l.e.t.Helper()
	return l.e.do(request{method, path, l.header(), "", true})
}

// code returns the code of a refusal, or the status.
func code(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Error websession.Error `json:"error"`
	}
	if json.Unmarshal(b, &v) != nil || v.Error.Code == "" {
		return http.StatusText(resp.StatusCode)
	}
	if v.Error.Message == "" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("refusal without a message, or that may be cached: %s %v", b, resp.Header)
	}
	return http.StatusText(resp.StatusCode) + " " + string(v.Error.Code)
}

func (l *loggedIn) want(when, want string) {
	l.e.t.Helper()
	if got := code(l.e.t, l.do("GET", "mail")); got != want {
		l.e.t.Errorf("%s: %s, want %s", when, got, want)
	}
}

const (
	ok   = "OK"
	over = "Unauthorized user:sessionOver"
)

func decode(t *testing.T, resp *http.Response, v any) {
	t.Helper()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
}

// browser is a client with cookies, at a server over a network.
type browser struct {
	t    *testing.T
	base string
	c    *http.Client
}

func newBrowser(t *testing.T, server *httptest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := *server.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t, server.URL + "/webmail/", &c}
}

func (b *browser) do(method, path, csrf, kind, body string) *http.Response {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if csrf != "" {
		r.Header.Set("X-Mox-Csrf", csrf)
	}
	resp, err := b.c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp
}

func (b *browser) cookies() []*http.Cookie {
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.c.Jar.Cookies(u)
}

var errCredentials = sasl.ErrCredentials

func isExample(ip netip.Addr) bool { return ip == netip.MustParseAddr("192.0.2.1") }

func newLogins(t *testing.T, e *env) *login.Service {
	t.Helper()
	s, err := login.New(login.Options{Authenticate: func(ctx context.Context, username, password string) (string, error) {
		return username, e.store.Authenticate(ctx, username, password)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func websessionNew(o websession.Options) error {
	_, err := websession.New(o)
	return err
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
