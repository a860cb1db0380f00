package store

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// newPasswordStore makes a store with an account "mjl" without password, in which hashing is cheap.
func newPasswordStore(t *testing.T) (*Store, *Account) {
	t.Helper()
	ctx := context.Background()
	s, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing store: %v", err)
		}
	})
	s.passwords.setParams(cheapArgon2id)
	s.passwords.rounds = 10
	if err := s.Create(ctx, "mjl"); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(ctx, "mjl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return s, a
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, a := newPasswordStore(t)

	// check authenticates and returns how many hashes that took.
	check := func(name, password string, want error) int64 {
		t.Helper()
		before := s.passwords.hashes.Load()
		if err := s.Authenticate(ctx, name, password); !errors.Is(err, want) {
			t.Errorf("%s with %.20q: got %v, want %v", name, password, err, want)
		}
		return s.passwords.hashes.Load() - before
	}
	cost := func(what string, got, want int64) {
		t.Helper()
		if got != want {
			t.Errorf("%s: computed %d hashes, want %d", what, got, want)
		}
	}

	cost("account without password", check("mjl", "secret", ErrCredentials), 1)
	cost("account without password, empty one", check("mjl", "", ErrCredentials), 1)
	if err := a.SetPassword(ctx, System, "secret"); err != nil {
		t.Fatal(err)
	}
	cost("wrong password", check("mjl", "Secret", ErrCredentials), 1)
	cost("wrong password again", check("mjl", "Secret", ErrCredentials), 1)
	cost("unknown account", check("nobody", "secret", ErrCredentials), 1)
	cost("name in another case", check("MJL", "secret", ErrCredentials), 1)
	cost("empty name", check("", "secret", ErrCredentials), 1)
	cost("empty password", check("mjl", "", ErrCredentials), 1)
	cost("long password", check("mjl", strings.Repeat("x", 1<<20), ErrCredentials), 1)
	cost("unknown account, long password", check("nobody", strings.Repeat("x", 1<<20), ErrCredentials), 1)
	cost("right password", check("mjl", "secret", nil), 1)
	cost("right password again", check("mjl", "secret", nil), 0)
	cost("wrong password after right one", check("mjl", "Secret", ErrCredentials), 1)

	// A change ends the old password at once, remembered or not.
	if err := a.SetPassword(ctx, System, "n\u00e9w one"); err != nil {
		t.Fatal(err)
	}
	cost("old password", check("mjl", "secret", ErrCredentials), 1)
	cost("new password, decomposed", check("mjl", "ne\u0301w one", nil), 1)
	cost("new password, composed", check("mjl", "n\u00e9w one", nil), 0)

	for _, password := range []string{"", strings.Repeat("x", 4097)} {
		if err := a.SetPassword(ctx, System, password); !errors.Is(err, ErrBadPassword) {
			t.Errorf("setting password of %d bytes: %v, want ErrBadPassword", len(password), err)
		}
	}
	cost("password after refused changes", check("mjl", "n\u00e9w one", nil), 0)
}

func TestAuthenticateAfterRenameAndRemove(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, a := newPasswordStore(t)
	if err := a.SetPassword(ctx, System, "secret"); err != nil {
		t.Fatal(err)
	}
	if err := s.Authenticate(ctx, "mjl", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := s.Rename(ctx, "mjl", "other"); err != nil {
		t.Fatal(err)
	}
	if err := s.Authenticate(ctx, "mjl", "secret"); !errors.Is(err, ErrCredentials) {
		t.Errorf("old name: %v", err)
	}
	if err := s.Authenticate(ctx, "other", "secret"); err != nil {
		t.Errorf("new name: %v", err)
	}
	// Another account that takes the name does not take the remembered password.
	if err := s.Create(ctx, "mjl"); err != nil {
		t.Fatal(err)
	}
	if err := s.Authenticate(ctx, "mjl", "secret"); !errors.Is(err, ErrCredentials) {
		t.Errorf("name of another account: %v", err)
	}
}

func TestAuthenticateReplacesOutdatedVerifiers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, a := newPasswordStore(t)
	if err := a.SetPassword(ctx, System, "secret"); err != nil {
		t.Fatal(err)
	}
	stored := func() credentialsRow {
		t.Helper()
		row := credentialsRow{ID: 1}
		if err := a.acc.db.Get(ctx, &row); err != nil {
			t.Fatal(err)
		}
		return row
	}
	before := stored()
	s.passwords.setParams(argon2idParams{Memory: 128, Time: 2, Threads: 1})
	s.passwords.rounds = 20
	if err := s.Authenticate(ctx, "mjl", "wrong"); !errors.Is(err, ErrCredentials) {
		t.Fatal(err)
	}
	if row := stored(); row != before {
		t.Errorf("wrong password replaced verifiers: %+v", row)
	}
	if err := s.Authenticate(ctx, "mjl", "secret"); err != nil {
		t.Fatal(err)
	}
	after := stored()
	if !strings.Contains(after.Argon2id, "$m=128,t=2,") || !strings.Contains(after.SCRAMSHA256, "$20:") || after.Changed != before.Changed {
		t.Errorf("verifiers after login: %+v", after)
	}
	s.passwords.cache.forget(a.ID())
	if err := s.Authenticate(ctx, "mjl", "secret"); err != nil {
		t.Errorf("with new verifiers: %v", err)
	}
	if row := stored(); row != after {
		t.Errorf("verifiers that were not outdated were replaced")
	}

	// A password set while the old one is checked stays.
	if err := a.acc.replaceVerifiers(ctx, before, before); err != nil {
		t.Fatal(err)
	}
	if row := stored(); row != after {
		t.Errorf("outdated verifiers overwrote newer ones")
	}
}

func TestAuthenticateBusy(t *testing.T) {
	t.Parallel()
	s, a := newPasswordStore(t)
	s.passwords.pool = newHashPool(1, 0)
	s.passwords.pool.slots <- struct{}{}
	for _, name := range []string{"mjl", "nobody"} {
		if err := s.Authenticate(context.Background(), name, "secret"); !errors.Is(err, ErrBusy) {
			t.Errorf("%s: got %v, want ErrBusy", name, err)
		}
	}
	if err := a.SetPassword(context.Background(), System, "secret"); !errors.Is(err, ErrBusy) {
		t.Errorf("setting password: got %v, want ErrBusy", err)
	}
	s.passwords.pool = newHashPool(1, 1)
	s.passwords.pool.slots <- struct{}{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Authenticate(ctx, "nobody", "secret"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
