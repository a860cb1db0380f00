package websession_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"mox/login"
	"mox/store"
	"mox/websession"
)

// The administrator has a password in a file, and sessions end with it.
func TestMemory(t *testing.T) {
	t.Parallel()
	var file []byte
	var fault error
	set := func(password string) {
		t.Helper()
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		file = append(hash, '\n')
	}
	set(secret)
	m := websession.NewMemory("admin", func() ([]byte, error) { return file, fault })
	logins, err := login.New(login.Options{Authenticate: m.Authenticate, FailDelay: -1, Attempted: func(a login.Attempted) {
		m.NoteLogin(store.LoginAttempt{Result: store.LoginOK, Protocol: a.Protocol, Client: a.IP})
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := websession.New(websession.Options{Name: "admin", Title: "Admin", User: "admin", Logins: logins, Sessions: m})
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, service: s, pages: pages(s)}
	if page := text(t, e.do(request{"GET", "", nil, "", true})); strings.Contains(page, "username") || !strings.Contains(page, "<h1>Admin</h1>") {
		t.Errorf("form %s", page)
	}
	for _, password := range []string{"", "wrong", secret + "x", secret + strings.Repeat("x", 100)} {
		if got := code(t, e.do(request{"POST", "session/", jsonHeader(), logInBody("", password, false), true})); got != "Unauthorized user:badCredentials" {
			t.Errorf("password %q: %s", password, got)
		}
	}
	l := e.logIn("whoever", false)
	if l.state.Account != "admin" || l.cookie.Name != "__Host-mox-admin" {
		t.Errorf("logged in as %+v", l.state)
	}
	l.want("logged in", ok)
	second := e.logIn("", true)
	var infos []websession.Info
	var attempts []websession.Attempt
	decode(t, l.do("GET", "session/all"), &infos)
	decode(t, l.do("GET", "session/attempts"), &attempts)
	if len(infos) != 2 || len(attempts) != 5 || attempts[0].Client != "192.0.2.1" {
		t.Errorf("sessions %+v, attempts %+v", infos, attempts)
	}
	if got := code(t, l.do("DELETE", "session/all/"+second.state.Session)); got != ok {
		t.Error(got)
	}
	second.want("ended", over)
	third := e.logIn("", false)
	if got := code(t, third.do("DELETE", "session/all")); got != ok {
		t.Error(got)
	}
	l.want("ended with all others", over)
	third.want("the one that ended others", ok)

	fault = errors.New("disk")
	third.want("while the file cannot be read", "Service Unavailable server:temporary")
	fault = nil
	third.want("when it can be read again", ok)
	version, err := m.PasswordVersion(t.Context(), "admin")
	if err != nil {
		t.Fatal(err)
	}
	set("another password")
	third.want("with another password", over)
	n := store.NewWebSession{Password: version, Expires: time.Now().Add(time.Hour)}
	if _, _, err := m.Add(t.Context(), "admin", n); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("login with the earlier password goes on: %v", err)
	}

	// Too many make room.
	set(secret)
	first := e.logIn("", false)
	for range 50 {
		e.logIn("", false)
	}
	first.want("the oldest of too many", over)
	if resp := e.logIn("", false).do("GET", "session/all"); resp.StatusCode != http.StatusOK {
		t.Error(resp.StatusCode)
	} else if decode(t, resp, &infos); len(infos) != 50 {
		t.Errorf("%d sessions", len(infos))
	}
}
