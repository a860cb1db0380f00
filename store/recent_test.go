package store_test

import (
	"fmt"
	"sync"
	"testing"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// recentBox is a mailbox with sessions that are told what is recent.
type recentBox struct {
	t  *testing.T
	a  *store.Account
	mb store.Mailbox
}

func newRecentBox(t *testing.T, a *store.Account, name string) *recentBox {
	t.Helper()
	mb, err := a.MailboxByName(t.Context(), store.System, name)
	if err != nil {
		t.Fatal(err)
	}
	return &recentBox{t, a, mb}
}

func (b *recentBox) deliver(n int) {
	b.t.Helper()
	for range n {
		if _, err := b.a.Deliver(b.t.Context(), store.System, storetest.Delivery(b.mb.Name, "Subject: x\n\n")); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *recentBox) open() *store.Selection {
	b.t.Helper()
	s, err := b.a.Select(b.t.Context(), store.System, b.mb.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(s.Close)
	return s
}

// take takes recent messages, with a Refresh before, and compares those that the session has then.
func (b *recentBox) take(s *store.Selection, keep bool, want string) {
	b.t.Helper()
	s.Refresh(true)
	s.TakeRecent(keep)
	if got := s.Recent().String(); got != want {
		b.t.Errorf("recent messages %q, want %q", got, want)
	}
}

func (b *recentBox) count(want int64) {
	b.t.Helper()
	n, err := b.a.CountRecent(b.t.Context(), store.System, b.mb.ID)
	if err != nil || n != want {
		b.t.Errorf("%d messages are recent, %v, want %d", n, err, want)
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	b := newRecentBox(t, storetest.Account(t, storetest.New(t), "a"), "Inbox")
	b.count(0)
	early := b.open()
	b.take(early, false, "")
	b.deliver(3)
	b.count(3)
	look, first, second := b.open(), b.open(), b.open()
	b.take(look, true, "1:3")
	b.count(3)
	b.take(first, false, "1:3")
	b.count(0)
	b.take(second, false, "")
	b.take(early, false, "")
	b.take(look, true, "1:3")

	// Of several that have it open, one gets what is new.
	b.deliver(1)
	b.take(second, false, "4")
	b.deliver(1)
	b.take(look, true, "1:3,5")
	b.take(first, false, "1:3,5")
	b.take(second, false, "4")
	b.take(look, true, "1:3,5")
	// It may have been looked at by many.
	b.deliver(2)
	other := b.open()
	b.take(other, true, "6:7")
	b.take(look, true, "1:3,5:7")
	b.count(2)
	b.take(b.open(), false, "6:7")
	b.count(0)

	// A session takes what its View has, and no more.
	b.deliver(1)
	behind := b.open()
	b.deliver(1)
	behind.TakeRecent(false)
	b.take(first, false, "1:3,5,9")
	b.take(behind, false, "8")

	// Copies and moved messages are new.
	to := newRecentBox(t, b.a, "Archive")
	if _, err := b.a.Copy(t.Context(), store.System, b.mb.ID, imap.SetOf[imap.UID](2, 4), to.mb.ID); err != nil {
		t.Fatal(err)
	}
	to.count(2)
	to.take(to.open(), false, "1:2")

	if _, err := b.a.CountRecent(t.Context(), store.System, 999); err == nil {
		t.Error("counted in a mailbox that does not exist")
	}
}

// What was recent once stays no longer so when the account is opened again, provided that something was
// written to the mailbox meanwhile.
func TestRecentIsKept(t *testing.T) {
	t.Parallel()
	var dir string
	s := storetest.New(t, func(o *store.Options) { dir = o.Dir })
	b := newRecentBox(t, storetest.Account(t, s, "a"), "Inbox")
	b.deliver(2)
	b.take(b.open(), false, "1:2")
	b.deliver(1)
	archive := newRecentBox(t, b.a, "Archive")
	archive.deliver(2)
	archive.take(archive.open(), false, "1:2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = storetest.New(t, func(o *store.Options) { o.Dir = dir })
	b = newRecentBox(t, storetest.Account(t, s, "a"), "Inbox")
	b.count(1) // Without a View.
	b.take(b.open(), false, "3")
	b.count(0)
	archive = newRecentBox(t, b.a, "Archive")
	archive.count(2)
	archive.take(archive.open(), false, "1:2")
}

// A mailbox that is made anew, or takes the name of another, has nothing of the old one.
func TestRecentOfDeletedMailbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	b := newRecentBox(t, a, "Archive")
	b.deliver(2)
	s := b.open()
	b.take(s, false, "1:2")
	if err := a.RenameMailbox(ctx, store.System, "Archive", "Old"); err != nil {
		t.Fatal(err)
	}
	b.count(0)
	if _, err := a.CreateMailbox(ctx, store.System, "Archive", ""); err != nil {
		t.Fatal(err)
	}
	made := newRecentBox(t, a, "Archive")
	made.deliver(1)
	made.count(1)
	if err := a.DeleteMailbox(ctx, store.System, "Old"); err != nil {
		t.Fatal(err)
	}
	b.take(s, false, "1:2")
	made.take(made.open(), false, "1")
}

// Whatever sessions do at the same time, each message is recent to exactly one that may change the mailbox.
func TestRecentConcurrently(t *testing.T) {
	t.Parallel()
	b := newRecentBox(t, storetest.Account(t, storetest.New(t), "a"), "Inbox")
	const sessions, messages = 8, 100
	taken := make([]imap.UIDSet, sessions)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range sessions {
		wg.Go(func() {
			s, err := b.a.Select(t.Context(), store.System, b.mb.ID)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for ended := false; !ended; {
				select {
				case <-s.Wake():
				case <-done:
					ended = true
				}
				s.Refresh(true)
				s.TakeRecent(i%4 == 3)
			}
			taken[i] = s.Recent()
		})
	}
	b.deliver(messages)
	close(done)
	wg.Wait()
	owner := map[imap.UID]string{}
	for i, set := range taken {
		if i%4 == 3 {
			continue // Opened read-only.
		}
		for uid := range set.All() {
			if owner[uid] != "" {
				t.Errorf("message %d is recent to sessions %s and %d", uid, owner[uid], i)
			}
			owner[uid] = fmt.Sprint(i)
		}
	}
	if len(owner) != messages {
		t.Errorf("%d messages were recent to a session, want %d", len(owner), messages)
	}
	b.count(0)
}
