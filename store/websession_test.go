package store_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"mox/store"
	"mox/store/storetest"
)

// newSession returns a session with a token of one byte, for the account as it is now.
func newSession(t *testing.T, a *store.Account, token byte) store.NewWebSession {
	t.Helper()
	version, err := a.PasswordVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return store.NewWebSession{
		Hash: store.WebSessionHash{token}, Service: "webmail", Password: version,
		Expires: time.Now().Add(7 * 24 * time.Hour), Idle: 24 * time.Hour,
		Client: netip.MustParseAddr("2001:db8::1"), UserAgent: "Firefox 150 on Linux",
	}
}

func addSession(t *testing.T, a *store.Account, n store.NewWebSession) store.WebSession {
	t.Helper()
	s, err := a.AddWebSession(t.Context(), store.System, n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sessions(t *testing.T, a *store.Account) []store.WebSession {
	t.Helper()
	l, err := a.WebSessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWebSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		dir := t.TempDir()
		s := storetest.New(t, func(o *store.Options) { o.Dir = dir })
		a := storetest.Account(t, s, "a")
		first := addSession(t, a, newSession(t, a, 1))
		if l := sessions(t, a); len(l) != 1 || l[0] != first || first.UserAgent != "Firefox 150 on Linux" || first.Client.String() != "2001:db8::1" {
			t.Errorf("listed %+v, added %+v", l, first)
		}
		for _, tt := range []struct {
			name string
			id   store.WebSessionID
			hash store.WebSessionHash
		}{
			{"other token", first.ID, store.WebSessionHash{2}}, {"no token", first.ID, store.WebSessionHash{}},
			{"other session", first.ID + 1, store.WebSessionHash{1}}, {"none", 0, store.WebSessionHash{}},
		} {
			if _, err := a.UseWebSession(ctx, tt.id, tt.hash); !errors.Is(err, store.ErrNoWebSession) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		use := func(after time.Duration, lastUse time.Duration, want error) {
			t.Helper()
			time.Sleep(after)
			got, err := a.UseWebSession(ctx, first.ID, store.WebSessionHash{1})
			if !errors.Is(err, want) || err == nil && got.LastUse.Sub(first.Created) != lastUse {
				t.Errorf("used after %v, last use %v, %v", after, got.LastUse.Sub(first.Created), err)
			}
		}
		// It is not written each time.
		use(0, 0, nil)
		use(4*time.Minute, 0, nil)
		use(time.Minute, 5*time.Minute, nil)
		s.Close()
		s = storetest.New(t, func(o *store.Options) { o.Dir = dir })
		a = storetest.Account(t, s, "a")
		// Use prolongs it, but not beyond its end.
		at := 5 * time.Minute
		for range 6 {
			at += 23 * time.Hour
			use(23*time.Hour, at, nil)
		}
		use(23*time.Hour, at+23*time.Hour, nil)
		use(7*time.Hour, 0, store.ErrNoWebSession)
		if l := sessions(t, a); len(l) != 0 {
			t.Errorf("listed after its end: %+v", l)
		}
		// Unused, it ends earlier.
		second := addSession(t, a, newSession(t, a, 3))
		time.Sleep(24*time.Hour - time.Second)
		if l := sessions(t, a); len(l) != 1 {
			t.Errorf("listed before it was idle for too long: %+v", l)
		}
		time.Sleep(time.Second)
		if _, err := a.UseWebSession(ctx, second.ID, store.WebSessionHash{3}); !errors.Is(err, store.ErrNoWebSession) || len(sessions(t, a)) != 0 {
			t.Errorf("idle for too long: %v", err)
		}
	})
}

func TestRemoveWebSessions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t)
	a, b := storetest.Account(t, s, "a"), storetest.Account(t, s, "b")
	var l []store.WebSession
	for i := range 4 {
		l = append(l, addSession(t, a, newSession(t, a, byte(i))))
	}
	foreign := addSession(t, b, newSession(t, b, 9))
	if err := a.RemoveWebSession(ctx, store.System, foreign.ID); !errors.Is(err, store.ErrNoWebSession) {
		t.Errorf("session of another account: %v", err)
	}
	if err := a.RemoveWebSession(ctx, store.System, l[0].ID); err != nil {
		t.Error(err)
	}
	if err := a.RemoveWebSession(ctx, store.System, l[0].ID); !errors.Is(err, store.ErrNoWebSession) {
		t.Errorf("removed again: %v", err)
	}
	if n, err := a.RemoveWebSessions(ctx, store.System, l[2].ID); n != 2 || err != nil {
		t.Errorf("removed all others: %d, %v", n, err)
	}
	if got := sessions(t, a); len(got) != 1 || got[0].ID != l[2].ID {
		t.Errorf("left: %+v", got)
	}
	if n, err := a.RemoveWebSessions(ctx, store.System, 0); n != 1 || err != nil || len(sessions(t, a)) != 0 {
		t.Errorf("removed all: %d, %v", n, err)
	}
	if len(sessions(t, b)) != 1 {
		t.Error("another account lost its session")
	}
}

// With too many sessions the one longest unused ends.
func TestWebSessionsMax(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := storetest.Account(t, storetest.New(t), "a")
		first := addSession(t, a, newSession(t, a, 0))
		second := addSession(t, a, newSession(t, a, 1))
		time.Sleep(time.Hour)
		for i := range 48 {
			addSession(t, a, newSession(t, a, byte(2+i)))
		}
		if _, err := a.UseWebSession(t.Context(), first.ID, store.WebSessionHash{0}); err != nil {
			t.Fatal(err)
		}
		addSession(t, a, newSession(t, a, 50))
		if n := len(sessions(t, a)); n != 50 {
			t.Errorf("%d sessions", n)
		}
		if _, err := a.UseWebSession(t.Context(), first.ID, store.WebSessionHash{0}); err != nil {
			t.Errorf("used lately: %v", err)
		}
		if _, err := a.UseWebSession(t.Context(), second.ID, store.WebSessionHash{1}); !errors.Is(err, store.ErrNoWebSession) {
			t.Errorf("unused: %v", err)
		}
	})
}

// A new password ends all sessions, and logins that are under way with the old one.
func TestWebSessionsPassword(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	set := func(password string) {
		t.Helper()
		if err := a.SetPassword(ctx, store.System, password); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := a.PasswordVersion(ctx); v != 0 || err != nil {
		t.Errorf("version without a password: %d, %v", v, err)
	}
	before := newSession(t, a, 1)
	set("first password")
	if _, err := a.AddWebSession(ctx, store.System, before); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("session from before there was a password: %v", err)
	}
	// Once verified anew, once remembered.
	for range 2 {
		v, err := a.VerifyPassword(ctx, "first password")
		if now, nerr := a.PasswordVersion(ctx); err != nil || nerr != nil || v != now || v == 0 {
			t.Errorf("version %d, %v; the account has %d, %v", v, err, now, nerr)
		}
	}
	for _, wrong := range []string{"", "second password"} {
		if _, err := a.VerifyPassword(ctx, wrong); !errors.Is(err, store.ErrCredentials) {
			t.Errorf("password %q: %v", wrong, err)
		}
	}
	session := addSession(t, a, newSession(t, a, 2))
	pending := newSession(t, a, 3)
	set("second password")
	if _, err := a.UseWebSession(ctx, session.ID, store.WebSessionHash{2}); !errors.Is(err, store.ErrNoWebSession) || len(sessions(t, a)) != 0 {
		t.Errorf("session of the earlier password: %v", err)
	}
	if _, err := a.AddWebSession(ctx, store.System, pending); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("login with the earlier password goes on: %v", err)
	}
	// The same one again is a change, too.
	addSession(t, a, newSession(t, a, 4))
	set("second password")
	if n := len(sessions(t, a)); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// An account that comes from a backup has no sessions: they may have been ended since.
func TestWebSessionsRestored(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	addSession(t, a, newSession(t, a, 1))
	if _, err := s.MarkRestored(t.Context(), "a"); err != nil || len(sessions(t, a)) != 0 {
		t.Errorf("%v, %d sessions", err, len(sessions(t, a)))
	}
}

func TestOpenID(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s := storetest.New(t, func(o *store.Options) { o.Dir = dir })
	a := storetest.Account(t, s, "a")
	id := a.ID()
	named := func(want string) {
		t.Helper()
		b, err := s.OpenID(ctx, id)
		if want == "" {
			if !errors.Is(err, store.ErrNoAccount) {
				t.Errorf("opened, %v", err)
			}
			return
		}
		if err != nil || b.ID() != id || b.Name() != want {
			t.Fatalf("%v, %v", b, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	named("a")
	if _, err := s.OpenID(ctx, id+1); !errors.Is(err, store.ErrNoAccount) {
		t.Error(err)
	}
	if err := s.Rename(ctx, "a", "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	named("b")
	s.Close()
	s = storetest.New(t, func(o *store.Options) { o.Dir = dir })
	named("b")
	if err := s.Remove(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	named("")
}
