package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
	"mox/store"
	"mox/store/storetest"
)

// Whichever call of the file system fails: what was acknowledged is there, what was refused is not, and the
// next calls work.
func TestFaults(t *testing.T) {
	t.Parallel()
	calls := faultyRun(t, -1)
	if calls < 20 {
		t.Fatalf("only %d calls", calls)
	}
	for n := range calls {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			faultyRun(t, n)
		})
	}
}

// faultyRun uses a store of which the n-th call of the file system fails. It returns how many calls
// there were.
func faultyRun(t *testing.T, n int) int {
	ctx := t.Context()
	broken := errors.New("disk is broken")
	fsys := &faultfs.FS{FS: vfs.OS{}}
	dir := t.TempDir()
	s := storetest.New(t, bare, func(o *store.Options) {
		o.Dir = dir
		o.FS = fsys
	})
	storetest.Account(t, s, "old")
	first := fsys.Calls()
	var failed atomic.Bool
	fsys.SetHook(func(c faultfs.Call) error {
		if c.N-first == n {
			failed.Store(true)
			return broken
		}
		return nil
	})
	// again tries once more what the fault made fail.
	again := func(what string, fn func() error) {
		t.Helper()
		if err := fn(); err == nil {
			return
		} else if !failed.Load() {
			t.Errorf("%s: %v", what, err)
		}
		if err := fn(); err != nil {
			t.Errorf("%s again: %v", what, err)
		}
	}
	again("making an account", func() error { return s.Create(ctx, "new") })
	again("opening it", func() error {
		a, err := s.Open(ctx, "new")
		if err != nil {
			return err
		}
		return a.Close()
	})
	again("renaming an account", func() error { return s.Rename(ctx, "old", "renamed") })
	a := storetest.Account(t, s, "renamed")
	want := 0
	for _, text := range []string{simple, "Subject: large\n\n" + strings.Repeat("x\n", 200_000), simple} {
		_, err := a.Deliver(ctx, store.System, storetest.Delivery("", text))
		if err == nil {
			want++
		} else if !errors.Is(err, broken) {
			t.Errorf("delivering: %v", err)
		}
	}
	if c := mailbox(t, a, "Inbox").Counts; c.Total != int64(want) {
		t.Errorf("%d messages, want %d", c.Total, want)
	}
	value, setErr := "", error(nil)
	if _, setErr = a.SetSetting(ctx, store.System, "x", []byte("y"), 0); setErr == nil {
		value = "y"
	}
	replaced, replaceErr := a.Replace(ctx, store.System, 1, 1, storetest.Message("\nreplaced\n"))
	for _, err := range []error{setErr, replaceErr} {
		if err != nil && !errors.Is(err, broken) {
			t.Errorf("after the fault: %v", err)
		}
	}
	calls := fsys.Calls() - first
	fsys.SetHook(nil)
	if got, _, err := a.Setting(ctx, "x"); err != nil || string(got) != value {
		t.Errorf("setting is %q, %v, want %q; set with %v", got, err, value, setErr)
	}
	if l, err := a.Instances(ctx, store.System, []store.EmailID{replaced.Email}); err != nil || (len(l) == 1) != (replaceErr == nil) {
		t.Errorf("replaced with %v, is at %v, %v", replaceErr, l, err)
	}
	if c := mailbox(t, a, "Inbox").Counts; c.Total != int64(want) {
		t.Errorf("%d messages after one was replaced, want %d", c.Total, want)
	}
	deliver(t, a, storetest.Delivery("", simple))
	storetest.Verify(t, s)
	s.Close()
	storetest.Account(t, storetest.New(t, func(o *store.Options) { o.Dir = dir }), "renamed")
	return calls
}
