package store_test

import (
	"fmt"
	"slices"
	"testing"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

func TestMuted(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	s := storetest.New(t, bare, func(o *store.Options) { o.Dir = dir })
	a := storetest.Account(t, s, "a")
	text := func(n int) string {
		return fmt.Sprintf("Subject: Re: noise\nMessage-ID: <%d@x>\nReferences: <0@x>\n\nx\n", n)
	}
	mute := func(on bool, threads ...store.ThreadID) {
		t.Helper()
		if err := a.SetMuted(ctx, store.System, threads, on); err != nil {
			t.Fatal(err)
		}
	}
	wantSeen := func(what string, added store.Added, want bool) {
		t.Helper()
		l, err := a.Instances(ctx, store.System, []store.EmailID{added.Email})
		if err != nil || len(l) != 1 || l[0].Flags.Has(imap.FlagSeen) != want {
			t.Errorf("%s: %+v, %v, want \\Seen %v", what, l, err, want)
		}
	}
	first := deliver(t, a, storetest.Delivery("", text(1)))
	wantSeen("before", first, false)
	since, err := a.ModSeq(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mute(true, 77, first.Thread, first.Thread, 0)
	mute(true, first.Thread) // Nothing to change.
	mute(false, 78)
	mute(true)
	mute(false, 77, 78)
	l, _, err := a.ChangesSince(ctx, since, 10)
	if err != nil || len(l) != 2 || l[0].Kind != store.ChangeMute || !slices.Equal(l[0].Threads, []store.ThreadID{77, first.Thread}) || !slices.Equal(l[1].Threads, []store.ThreadID{77}) {
		t.Errorf("changes %+v, %v", l, err)
	}
	if !a.Muted(first.Thread) || a.Muted(77) || a.Muted(0) {
		t.Error("muted is not what was muted")
	}
	wantSeen("there before", first, false)
	d := storetest.Delivery("", text(2))
	d.Flags = imap.FlagFlagged
	muted := deliver(t, a, d)
	wantSeen("delivered", muted, true)
	if c := mailbox(t, a, "Inbox").Counts; c.Total != 2 || c.Unread != 1 {
		t.Errorf("counts %+v", c)
	}
	wantSeen("of another thread", deliver(t, a, storetest.Delivery("", simple)), false)
	appended, err := a.Append(ctx, store.System, muted.Mailbox, []store.NewMessage{storetest.Message(text(3))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantSeen("appended", appended[0], false)

	// It is so after the account was closed.
	s.Close()
	a = storetest.Account(t, storetest.New(t, func(o *store.Options) { o.Dir = dir }), "a")
	wantSeen("delivered later", deliver(t, a, storetest.Delivery("Lists", text(4))), true)
	mute(false, first.Thread)
	if a.Muted(first.Thread) {
		t.Error("still muted")
	}
	wantSeen("no longer muted", deliver(t, a, storetest.Delivery("", text(5))), false)
}
