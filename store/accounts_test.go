package store_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/store"
	"mox/store/storetest"
)

func names(t *testing.T, s *store.Store) []string {
	t.Helper()
	l, err := s.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var r []string
	for _, a := range l {
		r = append(r, a.Name)
	}
	return r
}

func wantErr(t testing.TB, got, want error, what string) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	s := storetest.New(t, func(o *store.Options) { o.Dir = dir })

	_, err := store.New(store.Options{Dir: dir})
	wantErr(t, err, store.ErrLocked, "opening a store twice")

	b := storetest.Account(t, s, "b")
	storetest.Account(t, s, "a")
	if l := names(t, s); !slices.Equal(l, []string{"a", "b"}) {
		t.Errorf("accounts %v", l)
	}
	wantErr(t, s.Create(ctx, "a"), store.ErrAccountExists, "making an account twice")
	if err := s.Create(ctx, ""); err == nil {
		t.Error("made an account without name")
	}
	_, err = s.Open(ctx, "c")
	wantErr(t, err, store.ErrNoAccount, "opening an account that does not exist")
	_, err = s.Open(ctx, "A")
	wantErr(t, err, store.ErrNoAccount, "opening an account by a name in another case")

	// Renaming an open account.
	wantErr(t, s.Rename(ctx, "x", "y"), store.ErrNoAccount, "renaming an account that does not exist")
	wantErr(t, s.Rename(ctx, "b", "a"), store.ErrAccountExists, "renaming to a name that is taken")
	id := b.ID()
	if err := s.Rename(ctx, "b", "c"); err != nil {
		t.Fatal(err)
	}
	if b.Name() != "c" || b.ID() != id {
		t.Errorf("after renaming the account is %s with id %d, was %d", b.Name(), b.ID(), id)
	}
	_, err = s.Open(ctx, "b")
	wantErr(t, err, store.ErrNoAccount, "opening by the old name")
	c := storetest.Account(t, s, "c")
	if c.ID() != id {
		t.Error("the new name leads to another account")
	}

	wantErr(t, s.Remove(ctx, "c"), store.ErrAccountInUse, "removing an account in use")
	b.Close()
	c.Close()
	if err := s.Remove(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.Remove(ctx, "c"), store.ErrNoAccount, "removing an account twice")
	if l := names(t, s); !slices.Equal(l, []string{"a"}) {
		t.Errorf("accounts %v", l)
	}
	wantErr(t, c.Close(), store.ErrClosed, "closing a handle twice")
	_, err = c.Mailboxes(ctx, store.System)
	wantErr(t, err, store.ErrClosed, "using a closed handle")

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.Close(), store.ErrClosed, "closing the store twice")
	_, err = s.Open(ctx, "a")
	wantErr(t, err, store.ErrClosed, "opening an account of a closed store")
	wantErr(t, s.Create(ctx, "d"), store.ErrClosed, "making an account in a closed store")

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 { // Account a, the lock, and the secret for fake verifiers.
		t.Errorf("directory has %v", entries)
	}
}

// What is found at start: accounts under their names, leftovers that go, and damage that keeps only one
// account away.
func TestAccountsAtStart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	open := func() *store.Store { return storetest.New(t, func(o *store.Options) { o.Dir = dir }) }
	s := open()
	for _, name := range []string{"one", "two", "three"} {
		storetest.Account(t, s, name)
	}
	if err := s.Rename(ctx, "three", "drei"); err != nil {
		t.Fatal(err)
	}
	ids := map[string]store.AccountID{}
	dirs := map[string]string{}
	l, err := s.Accounts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range l {
		ids[a.Name] = a.ID
	}
	s.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if b, err := os.ReadFile(filepath.Join(dir, e.Name(), "account.json")); err == nil {
			for name := range ids {
				if strings.Contains(string(b), `"`+name+`"`) {
					dirs[name] = filepath.Join(dir, e.Name())
				}
			}
		}
	}

	for _, leftover := range []string{"new-0000000000000001", "removed-0000000000000002"} {
		if err := os.MkdirAll(filepath.Join(dir, leftover, "blobs"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, leftover, "blobs", "x"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dirs["two"], "account.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open()
	if l := names(t, s); !slices.Equal(l, []string{"drei", "one"}) {
		t.Errorf("accounts %v", l)
	}
	if a := storetest.Account(t, s, "drei"); a.ID() != ids["drei"] {
		t.Error("account has another id after a restart")
	}
	s.Close()
	if l, err := filepath.Glob(filepath.Join(dir, "*-*")); err != nil || len(l) > 0 {
		t.Errorf("leftovers %v, %v", l, err)
	}

	if err := os.WriteFile(filepath.Join(dirs["two"], "account.json"), []byte(`{"version":99,"id":"0","name":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = store.New(store.Options{Dir: dir})
	wantErr(t, err, store.ErrNewerVersion, "opening a directory of a newer version")
}

func TestMissingDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.New(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "index.db"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "mox recover") {
		t.Errorf("error %v does not tell the cure", err)
	}
	if _, err := os.Stat(files[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty database was put in the place of the lost one: %v", err)
	}
}

func openAccounts(t *testing.T, reg prometheus.Gatherer) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "mox_store_open_accounts" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("no metric of open accounts")
	return 0
}

// expectOpen returns what fails the test, which is in a bubble, if another number of accounts is open.
func expectOpen(t *testing.T, reg *prometheus.Registry) func(n float64, when string) {
	return func(n float64, when string) {
		t.Helper()
		synctest.Wait()
		if got := openAccounts(t, reg); got != n {
			t.Errorf("%s: %v accounts are open, want %v", when, got, n)
		}
	}
}

func TestVisitLeavesAccountsAsTheyWere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		reg := prometheus.NewRegistry()
		s := storetest.New(t, func(o *store.Options) {
			o.Registerer = reg
			o.IdleClose = time.Minute
		})
		expect := expectOpen(t, reg)
		storetest.Account(t, s, "a").Close()
		time.Sleep(time.Hour)
		var kept *store.Account
		visit := func(want error) {
			t.Helper()
			err := s.Visit(ctx, "a", func(a *store.Account) error {
				expect(1, "during a visit")
				kept = a
				_, err := a.Usage(ctx)
				return errors.Join(err, want)
			})
			if !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
		}
		visit(nil)
		expect(0, "after the visit of a closed account")
		if _, err := kept.Usage(ctx); err == nil {
			t.Error("the handle of a visit is of use after it")
		}
		visit(io.ErrUnexpectedEOF)
		expect(0, "after a visit that failed")

		a, err := s.Open(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		visit(nil)
		expect(1, "after the visit of one in use")
		a.Close()
		visit(nil)
		expect(1, "after the visit of one that is kept open")
		time.Sleep(time.Minute + time.Second)
		expect(0, "a minute later")

		err = s.Visit(ctx, "a", func(*store.Account) error {
			a, err = s.Open(ctx, "a")
			return err
		})
		expect(1, "somebody came during the visit")
		if err := errors.Join(err, a.Close()); err != nil {
			t.Error(err)
		}
		if err := s.Visit(ctx, "absent", func(*store.Account) error { return nil }); !errors.Is(err, store.ErrNoAccount) {
			t.Errorf("no such account: %v", err)
		}
	})
}

func TestIdleAccountsClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		reg := prometheus.NewRegistry()
		s := storetest.New(t, func(o *store.Options) {
			o.Registerer = reg
			o.IdleClose = time.Minute
			o.MaxOpen = 2
		})
		expect := expectOpen(t, reg)
		a := storetest.Account(t, s, "a")
		b := storetest.Account(t, s, "b")
		c := storetest.Account(t, s, "c")
		expect(3, "all in use")
		time.Sleep(time.Hour)
		expect(3, "all in use for an hour")
		a.Close()
		expect(2, "one unused, over the limit")
		b.Close()
		time.Sleep(time.Minute - time.Second)
		expect(2, "one unused for less than a minute")
		again, err := s.Open(ctx, "b")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		expect(2, "used again")
		again.Close()
		c.Close()
		time.Sleep(time.Minute + time.Second)
		expect(0, "all unused for more than a minute")

		// The account longest unused goes first.
		for _, name := range []string{"a", "b"} {
			h, err := s.Open(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			h.Close()
			time.Sleep(time.Second)
		}
		h, err := s.Open(ctx, "c")
		if err != nil {
			t.Fatal(err)
		}
		expect(2, "a third one opened")
		h.Close()
	})
}

// Many open and close an account at once, while another renames it.
func TestOpenConcurrently(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t, func(o *store.Options) { o.IdleClose = time.Microsecond })
	if err := s.Create(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 20 {
			for _, to := range [][2]string{{"a", "b"}, {"b", "a"}} {
				if err := s.Rename(ctx, to[0], to[1]); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 8 {
		wg.Go(func() {
			for range 20 {
				a, err := s.Open(ctx, "a")
				if errors.Is(err, store.ErrNoAccount) {
					a, err = s.Open(ctx, "b")
				}
				if errors.Is(err, store.ErrNoAccount) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := a.Deliver(ctx, store.System, storetest.Delivery("", "Subject: hi\n\nhello\n")); err != nil {
					t.Error(err)
				}
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCloseEndsCalls(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.New(t)
	a := storetest.Account(t, s, "a")
	if _, err := a.Deliver(ctx, store.System, storetest.Delivery("", "Subject: hi\n\nhello\n")); err != nil {
		t.Fatal(err)
	}
	sel, err := a.Select(ctx, store.System, 1)
	if err != nil {
		t.Fatal(err)
	}
	email := sel.View().At(1).Email
	c, err := a.Open(ctx, store.System, email)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Verify(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = a.Deliver(ctx, store.System, storetest.Delivery("", "Subject: hi\n\nhello\n"))
	wantErr(t, err, store.ErrClosed, "delivering")
	_, err = a.Deliver(ctx, store.System, storetest.Delivery("", "\n"+strings.Repeat("x", 1<<20)))
	wantErr(t, err, store.ErrClosed, "delivering a large message")
	_, err = a.Open(ctx, store.System, email)
	wantErr(t, err, store.ErrClosed, "opening a message")
	_, _, err = a.ChangesSince(ctx, 0, 1)
	wantErr(t, err, store.ErrClosed, "reading changes")
	_, err = a.Select(ctx, store.System, 1)
	wantErr(t, err, store.ErrClosed, "selecting")

	// What a session has open stays readable.
	if sel.Refresh(true); sel.View().Len() != 1 {
		t.Error("view is empty")
	}
	sel.Close()
	if _, err := c.ReadAt(make([]byte, 5), 0); err != nil {
		t.Errorf("reading an open message: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	a.Close()
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]store.Options{
		"no directory":      {},
		"negative maxopen":  {Dir: "x", MaxOpen: -1},
		"negative idle":     {Dir: "x", IdleClose: -1},
		"negative erase":    {Dir: "x", EraseAfter: -1},
		"negative password": {Dir: "x", PasswordWorkers: -1},
	} {
		if s, err := store.New(o); err == nil {
			t.Errorf("%s: no error", name)
			s.Close()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := storetest.New(t)
	storetest.Account(t, s, "a").Close()
	_, err := s.Open(ctx, "b")
	wantErr(t, err, store.ErrNoAccount, "opening with an ended context an account that does not exist")
}
