package store_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// logged tells the changes after a modseq, in short form.
func logged(t testing.TB, a *store.Account, since imap.ModSeq) []string {
	t.Helper()
	l, _, err := a.ChangesSince(t.Context(), since, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var r []string
	for _, c := range l {
		s := fmt.Sprintf("+%d kind %d box %d uids %v", c.ModSeq-since, c.Kind, c.Mailbox, c.UIDs)
		if len(c.Emails) > 0 {
			s += fmt.Sprintf(" emails %d", len(c.Emails))
		}
		r = append(r, s)
	}
	return r
}

func TestChanges(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	since, err := a.ModSeq(ctx)
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	deliver(t, a, storetest.Delivery("", simple))
	deliver(t, a, storetest.Delivery("P/Q", simple))
	_, err = a.Append(ctx, store.System, 1, []store.NewMessage{storetest.Message(simple), storetest.Message(simple)}, nil)
	check(err)
	_, err = a.SetFlags(ctx, store.System, 1, store.FlagChange{UIDs: uids(1, 3), Flags: imap.FlagSeen, UnchangedSince: -1})
	check(err)
	_, err = a.Copy(ctx, store.System, 1, uids(1), 2)
	check(err)
	_, err = a.Move(ctx, store.System, 1, uids(1, 3), 3)
	check(err)
	_, _, err = a.Expunge(ctx, store.System, 1, nil, false)
	check(err)
	check(a.RenameMailbox(ctx, store.System, "P", "R"))
	check(a.Subscribe(ctx, store.System, "Z"))
	check(a.DeleteMailbox(ctx, store.System, "R/Q"))
	check(a.SetCursor(ctx, "c", 1)) // Not a change.
	// Mailbox 2 is P, then R, 3 is P/Q, then R/Q.
	want := []string{
		"+1 kind 1 box 1 uids 1 emails 1",
		"+2 kind 4 box 2 uids ", "+2 kind 7 box 0 uids ", "+2 kind 4 box 3 uids ", "+2 kind 7 box 0 uids ", "+2 kind 1 box 3 uids 1 emails 1",
		"+3 kind 1 box 1 uids 2:3 emails 2",
		"+4 kind 2 box 1 uids 1,3",
		"+5 kind 1 box 2 uids 1 emails 1",
		"+6 kind 3 box 1 uids 1,3 emails 2", "+6 kind 1 box 3 uids 2:3 emails 2",
		"+7 kind 3 box 1 uids 2 emails 1",
		"+8 kind 5 box 2 uids ", "+8 kind 5 box 3 uids ",
		"+9 kind 7 box 0 uids ",
		"+10 kind 6 box 3 uids ", "+11 kind 3 box 3 uids 1:3 emails 3",
	}
	if got := logged(t, a, since); !slices.Equal(got, want) {
		t.Errorf("changes\n%q\nwant\n%q", got, want)
	}
}

func TestChangesPages(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	for range 10 {
		deliver(t, a, storetest.Delivery("", simple))
	}
	deliver(t, a, storetest.Delivery("A/B/C", simple)) // Seven changes in one.
	var all []store.Change
	for since := imap.ModSeq(0); ; {
		l, horizon, err := a.ChangesSince(ctx, since, 3)
		if err != nil || horizon != 0 {
			t.Fatal(horizon, err)
		}
		if len(l) == 0 {
			break
		}
		if len(l) < 3 && l[len(l)-1].ModSeq != 12 {
			t.Errorf("%d changes told, want 3", len(l))
		}
		if l[0].ModSeq <= since {
			t.Fatalf("change %d told after %d", l[0].ModSeq, since)
		}
		all = append(all, l...)
		since = l[len(l)-1].ModSeq
	}
	if len(all) != 2+10+7 {
		t.Errorf("%d changes", len(all))
	}
	for i := range all[1:] {
		if all[i+1].ModSeq < all[i].ModSeq || all[i].Time.IsZero() {
			t.Errorf("change %+v before %+v", all[i], all[i+1])
		}
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	s := storetest.New(t, func(o *store.Options) { o.Dir = dir })
	a := storetest.Account(t, s, "a")
	want := func(name string, modseq imap.ModSeq) {
		t.Helper()
		if got, err := a.Cursor(ctx, name); err != nil || got != modseq {
			t.Errorf("cursor %s is at %d, %v, want %d", name, got, err, modseq)
		}
	}
	for range 10 {
		deliver(t, a, storetest.Delivery("", simple))
	}
	want("x", 0)
	for _, m := range []imap.ModSeq{5, 7} {
		if err := a.SetCursor(ctx, "x", m); err != nil {
			t.Fatal(err)
		}
	}
	want("x", 7)
	want("y", 0)
	s.Close()
	a = storetest.Account(t, storetest.New(t, func(o *store.Options) { o.Dir = dir }), "a")
	want("x", 7)
}

func TestWatch(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	wake, stop := a.Watch()
	other, stopOther := a.Watch()
	stopOther()
	deliver(t, a, storetest.Delivery("", simple))
	deliver(t, a, storetest.Delivery("", simple))
	woken := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	if !woken(wake) || woken(wake) || woken(other) {
		t.Error("woken not exactly once")
	}
	if err := a.SetCursor(ctx, "x", 1); err != nil {
		t.Fatal(err)
	}
	if woken(wake) {
		t.Error("woken without a change")
	}
	for i, want := range []bool{true, false} { // The second time it has the value.
		if _, err := a.SetSetting(ctx, store.System, "x", []byte("y"), -1); err != nil {
			t.Fatal(err)
		}
		if woken(wake) != want {
			t.Errorf("setting %d: woken %v", i, !want)
		}
	}
	stop()
	deliver(t, a, storetest.Delivery("", simple))
	if woken(wake) {
		t.Error("woken after stop")
	}
}

// Old changes are forgotten, in batches, and the horizon tells so.
func TestPrune(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		const day = 24 * time.Hour
		s := storetest.New(t, bare)
		a := storetest.Account(t, s, "a")
		for range 1200 {
			if err := a.Subscribe(ctx, store.System, "x"); err != nil {
				t.Fatal(err)
			}
			if err := a.Unsubscribe(ctx, store.System, "x"); err != nil {
				t.Fatal(err)
			}
		}
		last, _ := a.ModSeq(ctx)
		horizon := func(want imap.ModSeq, when string) {
			t.Helper()
			synctest.Wait()
			if _, got, err := a.ChangesSince(ctx, last, 1); err != nil || got != want {
				t.Errorf("%s: horizon %d, %v, want %d", when, got, err, want)
			}
		}
		time.Sleep(60 * day)
		young := deliver(t, a, storetest.Delivery("", simple))
		time.Sleep(30*day - time.Hour)
		horizon(0, "before 90 days")
		if l := logged(t, a, 0); len(l) < 2400 {
			t.Errorf("%d changes", len(l))
		}
		time.Sleep(2 * day)
		horizon(last, "after 90 days")
		_, _, err := a.ChangesSince(ctx, last-1, 1)
		wantErr(t, err, store.ErrHorizon, "reading changes below the horizon")
		l, _, err := a.ChangesSince(ctx, last, 10)
		if err != nil || len(l) != 1 || l[0].ModSeq != young.ModSeq {
			t.Errorf("changes %+v, %v", l, err)
		}
		if modseq, _ := a.ModSeq(ctx); modseq != young.ModSeq {
			t.Errorf("modseq %d, want %d", modseq, young.ModSeq)
		}
	})
}
