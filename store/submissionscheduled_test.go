package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

// scheduled adds a submission to be sent later whose copy is in mailbox Scheduled and goes to Sent.
func scheduled(t *testing.T, a *store.Account, at time.Time) store.Submission {
	t.Helper()
	d := storetest.Delivery("Scheduled", simple)
	d.Flags = imap.FlagSeen
	d.Received = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	s, err := a.AddSubmission(t.Context(), store.System, store.Submission{SendAt: at, SentMailbox: "Sent", RcptTo: []string{"x@example.org"}}, &d)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetSubmissionState(t.Context(), store.System, s.ID, store.SubmissionQueued, store.SubmissionPending); err != nil {
		t.Fatal(err)
	}
	return s
}

// places tells where an email is, with its flags.
func places(t *testing.T, a *store.Account, email store.EmailID) (l []string) {
	t.Helper()
	boxes, err := a.Mailboxes(t.Context(), store.System)
	if err != nil {
		t.Fatal(err)
	}
	for _, mb := range boxes {
		sel, err := a.Select(t.Context(), store.System, mb.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range sel.View().All(1) {
			if e.Email == email {
				l = append(l, fmt.Sprintf("%s %s %v", mb.Name, mb.SpecialUse, e.Flags == imap.FlagSeen))
				if want := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC); !e.ReceivedTime().Equal(want) {
					t.Errorf("received %s, want %s", e.ReceivedTime(), want)
				}
			}
		}
		sel.Close()
	}
	return l
}

func TestScheduledSubmission(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	at := time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		change func(a *store.Account, s store.Submission) error
		places string // Of the copy.
		state  store.SubmissionState
		listed bool
		logs   int // Changes of the submission.
	}{
		{"waits", func(*store.Account, store.Submission) error { return nil }, `[Scheduled  true]`, store.SubmissionQueued, true, 0},
		{"begun", func(a *store.Account, s store.Submission) error {
			return a.BeginSubmission(ctx, store.System, s.ID)
		}, `[Sent \Sent true]`, store.SubmissionQueued, false, 1},
		{"begun, the mailbox for sent mail renamed", func(a *store.Account, s store.Submission) error {
			_, err := a.CreateMailbox(ctx, store.System, "Gesendet", store.Sent)
			return errors.Join(err, a.BeginSubmission(ctx, store.System, s.ID))
		}, `[Gesendet \Sent true]`, store.SubmissionQueued, false, 1},
		{"begun twice", func(a *store.Account, s store.Submission) error {
			return errors.Join(a.BeginSubmission(ctx, store.System, s.ID), a.BeginSubmission(ctx, store.System, s.ID))
		}, `[Sent \Sent true]`, store.SubmissionQueued, false, 1},
		{"done", func(a *store.Account, s store.Submission) error {
			return a.SetSubmissionState(ctx, store.System, s.ID, store.SubmissionDone, store.SubmissionQueued)
		}, `[Sent \Sent true]`, store.SubmissionDone, false, 1},
		{"canceled", func(a *store.Account, s store.Submission) error {
			return a.SetSubmissionState(ctx, store.System, s.ID, store.SubmissionCanceled, store.SubmissionQueued)
		}, `[]`, store.SubmissionCanceled, false, 1},
		{"canceled and kept", func(a *store.Account, s store.Submission) error {
			return errors.Join(
				a.KeepCanceled(ctx, store.System, s.ID, "Drafts"),
				a.SetSubmissionState(ctx, store.System, s.ID, store.SubmissionCanceled, store.SubmissionQueued),
			)
		}, `[Drafts \Drafts false]`, store.SubmissionCanceled, false, 1},
		{"canceled, not to be kept after all", func(a *store.Account, s store.Submission) error {
			return errors.Join(
				a.KeepCanceled(ctx, store.System, s.ID, "Drafts"), a.KeepCanceled(ctx, store.System, s.ID, ""),
				a.SetSubmissionState(ctx, store.System, s.ID, store.SubmissionCanceled, store.SubmissionQueued),
			)
		}, `[]`, store.SubmissionCanceled, false, 1},
		{"begun, its copy moved elsewhere", func(a *store.Account, s store.Submission) error {
			uids := imap.SetOf(s.Copy.UID)
			_, err := a.Move(ctx, store.System, s.Copy.Mailbox, uids, mailbox(t, a, "Inbox").ID)
			return errors.Join(err, a.BeginSubmission(ctx, store.System, s.ID))
		}, `[Inbox  true]`, store.SubmissionQueued, false, 1},
		{"canceled, its mailbox gone", func(a *store.Account, s store.Submission) error {
			return errors.Join(
				a.DeleteMailbox(ctx, store.System, "Scheduled"),
				a.SetSubmissionState(ctx, store.System, s.ID, store.SubmissionCanceled, store.SubmissionQueued),
			)
		}, `[]`, store.SubmissionCanceled, false, 1},
		{"another time", func(a *store.Account, s store.Submission) error {
			return errors.Join(
				a.RescheduleSubmission(ctx, store.System, s.ID, at.Add(time.Hour)),
				a.RescheduleSubmission(ctx, store.System, s.ID, at.Add(time.Hour)),
				a.RescheduleSubmission(ctx, store.System, s.ID, at),
			)
		}, `[Scheduled  true]`, store.SubmissionQueued, true, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			st := storetest.New(t)
			a := storetest.Account(t, st, "a")
			for _, mb := range []string{"Sent", "Drafts"} { // Made when needed, with the use that they have by name.
				if err := a.DeleteMailbox(ctx, store.System, mb); err != nil {
					t.Fatal(err)
				}
			}
			s := scheduled(t, a, at)
			since, err := a.ModSeq(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.change(a, s); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(places(t, a, s.Email)); got != tc.places {
				t.Errorf("copy in %s, want %s", got, tc.places)
			}
			l, err := a.ScheduledSubmissions(ctx)
			if err != nil || (len(l) == 1) != tc.listed {
				t.Errorf("scheduled: %+v, %v", l, err)
			} else if tc.listed && (l[0].ID != s.ID || !l[0].SendAt.Equal(at) || l[0].Copy.Email != s.Email || l[0].Copy.UID != s.Copy.UID || l[0].SentMailbox != "Sent") {
				t.Errorf("scheduled: %+v, want %+v", l[0], s)
			}
			got, err := a.SubmissionOf(ctx, s.Email)
			if err != nil || got.ID != s.ID || got.State != tc.state {
				t.Errorf("submission of the copy: %+v, %v; want state %d", got, err, tc.state)
			}
			changes, _, err := a.ChangesSince(ctx, since, 100)
			if err != nil {
				t.Fatal(err)
			}
			logs := 0
			for _, c := range changes {
				if c.Kind == store.ChangeSubmission && c.Submission == s.ID {
					logs++
				}
			}
			if logs != tc.logs {
				t.Errorf("%d changes of the submission in the log, want %d", logs, tc.logs)
			}
		})
	}
}

// A full mailbox name is refused when the submission is made, not a year later.
func TestScheduledSubmissionRefused(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := storetest.Account(t, storetest.New(t), "a")
	at := time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)
	d := storetest.Delivery("Scheduled", simple)
	_, err := a.AddSubmission(ctx, store.System, store.Submission{SendAt: at, SentMailbox: "a\x00b"}, &d)
	wantErr(t, err, store.ErrBadName, "adding one with a bad name")

	now, err := a.AddSubmission(ctx, store.System, store.Submission{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.BeginSubmission(ctx, store.System, now.ID); err != nil {
		t.Errorf("beginning one that was not scheduled: %v", err)
	}
	wantErr(t, a.RescheduleSubmission(ctx, store.System, now.ID, at), store.ErrSubmissionState, "rescheduling one that was not scheduled")
	wantErr(t, a.KeepCanceled(ctx, store.System, now.ID, "Drafts"), store.ErrSubmissionState, "keeping one that was not scheduled")
	s := scheduled(t, a, at)
	wantErr(t, a.KeepCanceled(ctx, store.System, s.ID, "a\x00b"), store.ErrBadName, "keeping it under a bad name")
	for _, id := range []store.SubmissionID{0, 99} {
		wantErr(t, a.BeginSubmission(ctx, store.System, id), store.ErrNoSubmission, "beginning")
		wantErr(t, a.RescheduleSubmission(ctx, store.System, id, at), store.ErrNoSubmission, "rescheduling")
		wantErr(t, a.KeepCanceled(ctx, store.System, id, ""), store.ErrNoSubmission, "keeping")
		_, err := a.Submission(ctx, id)
		wantErr(t, err, store.ErrNoSubmission, "looking up")
	}
	for _, email := range []store.EmailID{{}, {Key: 1, Random: 2}, {Key: s.Email.Key, Random: s.Email.Random + 1}} {
		_, err := a.SubmissionOf(ctx, email)
		wantErr(t, err, store.ErrNoSubmission, "looking up by its copy")
	}
	if err := a.BeginSubmission(ctx, store.System, s.ID); err != nil {
		t.Fatal(err)
	}
	wantErr(t, a.RescheduleSubmission(ctx, store.System, s.ID, at), store.ErrSubmissionState, "rescheduling one that was begun")
}
