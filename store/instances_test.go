package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// placesOf tells where messages are, as mailbox/UID.
func placesOf(l []store.Instance) []string {
	var r []string
	for _, i := range l {
		r = append(r, fmt.Sprintf("%d/%d", i.Mailbox, i.UID))
	}
	return r
}

func TestThreadMessages(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	add := func(mailbox, subject, id, refers string, hours int) store.Added {
		t.Helper()
		d := storetest.Delivery(mailbox, fmt.Sprintf("Subject: %s\nMessage-ID: <%s>\nReferences: <%s>\n\nx\n", subject, id, refers))
		d.Received = at.Add(time.Duration(hours) * time.Hour)
		return deliver(t, a, d)
	}
	first := add("", "plan", "1@x", "0@x", 0)
	answer := add("Sent", "Re: plan", "2@x", "1@x", 3)
	other := add("", "news", "3@x", "9@x", 1)
	late := add("Lists/x", "Re: plan", "4@x", "2@x", 2)
	if _, err := a.Copy(ctx, store.System, first.Mailbox, uids(1), late.Mailbox); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		threads []store.ThreadID
		want    []string
	}{
		{"by time, with copies", []store.ThreadID{first.Thread}, []string{"1/1", "4/2", "4/1", "2/1"}},
		{"several, one twice", []store.ThreadID{other.Thread, first.Thread, other.Thread}, []string{"1/1", "4/2", "1/2", "4/1", "2/1"}},
		{"one that has none", []store.ThreadID{first.Thread + 1}, nil},
		{"zero", []store.ThreadID{0}, nil},
		{"none", nil, nil},
	} {
		l, err := a.ThreadMessages(ctx, store.System, tc.threads)
		if err != nil || !slices.Equal(placesOf(l), tc.want) {
			t.Errorf("%s: %v, %v, want %v", tc.name, placesOf(l), err, tc.want)
		}
		for _, m := range l {
			if !slices.Contains(tc.threads, m.Thread) {
				t.Errorf("%s: thread %d", tc.name, m.Thread)
			}
		}
	}
	for _, tc := range []struct {
		name   string
		emails []store.EmailID
		want   []string
	}{
		{"copied", []store.EmailID{first.Email}, []string{"1/1", "4/2"}},
		{"two", []store.EmailID{answer.Email, other.Email}, []string{"1/2", "2/1"}},
		{"another of the same key", []store.EmailID{{Key: first.Email.Key, Random: first.Email.Random + 1}}, nil},
		{"zero", []store.EmailID{{}}, nil},
		{"none", nil, nil},
	} {
		l, err := a.Instances(ctx, store.System, tc.emails)
		if err != nil || !slices.Equal(placesOf(l), tc.want) {
			t.Errorf("%s: %v, %v, want %v", tc.name, placesOf(l), err, tc.want)
		}
	}

	// What went is not told, be it expunged or with its mailbox.
	if err := a.DeleteMailbox(ctx, store.System, "Lists/x"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Expunge(ctx, store.System, answer.Mailbox, nil, false); err != nil {
		t.Fatal(err)
	}
	if l, err := a.ThreadMessages(ctx, store.System, []store.ThreadID{first.Thread}); err != nil || !slices.Equal(placesOf(l), []string{"1/1"}) {
		t.Errorf("after deletion: %v, %v", placesOf(l), err)
	}
	// So it is with mailboxes that got a new UIDVALIDITY.
	if _, err := a.BumpUIDValidity(ctx, store.System, "Inbox"); err != nil {
		t.Fatal(err)
	}
	if l, err := a.ThreadMessages(ctx, store.System, []store.ThreadID{first.Thread}); err != nil || len(l) != 1 {
		t.Errorf("after a new UIDVALIDITY: %v, %v", placesOf(l), err)
	}

	ended, cancel := context.WithCancel(ctx)
	cancel()
	if l, err := a.ThreadMessages(ended, store.System, []store.ThreadID{first.Thread}); err != nil && !errors.Is(err, context.Canceled) || err == nil && len(l) != 1 {
		t.Errorf("with a context that has ended: %v, %v", placesOf(l), err)
	}
	a.Close()
	if _, err := a.Instances(ctx, store.System, []store.EmailID{first.Email}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// A message that is moved to and fro is in exactly one mailbox at any moment.
func TestInstancesWhileMoving(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t, bare), "a")
	added := deliver(t, a, storetest.Delivery("", simple))
	ids := []store.MailboxID{added.Mailbox}
	for i := range 6 {
		mb, err := a.CreateMailbox(ctx, store.System, fmt.Sprint(i), "")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, mb.ID)
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		uid := added.UID
		for i := range 300 {
			c, err := a.Move(ctx, store.System, ids[i%7], imap.SetOf(uid), ids[(i+1)%7])
			if err != nil || len(c.Dest) != 1 {
				t.Errorf("move %d: %v, %v", i, c, err)
				return
			}
			uid = c.Dest[0]
		}
	})
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		l, err := a.Instances(ctx, store.System, []store.EmailID{added.Email})
		if err != nil || len(l) != 1 {
			t.Fatalf("message is at %v, %v", placesOf(l), err)
		}
	}
	wg.Wait()
}

// BenchmarkThreadMessages looks for a thread of 200 messages among 100,000 in ten mailboxes.
func BenchmarkThreadMessages(b *testing.B) {
	ctx := context.Background()
	a, _ := benchAccount(b)
	fill(b, a, 10_000, 512)
	for i := range 9 {
		mb, err := a.CreateMailbox(ctx, store.System, fmt.Sprintf("copy%d", i), "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := a.Copy(ctx, store.System, 1, imap.UIDSet{{First: 1, Last: 10_000}}, mb.ID); err != nil {
			b.Fatal(err)
		}
	}
	sel, err := a.Select(ctx, store.System, 1)
	if err != nil {
		b.Fatal(err)
	}
	thread, email := sel.View().At(1).Thread, sel.View().At(1).Email
	sel.Close()
	start := time.Now()
	l, err := a.ThreadMessages(ctx, store.System, []store.ThreadID{thread})
	if err != nil || len(l) != 200 {
		b.Fatal(len(l), err)
	}
	b.Logf("first call: %v", time.Since(start))
	b.Run("thread", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.ThreadMessages(ctx, store.System, []store.ThreadID{thread}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("email", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Instances(ctx, store.System, []store.EmailID{email}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
