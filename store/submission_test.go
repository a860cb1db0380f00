package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// A submission that is canceled takes its copy with it, and nothing else.
func TestCancelSubmission(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a := storetest.Account(t, storetest.New(t), "a")
	d := storetest.Delivery("Sent", simple)
	deliver(t, a, d)
	other, err := a.AddSubmission(ctx, store.System, store.Submission{}, &d)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := a.AddSubmission(ctx, store.System, store.Submission{}, &d)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.CancelSubmission(ctx, store.System, sub); err != nil {
		t.Fatal(err)
	}
	if c := mailbox(t, a, "Sent").Counts; c.Total != 2 {
		t.Errorf("counts of Sent %+v, want 2 messages", c)
	}
	contentOf(t, a, other.Email)
	wantErr(t, a.CancelSubmission(ctx, store.System, sub), store.ErrSubmissionState, "canceled again")
	wantErr(t, a.CancelSubmission(ctx, store.System, store.Submission{ID: 99}), store.ErrNoSubmission, "not there")
	if err := a.SetSubmissionState(ctx, store.System, other.ID, store.SubmissionQueued, store.SubmissionPending); err != nil {
		t.Fatal(err)
	}
	wantErr(t, a.CancelSubmission(ctx, store.System, other), store.ErrSubmissionState, "in the queue")
	if c := mailbox(t, a, "Sent").Counts; c.Total != 2 {
		t.Errorf("counts of Sent %+v, want 2 messages", c)
	}

	// One without a copy, and one whose copy and mailbox are gone.
	plain, err := a.AddSubmission(ctx, store.System, store.Submission{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := storetest.Delivery("Elsewhere", simple)
	gone, err := a.AddSubmission(ctx, store.System, store.Submission{}, &elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.DeleteMailbox(ctx, store.System, "Elsewhere"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []store.Submission{plain, gone} {
		if err := a.CancelSubmission(ctx, store.System, s); err != nil {
			t.Error(err)
		}
	}
}

func TestSubmissions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	clock := newClock(start)
	dir := t.TempDir()
	open := func() (*store.Store, *store.Account) {
		s := storetest.New(t, func(o *store.Options) {
			o.Dir = dir
			o.Now = clock.Now
		})
		return s, storetest.Account(t, s, "a")
	}
	s, a := open()
	since, _ := a.ModSeq(ctx)

	sub := store.Submission{MailFrom: "a@example.org", RcptTo: []string{"b@example.net", "c@example.net"}, Extra: []byte("x"), SendAt: start.Add(time.Hour)}
	plain, err := a.AddSubmission(ctx, store.System, sub, nil)
	if err != nil || plain.ID == 0 || !plain.Email.IsZero() || plain.State != store.SubmissionPending || plain.ModSeq != since+1 || !plain.Created.Equal(start) {
		t.Errorf("submission %+v, %v", plain, err)
	}
	clock.Add(time.Second)
	d := storetest.Delivery("Sent", simple)
	d.Flags = imap.FlagSeen
	withCopy, err := a.AddSubmission(ctx, store.System, store.Submission{ID: 77}, &d)
	if err != nil || withCopy.ID != 77 || withCopy.Email.IsZero() || withCopy.ModSeq != since+2 {
		t.Errorf("submission %+v, %v", withCopy, err)
	}
	if c := mailbox(t, a, "Sent").Counts; c.Total != 1 {
		t.Errorf("counts of Sent %+v", c)
	}
	contentOf(t, a, withCopy.Email)

	if withCopy.Copy.Email != withCopy.Email || withCopy.Copy.Mailbox != mailbox(t, a, "Sent").ID || plain.Copy != (store.Added{}) {
		t.Errorf("copies %+v and %+v", withCopy.Copy, plain.Copy)
	}
	withCopy.Copy = store.Added{}

	// The id makes adding idempotent.
	again, err := a.AddSubmission(ctx, store.System, store.Submission{ID: 77, MailFrom: "other"}, &d)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(withCopy) {
		t.Errorf("submission added again %+v, %v, want %+v", again, err, withCopy)
	}
	if c := mailbox(t, a, "Sent").Counts; c.Total != 1 {
		t.Errorf("counts of Sent %+v after adding again", c)
	}
	bad := storetest.Delivery("a//b", simple)
	_, err = a.AddSubmission(ctx, store.System, store.Submission{}, &bad)
	wantErr(t, err, store.ErrBadName, "copy to a bad name")

	pending := func(want ...store.SubmissionID) {
		t.Helper()
		l, err := a.PendingSubmissions(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var ids []store.SubmissionID
		for _, s := range l {
			ids = append(ids, s.ID)
		}
		if fmt.Sprint(ids) != fmt.Sprint(want) {
			t.Errorf("pending %v, want %v", ids, want)
		}
	}
	pending(plain.ID, 77)
	s.Close()
	s, a = open()
	pending(plain.ID, 77)
	l, err := a.PendingSubmissions(ctx)
	if err != nil || fmt.Sprint(l[0]) != fmt.Sprint(plain) {
		t.Errorf("pending %+v, %v, want %+v", l, err, plain)
	}

	set := func(id store.SubmissionID, to store.SubmissionState, from ...store.SubmissionState) error {
		return a.SetSubmissionState(ctx, store.System, id, to, from...)
	}
	wantErr(t, set(5, store.SubmissionDone, store.SubmissionPending), store.ErrNoSubmission, "submission that does not exist")
	wantErr(t, set(0, store.SubmissionDone, store.SubmissionPending), store.ErrNoSubmission, "submission zero")
	wantErr(t, set(77, store.SubmissionDone, store.SubmissionQueued), store.ErrSubmissionState, "from another state")
	wantErr(t, set(77, store.SubmissionDone), store.ErrSubmissionState, "from no state")
	if err := set(77, store.SubmissionQueued, store.SubmissionPending, store.SubmissionQueued); err != nil {
		t.Error(err)
	}
	pending(plain.ID)
	modseq, _ := a.ModSeq(ctx)
	if err := set(77, store.SubmissionQueued, store.SubmissionPending, store.SubmissionQueued); err != nil {
		t.Error(err)
	}
	if now, _ := a.ModSeq(ctx); now != modseq {
		t.Error("a state that stays the same is a change")
	}
	if err := set(77, store.SubmissionPending, store.SubmissionQueued); err != nil {
		t.Error(err)
	}
	pending(plain.ID, 77)
	if err := set(plain.ID, store.SubmissionCanceled, store.SubmissionPending); err != nil {
		t.Error(err)
	}
	pending(77)
	changes, _, err := a.ChangesSince(ctx, modseq, 10)
	if err != nil || len(changes) != 2 || changes[0].Kind != store.ChangeSubmission || changes[0].Submission != 77 || changes[1].Submission != plain.ID {
		t.Errorf("changes %+v, %v", changes, err)
	}
	s.Close()
}
