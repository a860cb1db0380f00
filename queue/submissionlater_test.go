package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mox/pipeline"
	"mox/queuedb"
	"mox/store"
)

func newLaterSubmissions(t *testing.T, change func(*Options)) *submissions {
	t.Helper()
	var s *submissions
	s = newTestSubmissions(t, func(o *Options) {
		o.Begun = func(m queuedb.Message) error { return s.Submissions.Begun(m) }
		if change != nil {
			change(o)
		}
	})
	return s
}

// beginLater begins a submission whose copy is in mailbox Scheduled until it is sent, up to its body.
func (s *submissions) beginLater(at time.Time, to ...string) *Submission {
	s.t.Helper()
	env := pipeline.Envelope{MailFrom: path(s.t, "a@local.example"), Received: time.Now(), Account: "a", SendAt: at}
	c := Copy{
		Delivery:    store.Delivery{Mailbox: "Scheduled", NewMessage: store.NewMessage{Prefix: []byte("Bcc: secret@remote.example\r\n")}},
		SentMailbox: "Sent",
	}
	d, err := s.BeginWithCopy(s.t.Context(), env, c)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := newBody(strings.NewReader(testMessage), int64(len(testMessage)))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, addr := range to {
		if err := d.Recipient(s.t.Context(), pipeline.Recipient{Path: path(s.t, addr)}); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := d.Body(s.t.Context(), b); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// later submits a message to be sent at a time.
func (s *submissions) later(at time.Time, to ...string) store.SubmissionID {
	s.t.Helper()
	d := s.beginLater(at, to...)
	if err := errors.Join(d.Commit(s.t.Context())...); err != nil {
		s.t.Fatal(err)
	}
	if d.ID() == 0 || d.Copy().UID == 0 {
		s.t.Fatalf("submission %d with copy %+v", d.ID(), d.Copy())
	}
	return d.ID()
}

// checkLater checks where the copies are, by mailbox, how many submissions are scheduled, and how many attempts were made.
func (s *submissions) checkLater(when, copies string, scheduled, attempts int) {
	s.t.Helper()
	synctest.Wait()
	boxes, err := s.account.Mailboxes(s.t.Context(), store.System)
	if err != nil {
		s.t.Fatal(err)
	}
	var l []string
	for _, mb := range boxes {
		if mb.Counts.Total > 0 {
			l = append(l, fmt.Sprintf("%s %d", mb.Name, mb.Counts.Total))
		}
	}
	slices.Sort(l)
	if got := strings.Join(l, ", "); got != copies {
		s.t.Errorf("%s: copies in %q, want %q", when, got, copies)
	}
	if l, err := s.account.ScheduledSubmissions(s.t.Context()); err != nil || len(l) != scheduled {
		s.t.Errorf("%s: scheduled %+v, %v; want %d", when, l, err, scheduled)
	}
	if n := len(s.transport.records()); n != attempts {
		s.t.Errorf("%s: %d attempts, want %d", when, n, attempts)
	}
}

func TestSubmissionIsSentLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLaterSubmissions(t, nil)
		defer s.close()
		s.transport.deliver = answer(errTemporary)
		s.start()
		begin := time.Now()
		id := s.later(begin.Add(8*time.Hour), "x@one.example", "y@two.example")
		time.Sleep(8*time.Hour - time.Second)
		s.checkLater("a second before", "Scheduled 1", 1, 0)
		s.checkState(id, store.SubmissionQueued)
		time.Sleep(time.Second)
		s.checkLater("at the time", "Sent 1", 0, 2)
		// It is not late yet: there is nothing to tell the sender.
		time.Sleep(3*time.Hour - time.Second)
		if l := s.local.messages(); len(l) != 0 {
			t.Errorf("after almost three hours the sender is told %q", l)
		}
		// From the time on, it is tried for as long as any other.
		time.Sleep(5*24*time.Hour - 4*time.Hour)
		sent := queuedb.Filter{From: "a@local.example"}
		if got := s.states(sent); got["x@one.example"] != queuedb.Waiting {
			t.Errorf("after almost five days: %v", got)
		}
		time.Sleep(24 * time.Hour)
		if got := s.states(sent); got["x@one.example"] != queuedb.Failed || got["y@two.example"] != queuedb.Failed {
			t.Errorf("after more than five days: %v", got)
		}
		s.checkState(id, store.SubmissionDone)
	})
}

func TestCancelSubmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLaterSubmissions(t, nil)
		defer s.close()
		s.start()
		ctx := t.Context()
		at := time.Now().Add(10 * time.Second)
		first, second, third := s.later(at, "x@one.example"), s.later(at, "x@one.example"), s.later(at, "x@one.example")
		time.Sleep(9 * time.Second)
		s.checkLater("before", "Scheduled 3", 3, 0)
		for range 2 {
			if err := s.Cancel(ctx, "a", first, ""); err != nil {
				t.Errorf("cancel: %v", err)
			}
		}
		s.checkLater("first canceled", "Scheduled 2", 2, 0)
		if err := s.Cancel(ctx, "a", second, "Drafts"); err != nil {
			t.Errorf("cancel: %v", err)
		}
		s.checkLater("second canceled", "Drafts 1, Scheduled 1", 1, 0)
		if err := s.Cancel(ctx, "a", third, "a\x00b"); !errors.Is(err, store.ErrBadName) {
			t.Errorf("cancel to a bad name: %v", err)
		}
		time.Sleep(time.Second)
		s.checkLater("at the time", "Drafts 1, Sent 1", 0, 1)
		if err := s.Cancel(ctx, "a", third, "Drafts"); !errors.Is(err, ErrTooLate) {
			t.Errorf("cancel of what was sent: %v", err)
		}
		if err := s.Reschedule(ctx, "a", first, time.Now().Add(time.Hour)); !errors.Is(err, ErrTooLate) {
			t.Errorf("reschedule of what was canceled: %v", err)
		}
		s.checkState(first, store.SubmissionCanceled)
		s.checkState(second, store.SubmissionCanceled)
		s.checkState(third, store.SubmissionDone)
		for _, id := range []store.SubmissionID{0, 12345} {
			if err := s.Cancel(ctx, "a", id, ""); !errors.Is(err, store.ErrNoSubmission) {
				t.Errorf("cancel of %d: %v", id, err)
			}
			if err := s.SendNow(ctx, "a", id); !errors.Is(err, store.ErrNoSubmission) {
				t.Errorf("sending %d: %v", id, err)
			}
			if _, err := s.Status(ctx, "a", id); !errors.Is(err, store.ErrNoSubmission) {
				t.Errorf("status of %d: %v", id, err)
			}
		}
		if err := s.Cancel(ctx, "nobody", first, ""); !errors.Is(err, store.ErrNoAccount) {
			t.Errorf("cancel for an account that does not exist: %v", err)
		}
	})
}

// An operator who has everything tried does not mean what is to be sent later, but can.
func TestScheduleLeavesLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLaterSubmissions(t, nil)
		defer s.close()
		s.start()
		s.later(time.Now().Add(time.Hour), "x@one.example")
		if n, err := s.Schedule(t.Context(), queuedb.Filter{Domain: "one.example"}, time.Now()); n != 0 || err != nil {
			t.Errorf("scheduled %d, %v", n, err)
		}
		s.checkLater("all tried", "Scheduled 1", 1, 0)
		l, err := s.List(t.Context(), queuedb.Filter{}, queuedb.Page{})
		if err != nil || len(l) != 1 {
			t.Fatal(l, err)
		}
		if n, err := s.Schedule(t.Context(), queuedb.Filter{IDs: []queuedb.RecipientID{l[0].Recipient.ID}}, time.Now()); n != 1 || err != nil {
			t.Errorf("scheduled %d by id, %v", n, err)
		}
		s.checkLater("tried by id", "Sent 1", 0, 1)
	})
}

// What was not to be sent later cannot be taken back, nor what is being tried while its time has come.
func TestCancelTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLaterSubmissions(t, nil)
		defer s.close()
		ctx := t.Context()
		if err := s.submitOne("x@one.example"); err != nil {
			t.Fatal(err)
		}
		past := s.later(time.Now().Add(-time.Hour), "x@one.example")
		due := s.later(time.Now().Add(10*time.Second), "x@one.example")
		time.Sleep(10 * time.Second)
		for name, id := range map[string]store.SubmissionID{"not later": s.only(), "in the past": past, "its time has come": due} {
			if err := s.Cancel(ctx, "a", id, ""); !errors.Is(err, ErrTooLate) {
				t.Errorf("%s: cancel: %v", name, err)
			}
			if err := s.SendNow(ctx, "a", id); !errors.Is(err, ErrTooLate) {
				t.Errorf("%s: send now: %v", name, err)
			}
		}
		s.checkLater("not started", "Scheduled 2", 1, 0)
	})
}

func TestRescheduleSubmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLaterSubmissions(t, nil)
		defer s.close()
		s.start()
		ctx := t.Context()
		begin := time.Now()
		id := s.later(begin.Add(time.Hour), "x@one.example", "y@two.example")
		now := s.later(begin.Add(time.Hour), "x@one.example")
		check := func(want time.Time) {
			t.Helper()
			st, err := s.Status(ctx, "a", id)
			if err != nil || len(st.Recipients) != 2 || !st.Submission.SendAt.Equal(want) {
				t.Fatalf("status %+v, %v; want it at %s", st, err, want)
			}
			for i, addr := range []string{"x@one.example", "y@two.example"} {
				if r := st.Recipients[i]; r.Path.String() != addr || r.State != queuedb.Waiting || !r.NextAttempt.Equal(want) || r.Attempts != 0 {
					t.Errorf("status of %s: %+v; want it at %s", addr, r, want)
				}
			}
		}
		check(begin.Add(time.Hour))
		for _, d := range []time.Duration{3 * time.Hour, 30 * time.Minute, 2 * time.Hour} {
			if err := s.Reschedule(ctx, "a", id, begin.Add(d)); err != nil {
				t.Fatal(err)
			}
			check(begin.Add(d))
		}
		if err := s.Reschedule(ctx, "a", id, begin.Add(MaxSendDelay+time.Hour)); !errors.Is(err, ErrSendTime) {
			t.Errorf("more than a year ahead: %v", err)
		}
		if err := s.SendNow(ctx, "a", now); err != nil {
			t.Fatal(err)
		}
		s.checkLater("one was sent now", "Scheduled 1, Sent 1", 1, 1)
		time.Sleep(2*time.Hour - time.Second)
		s.checkLater("a second before", "Scheduled 1, Sent 1", 1, 1)
		time.Sleep(time.Second)
		s.checkLater("at the time", "Sent 2", 0, 3)
		st, err := s.Status(ctx, "a", id)
		if err != nil || len(st.Recipients) != 2 || st.Submission.State != store.SubmissionDone || st.Submission.Email.IsZero() {
			t.Fatalf("status %+v, %v", st, err)
		}
		if r := st.Recipients[0]; r.State != queuedb.Delivered || r.Attempts != 1 || len(r.Results) != 1 || !r.Results[0].Success {
			t.Errorf("status of a recipient: %+v", r)
		}
	})
}

func TestSendTimeIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLaterSubmissions(t, nil)
		defer s.close()
		env := pipeline.Envelope{Account: "a", SendAt: time.Now().Add(MaxSendDelay + time.Second)}
		if _, err := s.Begin(t.Context(), env); !errors.Is(err, ErrSendTime) {
			t.Errorf("more than a year ahead: %v", err)
		}
		if _, err := s.BeginWithCopy(t.Context(), env, Copy{}); !errors.Is(err, ErrSendTime) {
			t.Errorf("more than a year ahead: %v", err)
		}
		// Without a whole second, it is rather a little late than early.
		id := s.later(time.Now().Add(1500*time.Millisecond), "x@one.example")
		s.start()
		time.Sleep(1900 * time.Millisecond)
		s.checkLater("before", "Scheduled 1", 1, 0)
		time.Sleep(100 * time.Millisecond)
		s.checkLater("after", "Sent 1", 0, 1)
		s.checkState(id, store.SubmissionDone)
	})
}

// After a crash at any moment, a message is sent at its time, without what only the copy has.
func TestLaterAfterCrash(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		crash func(s *submissions, at time.Time) // Ends with a submission at that time, as a crash leaves it.
	}{
		{"recorded", func(s *submissions, at time.Time) {
			if _, err := s.recordOnly(s.beginLater(at, "x@one.example")); err != nil {
				s.t.Fatal(err)
			}
		}},
		{"queued", func(s *submissions, at time.Time) { s.later(at, "x@one.example") }},
		{"rescheduled in the queue only", func(s *submissions, at time.Time) {
			id := s.later(at.Add(-time.Hour), "x@one.example")
			if ok, err := s.testQueue.Reschedule(s.t.Context(), submissionKey{s.account.ID(), id}.envelopeID(), at); !ok || err != nil {
				s.t.Fatal(ok, err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newLaterSubmissions(t, nil)
				defer s.close()
				at := time.Now().Add(3 * time.Hour)
				tc.crash(s, at)
				s.start()
				if err := s.Replay(t.Context()); err != nil {
					t.Fatal(err)
				}
				if l, err := s.account.ScheduledSubmissions(t.Context()); err != nil || len(l) != 1 || !l[0].SendAt.Equal(at) {
					t.Errorf("scheduled %+v, %v; want one at %s", l, err, at)
				}
				time.Sleep(3*time.Hour - time.Second)
				s.checkLater("a second before", "Scheduled 1", 1, 0)
				time.Sleep(time.Second)
				s.checkLater("at the time", "Sent 1", 0, 1)
				if l := s.transport.records(); len(l) == 1 && l[0].text != testMessage {
					t.Errorf("sent %q", l[0].text)
				}
			})
		})
	}
}

// A crash after the queue has canceled a submission, and before the account knows, leaves its copy where its sender
// wanted it.
func TestCancelAfterCrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fail := true
		s := newLaterSubmissions(t, func(o *Options) {
			done := o.Done
			o.Done = func(m queuedb.Message) error {
				if fail {
					return errors.New("crash")
				}
				return done(m)
			}
		})
		defer s.close()
		id := s.later(time.Now().Add(time.Hour), "x@one.example")
		if err := s.Cancel(t.Context(), "a", id, "Drafts"); err != nil {
			t.Fatal(err)
		}
		s.checkLater("not told", "Scheduled 1", 1, 0)
		fail = false
		s.start()
		s.checkLater("told", "Drafts 1", 0, 0)
		s.checkState(id, store.SubmissionCanceled)
	})
}

// A queue that was lost leaves its sender a way out.
func TestCancelWithoutQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLaterSubmissions(t, nil)
		defer s.close()
		ctx := context.Background()
		sub, err := s.recordOnly(s.beginLater(time.Now().Add(time.Hour), "x@one.example"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.account.SetSubmissionState(ctx, store.System, sub.ID, store.SubmissionQueued, store.SubmissionPending); err != nil {
			t.Fatal(err)
		}
		if err := s.SendNow(ctx, "a", sub.ID); !errors.Is(err, ErrTooLate) {
			t.Errorf("send now: %v", err)
		}
		if err := s.Cancel(ctx, "a", sub.ID, "Drafts"); err != nil {
			t.Errorf("cancel: %v", err)
		}
		s.checkLater("canceled", "Drafts 1", 0, 0)
		s.checkState(sub.ID, store.SubmissionCanceled)
	})
}
