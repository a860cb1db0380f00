package store_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// erased reports whether the content of an email is gone.
func erased(t testing.TB, a *store.Account, id store.EmailID) bool {
	t.Helper()
	synctest.Wait()
	gone := false
	err := a.Emails(t.Context(), store.System, []store.EmailID{id}, func(i int, e *store.Email) error {
		gone = e == nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Open(t.Context(), store.System, id)
	if gone {
		wantErr(t, err, store.ErrExpunged, "opening an erased email")
	} else if err != nil {
		t.Errorf("opening email: %v", err)
	} else if err := c.Close(); err != nil {
		t.Error(err)
	}
	return gone
}

// Expunged content stays readable for EraseAfter, and no longer; as long as there is a copy, it stays.
func TestErase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := storetest.New(t, func(o *store.Options) { o.EraseAfter = 10 * time.Minute })
		a := storetest.Account(t, s, "a")
		first := deliver(t, a, storetest.Delivery("", simple))
		copied := deliver(t, a, storetest.Delivery("", simple))
		moved := deliver(t, a, storetest.Delivery("", simple))
		later := deliver(t, a, storetest.Delivery("", simple))
		inbox, archive := first.Mailbox, mailbox(t, a, "Archive").ID
		c, err := a.Copy(ctx, store.System, inbox, imap.SetOf(copied.UID), archive)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Move(ctx, store.System, inbox, imap.SetOf(moved.UID), archive); err != nil {
			t.Fatal(err)
		}
		reading, err := a.Open(ctx, store.System, first.Email)
		if err != nil {
			t.Fatal(err)
		}
		expunge := func(mailbox store.MailboxID, uid imap.UID) {
			t.Helper()
			if _, _, err := a.Expunge(ctx, store.System, mailbox, imap.SetOf(uid), false); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(when string, id store.EmailID, want bool) {
			t.Helper()
			if erased(t, a, id) != want {
				t.Errorf("%s: erased is %v", when, !want)
			}
		}
		expunge(inbox, first.UID)
		expunge(inbox, copied.UID)
		time.Sleep(5 * time.Minute)
		expunge(inbox, later.UID)
		time.Sleep(5*time.Minute - 2*time.Second)
		expect("before 10 minutes", first.Email, false)
		time.Sleep(3 * time.Second)
		expect("after 10 minutes", first.Email, true)
		expect("expunged later", later.Email, false)
		expect("copied", copied.Email, false)
		expect("moved", moved.Email, false)
		if b, err := io.ReadAll(io.NewSectionReader(reading, 0, reading.Size())); err != nil || len(b) == 0 {
			t.Errorf("reading content that was open: %d bytes, %v", len(b), err)
		}
		reading.Close()
		time.Sleep(5 * time.Minute)
		expect("expunged later, after 10 minutes", later.Email, true)
		expunge(archive, c.Dest[0])
		time.Sleep(11 * time.Minute)
		expect("last copy", copied.Email, true)
		expect("moved", moved.Email, false)
	})
}

// When an account closes, and when it is opened, what was expunged is erased at once: nobody can still show it.
func TestEraseAtClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		dir := t.TempDir()
		open := func() *store.Store {
			return storetest.New(t, func(o *store.Options) {
				o.Dir = dir
				o.EraseAfter = time.Hour
				o.IdleClose = time.Minute
			})
		}
		s := open()
		a := storetest.Account(t, s, "a")
		large := storetest.Message("\n" + string(make([]byte, 1<<20)))
		var added []store.Added
		for range 3 {
			l, err := a.Append(ctx, store.System, 1, []store.NewMessage{large}, nil)
			if err != nil {
				t.Fatal(err)
			}
			added = append(added, l...)
		}
		files := func() int {
			synctest.Wait()
			l, err := filepath.Glob(filepath.Join(dir, "*", "blobs", "files", "*"))
			if err != nil {
				t.Fatal(err)
			}
			return len(l)
		}
		expunge := func(i int) {
			t.Helper()
			if _, _, err := a.Expunge(ctx, store.System, 1, imap.SetOf(added[i].UID), false); err != nil {
				t.Fatal(err)
			}
		}
		expunge(0)
		if n := files(); n != 3 {
			t.Errorf("%d files of large messages, want 3", n)
		}
		a.Close()
		time.Sleep(2 * time.Minute)
		if n := files(); n != 2 {
			t.Errorf("%d files after the account was closed, want 2", n)
		}

		// The store closing does not wait for that, but opening the account again does it.
		a, err := s.Open(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		expunge(1)
		a.Close()
		s.Close()
		if n := files(); n != 2 {
			t.Errorf("%d files after the store was closed, want 2", n)
		}
		s = open()
		a = storetest.Account(t, s, "a")
		if !erased(t, a, added[1].Email) || erased(t, a, added[2].Email) {
			t.Error("erased the wrong email")
		}
		if n := files(); n != 1 {
			t.Errorf("%d files after it was opened again, want 1", n)
		}
	})
}

// endAfterFirst returns a context that ends when its error is asked for the second time.
func endAfterFirst(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	return &shortContext{Context: ctx, cancel: cancel}, cancel
}

type shortContext struct {
	context.Context
	cancel context.CancelFunc
	asked  int
}

func (c *shortContext) Err() error {
	if c.asked++; c.asked > 1 {
		c.cancel()
	}
	return c.Context.Err()
}

// A mailbox whose deletion was interrupted loses the rest of its messages when the account is opened.
func TestDeleteMailboxInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := storetest.New(t, func(o *store.Options) { o.Dir = dir })
		a := storetest.Account(t, s, "a")
		mb, err := a.CreateMailbox(t.Context(), store.System, "Large", "")
		if err != nil {
			t.Fatal(err)
		}
		var msgs []store.NewMessage
		for range 1100 {
			msgs = append(msgs, storetest.Message("Subject: x\n\nx\n"))
		}
		if _, err := a.Append(t.Context(), store.System, mb.ID, msgs, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := endAfterFirst(t.Context())
		defer cancel()
		if err := a.DeleteMailbox(ctx, store.System, "Large"); err != nil {
			t.Fatal(err)
		}
		s.Close()
		a = storetest.Account(t, storetest.New(t, func(o *store.Options) { o.Dir = dir }), "a")
		synctest.Wait()
		if u, err := a.Usage(t.Context()); err != nil || u != (store.Usage{}) {
			t.Errorf("usage %+v, %v", u, err)
		}
	})
}

// A copy of the directory of a running store, as a crash leaves it, has all that was acknowledged.
func TestCrashOpen(t *testing.T) {
	t.Parallel()
	dir, crashed := t.TempDir(), t.TempDir()
	s := storetest.New(t, func(o *store.Options) { o.Dir = dir })
	a := storetest.Account(t, s, "a")
	want := map[store.EmailID]string{}
	var last store.Added
	for i := range 30 {
		text := simple
		if i == 7 {
			text = "\n" + string(make([]byte, 500_000))
		}
		last = deliver(t, a, storetest.Delivery("", text))
		want[last.Email] = contentOf(t, a, last.Email)
	}
	if _, _, err := a.Expunge(t.Context(), store.System, 1, imap.SetOf[imap.UID](3), false); err != nil {
		t.Fatal(err)
	}
	thread := last.Thread
	setting, err := a.SetSetting(t.Context(), store.System, "labels", []byte("red"), 0)
	if err := errors.Join(err, a.SetMuted(t.Context(), store.System, []store.ThreadID{thread}, true), a.SetSpecialUse(t.Context(), store.System, "Archive", store.Trash, true)); err != nil {
		t.Fatal(err)
	}
	replaced, err := a.Replace(t.Context(), store.System, 1, 30, storetest.Message("\nreplaced\n"))
	if err != nil {
		t.Fatal(err)
	}
	want[replaced.Email] = contentOf(t, a, replaced.Email)
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	a = storetest.Account(t, storetest.New(t, func(o *store.Options) { o.Dir = crashed }), "a")
	if value, modseq, err := a.Setting(t.Context(), "labels"); err != nil || string(value) != "red" || modseq != setting {
		t.Errorf("setting %q, modseq %d, %v", value, modseq, err)
	}
	if use := mailbox(t, a, "Archive").SpecialUse; !a.Muted(thread) || use != store.Trash {
		t.Errorf("muted %v, special use %q", a.Muted(thread), use)
	}
	sel, err := a.Select(t.Context(), store.System, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	if sel.View().Len() != 29 {
		t.Errorf("%d messages", sel.View().Len())
	}
	for _, e := range sel.View().All(1) {
		if contentOf(t, a, e.Email) != want[e.Email] {
			t.Errorf("content of email %v differs", e.Email)
		}
	}
	if added := deliver(t, a, storetest.Delivery("", simple)); added.UID != 32 {
		t.Errorf("next message is at %+v", added)
	}
}
