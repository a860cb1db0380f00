package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"mox/imap"
)

// Views that are built while the mailbox changes end up as all others.
func TestBuildWhileChanging(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	h := &Account{acc: a}
	ctx := t.Context()
	text := "\r\nx\r\n"
	var msgs []NewMessage
	for range 250 {
		msgs = append(msgs, NewMessage{Body: strings.NewReader(text), Size: int64(len(text))})
	}
	if _, err := h.Append(ctx, System, 1, msgs, nil); err != nil {
		t.Fatal(err)
	}
	for range 5 { // Several pages.
		if _, err := h.Copy(ctx, System, 1, imap.UIDSet{{First: 1, Last: 1 << 20}}, 1); err != nil {
			t.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() {
		for range 300 {
			mb, _ := a.mailbox(1)
			uid := imap.UID(1 + r.IntN(int(mb.row.UIDNext)))
			set := imap.UIDSet{{First: uid, Last: uid + imap.UID(r.IntN(20))}}
			var err error
			switch r.IntN(4) {
			case 0:
				_, _, err = h.Expunge(context.Background(), System, 1, set, false)
			case 1:
				_, err = h.Copy(context.Background(), System, 1, set, 1)
			default:
				_, err = h.SetFlags(context.Background(), System, 1, FlagChange{UIDs: set, Op: FlagOp(r.IntN(3)), Flags: imap.Flags(r.IntN(32)), UnchangedSince: -1})
			}
			if err != nil {
				t.Error(err)
			}
		}
		cancel()
	})
	var sels []*Selection
	for len(sels) == 0 || ctx.Err() == nil {
		a.views.forget()
		sel, err := h.Select(context.Background(), System, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer sel.Close()
		sels = append(sels, sel)
	}
	wg.Wait()
	want, err := readView(context.Background(), a, 1)
	if err != nil {
		t.Fatal(err)
	}
	var n naiveView
	for b := range len(want.blocks) + 1 {
		n = append(n, want.block(b)...)
	}
	// Only the last one is still in the cache and gets news.
	last := sels[len(sels)-1]
	last.Refresh(true)
	checkView(t, last.View(), n)
	if v := last.View(); v.ModSeq() != want.ModSeq() || v.UIDNext() != want.UIDNext() {
		t.Errorf("view is at modseq %d, UIDNEXT %d, want %d, %d", v.ModSeq(), v.UIDNext(), want.ModSeq(), want.UIDNext())
	}
	if len(sels) < 3 {
		t.Logf("only %d views were built", len(sels))
	}
}

// Who reads a modseq finds in Views all that has it: without that, who looks only when it is another would miss a change.
func TestViewsAreNotBehindModSeq(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	h := &Account{acc: a}
	sel, err := h.Select(t.Context(), System, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	before, err := h.ModSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sel.mailbox.mu.Lock() // So that the View stays behind for a while.
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := deliverText(t, h); err != nil {
			t.Error(err)
		}
	})
	for published := false; !published; runtime.Gosched() {
		a.mu.RLock()
		published = a.row.ModSeq > before
		a.mu.RUnlock()
	}
	read := make(chan imap.ModSeq, 1)
	wg.Go(func() {
		modseq, err := h.ModSeq(context.Background())
		if err != nil {
			t.Error(err)
		}
		read <- modseq
	})
	for range 1000 {
		select {
		case modseq := <-read:
			t.Errorf("modseq %d is read before the View has it", modseq)
		default:
		}
		runtime.Gosched()
	}
	sel.mailbox.mu.Unlock()
	wg.Wait()
	if sel.Refresh(true); sel.View().Len() != 1 {
		t.Errorf("%d messages", sel.View().Len())
	}
}

// One builds a view, the others wait, and one whose context ends does not disturb them.
func TestOpenViewOnce(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	var wg sync.WaitGroup
	boxes := make([]*openMailbox, 20)
	for i := range boxes {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%2 == 1 {
				cancel()
			}
			mb, err := a.views.open(ctx, a, 1)
			if err != nil && !(i%2 == 1 && errors.Is(err, context.Canceled)) {
				t.Error(err)
			}
			boxes[i] = mb
		})
	}
	wg.Wait()
	users := 0
	for _, mb := range boxes {
		if mb != nil {
			users++
			if mb != a.views.boxes[1] {
				t.Error("there are two open mailboxes")
			}
		}
	}
	if users < 10 || a.views.boxes[1].users != users {
		t.Errorf("%d users, counted %d", users, a.views.boxes[1].users)
	}
	for _, mb := range boxes {
		if mb != nil {
			a.views.release(mb, nil)
		}
	}
	if len(a.views.idle) != 1 {
		t.Errorf("%d idle mailboxes", len(a.views.idle))
	}
}

// A few mailboxes that nobody has selected stay in memory, not all.
func TestIdleViews(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	h := &Account{acc: a}
	for id := range MailboxID(6) {
		sel, err := h.Select(t.Context(), System, id+1)
		if err != nil {
			t.Fatal(err)
		}
		sel.Close()
		sel.Close() // A second time is no harm.
	}
	if len(a.views.boxes) != idleViews || len(a.views.idle) != idleViews || a.views.boxes[1] != nil || a.views.boxes[6] == nil {
		t.Errorf("%d mailboxes are in memory, %d idle", len(a.views.boxes), len(a.views.idle))
	}
	sel, err := h.Select(t.Context(), System, 6)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.views.idle) != idleViews-1 {
		t.Errorf("%d mailboxes are idle with one selected", len(a.views.idle))
	}
	sel.Close()
}

// Once all mailboxes were looked through, more than a few stay in memory that nobody has open, as long as they are not
// too large together.
func TestIdleViewsLookedThrough(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		scanned bool
		each    int // Messages of each of ten mailboxes.
		want    int
	}{
		{"opened one by one", false, 1, idleViews},
		{"looked through", true, 1, 10},
		{"looked through, all that may be", true, idleEntries / 10, 10},
		{"looked through, large", true, idleEntries / 8, 8},
		{"looked through, too large", true, idleEntries, idleViews},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := &viewCache{}
			boxes := map[MailboxID]*openMailbox{}
			for id := range MailboxID(10) {
				mb, mine := c.get(id)
				if !mine {
					t.Fatal("mailbox is there already")
				}
				mb.current.Store(&View{n: tc.each})
				boxes[id] = mb
			}
			if tc.scanned {
				c.releaseAll(boxes)
			} else {
				for _, mb := range boxes {
					c.release(mb, nil)
				}
			}
			if len(c.idle) != tc.want || len(c.boxes) != tc.want {
				t.Errorf("%d idle of %d mailboxes, want %d", len(c.idle), len(c.boxes), tc.want)
			}
		})
	}
}
