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

	"mox/imap"
	"mox/internal/vfs/faultfs"
	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
	"mox/store"
)

// submissions is a queue with submissions of account "a".
type submissions struct {
	*testQueue
	*Submissions
	account  *store.Account
	received time.Time // Of what beginCopy begins.
}

func newTestSubmissions(t *testing.T, change func(*Options)) *submissions {
	t.Helper()
	s := &submissions{received: time.Now().Add(-time.Hour).Truncate(time.Second)}
	s.testQueue = newQueue(t, t.TempDir(), func(o *Options) {
		o.Done = func(m queuedb.Message) error { return s.Submissions.Done(m) }
		if change != nil {
			change(o)
		}
	})
	s.Submissions, _ = newSubmissions(t, s.testQueue)
	var err error
	if s.account, err = s.Accounts.Open(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *submissions) close() {
	s.testQueue.close()
	s.account.Close()
	if err := s.Accounts.Close(); err != nil {
		s.t.Error(err)
	}
}

// submitOne sends a message to addresses as account a, and returns the error.
func (s *submissions) submitOne(to ...string) error {
	s.t.Helper()
	b, err := newBody(strings.NewReader(testMessage), int64(len(testMessage)))
	if err != nil {
		s.t.Fatal(err)
	}
	var rcpts []pipeline.Recipient
	for _, addr := range to {
		rcpts = append(rcpts, s.recipient(addr))
	}
	env := pipeline.Envelope{ID: "replaced", MailFrom: path(s.t, "a@local.example"), Received: time.Now(), Account: "a"}
	errs, err := pipeline.Deliver(s.t.Context(), s.Submissions, env, rcpts, b)
	return errors.Join(append(errs, err)...)
}

// copied says whether there is a Sent copy.
type copied int

const (
	noCopy copied = iota
	sentCopy
	erasedCopy
)

// record adds a submission as a process would that ends right after.
func (s *submissions) record(sent copied) store.Submission {
	s.t.Helper()
	sub := store.Submission{Created: time.Now(), MailFrom: "a@local.example", RcptTo: []string{"x@remote.example", "b@local.example", "gone@local.example"}}
	var d *store.Delivery
	switch sent {
	case erasedCopy:
		sub.Email = store.EmailID{Key: 1234567}
	case sentCopy:
		d = &store.Delivery{Mailbox: "Sent", NewMessage: store.NewMessage{Body: strings.NewReader(testMessage), Size: int64(len(testMessage))}}
		var rcpts []queuedb.Recipient
		for _, to := range sub.RcptTo {
			rcpts = append(rcpts, queuedb.Recipient{Path: path(s.t, to)})
		}
		var err error
		if sub.Extra, err = makeExtra(pipeline.Envelope{}, rcpts); err != nil {
			s.t.Fatal(err)
		}
	}
	sub, err := s.account.AddSubmission(s.t.Context(), store.Actor{Account: s.account.ID()}, sub, d)
	if err != nil {
		s.t.Fatal(err)
	}
	return sub
}

func (s *submissions) envelopeID(sub store.Submission) string {
	return submissionKey{s.account.ID(), sub.ID}.envelopeID()
}

// checkState checks the state of a submission, which is changed by that.
func (s *submissions) checkState(id store.SubmissionID, want store.SubmissionState) {
	s.t.Helper()
	for st := store.SubmissionPending; st <= store.SubmissionCanceled; st++ {
		err := s.account.SetSubmissionState(context.Background(), store.System, id, st, st)
		if (err == nil) != (st == want) {
			s.t.Errorf("submission in state %d: %v; want it in state %d", st, err, want)
		}
	}
}

// only returns the id of the one submission in the queue.
func (s *submissions) only() store.SubmissionID {
	s.t.Helper()
	l, err := s.List(s.t.Context(), queuedb.Filter{Account: "a"}, queuedb.Page{})
	if err != nil || len(l) == 0 {
		s.t.Fatalf("list: %v, %v", l, err)
	}
	k, ok := parseEnvelopeID(l[0].Message.EnvelopeID)
	if !ok || k.account != s.account.ID() {
		s.t.Fatalf("envelope id %q", l[0].Message.EnvelopeID)
	}
	return k.id
}

func TestSubmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestSubmissions(t, nil)
		defer s.close()
		if err := s.submitOne("x@remote.example", "b@local.example"); err != nil {
			t.Fatal(err)
		}
		id := s.only()
		s.checkState(id, store.SubmissionQueued)
		s.start()
		synctest.Wait()
		s.checkState(id, store.SubmissionDone)
		if n := len(s.active); n != 0 {
			t.Errorf("%d submissions left in memory", n)
		}
	})
}

func TestSubmissionIsCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestSubmissions(t, nil)
		defer s.close()
		if err := s.submitOne("x@remote.example"); err != nil {
			t.Fatal(err)
		}
		id := s.only()
		ok, err := s.testQueue.Cancel(t.Context(), submissionKey{s.account.ID(), id}.envelopeID())
		if !ok || err != nil {
			t.Fatalf("cancel: %v, %v", ok, err)
		}
		s.checkState(id, store.SubmissionCanceled)
	})
}

// What the queue refuses is recorded as canceled: nobody is waiting for it.
func TestRefusedSubmissionIsCanceled(t *testing.T) {
	t.Parallel()
	s := newTestSubmissions(t, nil)
	defer s.close()
	boom := errors.New("no space left")
	s.files.SetHook(func(c faultfs.Call) error {
		if c.Op == faultfs.Write {
			return boom
		}
		return nil
	})
	if err := s.submitOne("x@remote.example"); !errors.Is(err, boom) || !smtp.IsTemporary(err) {
		t.Errorf("submission: %v, want boom", err)
	}
	s.files.SetHook(nil)
	if l, err := s.account.PendingSubmissions(t.Context()); err != nil || len(l) != 0 {
		t.Errorf("pending %v, %v; want none", l, err)
	}
	if l := s.states(queuedb.Filter{}); len(l) != 0 {
		t.Errorf("in the queue: %v", l)
	}
	if err := s.submitOne("x@remote.example"); err != nil {
		t.Errorf("submission: %v", err)
	}
}

func TestSubmissionWithoutAccount(t *testing.T) {
	t.Parallel()
	s := newTestSubmissions(t, nil)
	defer s.close()
	if _, err := s.Begin(t.Context(), pipeline.Envelope{ID: "x"}); err == nil {
		t.Error("began a submission of nobody")
	}
	d, err := s.Begin(t.Context(), pipeline.Envelope{ID: "x", Account: "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := newBody(strings.NewReader(testMessage), int64(len(testMessage)))
	if err := errors.Join(d.Recipient(t.Context(), s.recipient("x@remote.example")), d.Body(t.Context(), b)); err != nil {
		t.Fatal(err)
	}
	if errs := d.Commit(t.Context()); len(errs) != 1 || errs[0] == nil {
		t.Errorf("submission of an account that does not exist: %v", errs)
	}
}

// Whatever moment the process ended at, Replay finds out what became of a submission.
func TestReplay(t *testing.T) {
	t.Parallel()
	queued := func(s *submissions, sub store.Submission) {
		var rcpts []pipeline.Recipient
		for _, to := range sub.RcptTo {
			rcpts = append(rcpts, s.recipient(to))
		}
		s.submit(pipeline.Envelope{ID: s.envelopeID(sub), MailFrom: path(s.t, sub.MailFrom), Received: time.Now(), Account: "a"}, testMessage, rcpts...)
	}
	update := func(s *submissions, f func(context.Context, queuedb.Filter) (int, error)) {
		if n, err := f(s.t.Context(), queuedb.Filter{}); n != 3 || err != nil {
			s.t.Fatalf("changed %d, %v", n, err)
		}
	}
	for _, tc := range []struct {
		name   string
		sent   copied
		before func(s *submissions, sub store.Submission)
		want   store.SubmissionState
		queued int // Recipients in the queue.
	}{
		{"recorded only", noCopy, nil, store.SubmissionCanceled, 0},
		{"recorded with a copy", sentCopy, nil, store.SubmissionQueued, 3},
		{"queued", noCopy, queued, store.SubmissionQueued, 3},
		{"queued, with a copy", sentCopy, queued, store.SubmissionQueued, 3},
		{"done", sentCopy, func(s *submissions, sub store.Submission) {
			queued(s, sub)
			update(s, s.Drop)
			s.pendingAgain(sub)
		}, store.SubmissionDone, 3},
		{"canceled", sentCopy, func(s *submissions, sub store.Submission) {
			queued(s, sub)
			if ok, err := s.testQueue.Cancel(s.t.Context(), s.envelopeID(sub)); !ok || err != nil {
				s.t.Fatalf("cancel: %v, %v", ok, err)
			}
			s.pendingAgain(sub)
		}, store.SubmissionCanceled, 3},
		{"its copy is gone", erasedCopy, nil, store.SubmissionCanceled, 0},
		{"being submitted at this moment", noCopy, func(s *submissions, sub store.Submission) {
			s.begin(submissionKey{s.account.ID(), sub.ID})
		}, store.SubmissionPending, 0},
		{"settled before", noCopy, func(s *submissions, sub store.Submission) {
			if err := s.Replay(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		}, store.SubmissionCanceled, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newTestSubmissions(t, func(o *Options) {
				o.LookupLocal = func(_ context.Context, p smtp.Path) (string, string, bool, error) {
					switch {
					case p.Localpart == "gone":
						return "", "", true, smtp.NewError(smtp.C550MailboxUnavailable, smtp.E511UnknownMailbox, "no such user", nil)
					case p.IPDomain.Domain.ASCII == "local.example":
						return string(p.Localpart), "Lists", true, nil
					}
					return "", "", false, nil
				}
			})
			defer s.close()
			sub := s.record(tc.sent)
			if tc.before != nil {
				tc.before(s, sub)
			}
			if err := s.Replay(t.Context()); err != nil {
				t.Fatal(err)
			}
			l, err := s.List(t.Context(), queuedb.Filter{EnvelopeID: s.envelopeID(sub)}, queuedb.Page{})
			if err != nil || len(l) != tc.queued {
				t.Errorf("%d recipients in the queue, %v; want %d", len(l), err, tc.queued)
			}
			s.checkState(sub.ID, tc.want)
		})
	}
}

// pendingAgain undoes that the state was recorded.
func (s *submissions) pendingAgain(sub store.Submission) {
	s.t.Helper()
	err := s.account.SetSubmissionState(context.Background(), store.System, sub.ID, store.SubmissionPending, store.SubmissionDone, store.SubmissionCanceled)
	if err != nil {
		s.t.Fatal(err)
	}
}

// beginCopy begins a submission with a Sent copy, all of whose envelope is set, up to its body.
func (s *submissions) beginCopy() *Submission {
	s.t.Helper()
	env := pipeline.Envelope{
		ID: "replaced", MailFrom: path(s.t, "a@local.example"), SMTPUTF8: true, EightBit: true, Binary: true,
		Received: s.received, Account: "a", ENVID: "my id", Ret: smtp.RetHeaders,
		RequireTLS: smtp.RequireTLSAlways, FutureRelease: "for;1",
	}
	d, err := s.BeginWithCopy(s.t.Context(), env, Copy{Delivery: store.Delivery{Mailbox: "Sent", NewMessage: store.NewMessage{Flags: imap.FlagSeen}}})
	if err != nil {
		s.t.Fatal(err)
	}
	prefix := []byte("Received: by us\r\nDate: now\r\n")
	for _, r := range []pipeline.Recipient{
		{
			Path: path(s.t, "x@remote.example"), Prefix: prefix, Notify: smtp.NotifySuccess | smtp.NotifyDelay,
			OriginalRecipient: smtp.OriginalRecipient{Type: "RFC822", Address: "List+x@remote.example"},
		},
		{Path: path(s.t, "y@remote.example"), Prefix: prefix, Notify: smtp.NotifyNever, OriginalRecipient: smtp.OriginalRecipient{Type: "utf-8", Address: "ÿ@remote.example"}},
		{Path: path(s.t, "b@local.example"), Account: "b", Mailbox: "Junk", Prefix: []byte("X-Mox-Reason: x\r\n"), Keywords: []string{"$Junk"}, Auth: []byte("[1]")},
	} {
		if err := d.Recipient(s.t.Context(), r); err != nil {
			s.t.Fatal(err)
		}
	}
	b, err := newBody(strings.NewReader(testMessage), int64(len(testMessage)))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := d.Body(s.t.Context(), b); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// recordOnly records a submission, as submission 5, as a process does that ends right after.
func (s *submissions) recordOnly(d *Submission) (store.Submission, error) {
	return d.record(s.t.Context(), s.account, submissionKey{s.account.ID(), 5}, d.rcpts)
}

// entries describes what is in the queue, without what differs between two submissions of one message.
func (s *submissions) entries() (l []string) {
	s.t.Helper()
	entries, err := s.List(s.t.Context(), queuedb.Filter{}, queuedb.Page{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		e.Message.EnvelopeID, e.Message.ID, e.Recipient.ID, e.Recipient.Message, e.Recipient.NextAttempt = "", 0, 0, 0, time.Time{}
		e.Message.Received = e.Message.Received.UTC()
		l = append(l, fmt.Sprintf("%+v", e))
	}
	return l
}

// sentCopies returns how many there are.
func (s *submissions) sentCopies() int64 {
	s.t.Helper()
	mb, err := s.account.MailboxByName(s.t.Context(), store.System, "Sent")
	if errors.Is(err, store.ErrNoMailbox) {
		return 0
	} else if err != nil {
		s.t.Fatal(err)
	}
	return mb.Counts.Total
}

// What is queued again from a copy is what was submitted: the bytes, what was put in front of them, and all that the
// envelope said.
func TestReplayFromCopy(t *testing.T) {
	t.Parallel()
	normal, again := newTestSubmissions(t, nil), newTestSubmissions(t, nil)
	defer normal.close()
	defer again.close()
	again.received = normal.received
	committed := normal.beginCopy()
	if errs := committed.Commit(t.Context()); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if l, err := normal.List(t.Context(), queuedb.Filter{}, queuedb.Page{}); err != nil || fmt.Sprint(l[0].Message.ID) != committed.QueueID() {
		t.Errorf("in the queue %+v, %v; the sender is told id %s", l, err, committed.QueueID())
	}
	// The process ends right after the record.
	d := again.beginCopy()
	sub, err := d.record(t.Context(), again.account, submissionKey{again.account.ID(), 5}, d.rcpts)
	if err != nil || sub.ID != 5 || sub.Email.IsZero() {
		t.Fatalf("%+v, %v", sub, err)
	}
	for range 2 {
		if err := again.Replay(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := again.entries(), normal.entries(); len(want) != 3 || !slices.Equal(got, want) {
		t.Errorf("queued again:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if id := again.only(); id != 5 {
		t.Errorf("queued as %d", id)
	}
	for _, r := range d.rcpts {
		if got := again.queued(t, pipeline.Recipient{Path: r.Path}); len(got) != 1 || got[0] != string(r.Prefix)+testMessage {
			t.Errorf("%s: queued %q", r.Path, got)
		}
	}
	if n := again.sentCopies(); n != 1 {
		t.Errorf("%d copies", n)
	}
	again.checkState(5, store.SubmissionQueued)
}

// A record that cannot be understood is told, and hinders no other.
func TestReplayOfDamagedRecord(t *testing.T) {
	t.Parallel()
	for _, extra := range []string{"", "{", "{}", `{"Recipients":[{"Prefix":1}],"Prefixes":[""]}`, `{"Recipients":[{"ORCPT":"x"}],"Prefixes":[""]}`} {
		s := newTestSubmissions(t, nil)
		_, err := s.account.AddSubmission(t.Context(), store.System, store.Submission{RcptTo: []string{"x@remote.example"}, Extra: []byte(extra)}, &store.Delivery{
			Mailbox: "Sent", NewMessage: store.NewMessage{Body: strings.NewReader(testMessage), Size: int64(len(testMessage))},
		})
		if err != nil {
			t.Fatal(err)
		}
		good, err := s.recordOnly(s.beginCopy())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.replayAccount(t.Context(), s.account); err == nil {
			t.Errorf("%q: no error", extra)
		}
		if got := s.entries(); len(got) != 3 {
			t.Errorf("%q: %d recipients queued, want those of the other", extra, len(got))
		}
		s.checkState(good.ID, store.SubmissionQueued)
		s.close()
	}
}

// A submission that the queue refuses leaves no copy: its sender is told, and sends it again.
func TestRefusedSubmissionLeavesNoCopy(t *testing.T) {
	t.Parallel()
	s := newTestSubmissions(t, nil)
	defer s.close()
	boom := errors.New("no space left")
	s.files.SetHook(func(c faultfs.Call) error {
		if c.Op == faultfs.Write {
			return boom
		}
		return nil
	})
	if err := errors.Join(s.beginCopy().Commit(t.Context())...); !errors.Is(err, boom) {
		t.Fatalf("submission: %v, want boom", err)
	}
	s.files.SetHook(nil)
	if n := s.sentCopies(); n != 0 {
		t.Errorf("%d copies of what was refused", n)
	}
	if l, err := s.account.PendingSubmissions(t.Context()); err != nil || len(l) != 0 {
		t.Errorf("pending %v, %v; want none", l, err)
	}
	if err := errors.Join(s.beginCopy().Commit(t.Context())...); err != nil {
		t.Fatal(err)
	}
	if n := s.sentCopies(); n != 1 {
		t.Errorf("%d copies of what was sent", n)
	}
	if got := s.entries(); len(got) != 3 {
		t.Errorf("%d recipients in the queue", len(got))
	}
}

// An account of the same name that was made later has nothing to do with it.
func TestDoneOfDeletedAccount(t *testing.T) {
	t.Parallel()
	s := newTestSubmissions(t, nil)
	defer s.close()
	for _, m := range []queuedb.Message{
		{EnvelopeID: submissionKey{s.account.ID() + 1, 5}.envelopeID(), Account: "a"},
		{EnvelopeID: submissionKey{s.account.ID(), 5}.envelopeID(), Account: "a"},
		{EnvelopeID: submissionKey{s.account.ID(), 5}.envelopeID(), Account: "gone"},
		{EnvelopeID: "submission-", Account: "a"},
		{EnvelopeID: "submission-x-!", Account: "a"},
		{EnvelopeID: "0123456789abcdef"},
	} {
		if err := s.Done(m); err != nil {
			t.Errorf("%q: %v", m.EnvelopeID, err)
		}
	}
}
