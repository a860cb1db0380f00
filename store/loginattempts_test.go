package store_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/store"
	"mox/store/storetest"
)

func attempt(result store.LoginResult, client string) store.LoginAttempt {
	return store.LoginAttempt{Result: result, Protocol: "imap", Mechanism: "PLAIN", Client: netip.MustParseAddr(client)}
}

// attempts tells about attempts in words.
func attempts(t *testing.T, a *store.Account) string {
	t.Helper()
	l, err := a.LoginAttempts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range l {
		fmt.Fprintf(&b, "%dx %s %s %s %s %v\n", e.Count, e.Result, e.Protocol, e.Mechanism, e.Client, e.Last.Sub(e.First))
	}
	return b.String()
}

func TestLoginAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := storetest.New(t, func(o *store.Options) { o.Dir = dir })
		a := storetest.Account(t, s, "a")
		if got := attempts(t, a); got != "" {
			t.Errorf("of a new account: %s", got)
		}
		s.NoteLogin("nobody", attempt(store.LoginCredentials, "192.0.2.1"))
		s.NoteLogin("a", attempt(store.LoginOK, "192.0.2.1"))
		time.Sleep(10 * time.Second)
		s.NoteLogin("a", attempt(store.LoginOK, "192.0.2.1"))
		// They are written after a while, without anybody asking, and alike ones are counted then too.
		time.Sleep(30 * time.Second)
		s.NoteLogin("a", attempt(store.LoginOK, "192.0.2.1"))
		time.Sleep(time.Second)
		s.NoteLogin("a", attempt(store.LoginCredentials, "192.0.2.1"))
		const want = "1x credentials imap PLAIN 192.0.2.1 0s\n3x ok imap PLAIN 192.0.2.1 40s\n"
		if got := attempts(t, a); got != want {
			t.Errorf("attempts\n%s", got)
		}
		// Those that wait are written when the store closes.
		time.Sleep(time.Second)
		s.NoteLogin("a", attempt(store.LoginLimited, "::1"))
		s.Close()
		s.NoteLogin("a", attempt(store.LoginLimited, "::1"))
		s = storetest.New(t, func(o *store.Options) { o.Dir = dir })
		a = storetest.Account(t, s, "a")
		if got := attempts(t, a); got != "1x limited imap PLAIN ::1 0s\n"+want {
			t.Errorf("after a restart\n%s", got)
		}
		// Another day is another entry, and after 60 days they are forgotten.
		time.Sleep(24 * time.Hour)
		s.NoteLogin("a", attempt(store.LoginOK, "192.0.2.1"))
		if got := attempts(t, a); !strings.HasPrefix(got, "1x ok imap PLAIN 192.0.2.1 0s\n") || strings.Count(got, "\n") != 4 {
			t.Errorf("on another day\n%s", got)
		}
		time.Sleep(59*24*time.Hour + time.Hour)
		if got := attempts(t, a); got != "1x ok imap PLAIN 192.0.2.1 0s\n" {
			t.Errorf("after 60 days\n%s", got)
		}
		time.Sleep(24 * time.Hour)
		if got := attempts(t, a); got != "" {
			t.Errorf("after 61 days\n%s", got)
		}
	})
}

// Who guesses from many addresses does not push out the logins of the owner.
func TestLoginAttemptsMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		a := storetest.Account(t, s, "a")
		s.NoteLogin("a", attempt(store.LoginOK, "192.0.2.1"))
		for i := range 700 {
			s.NoteLogin("a", attempt(store.LoginCredentials, fmt.Sprintf("198.51.%d.%d", i/200, i%200)))
			time.Sleep(time.Second)
		}
		got := attempts(t, a)
		if n := strings.Count(got, " credentials "); n != 250 || !strings.Contains(got, "198.51.3.99") || strings.Contains(got, "198.51.0.1 ") {
			t.Errorf("%d kept", n)
		}
		if !strings.Contains(got, "ok imap PLAIN 192.0.2.1") {
			t.Error("the login of the owner is forgotten")
		}
	})
}
