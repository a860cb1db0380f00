package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mox/queuedb"
	"mox/smtp"
	"mox/store"
)

// MaxSendDelay is how far ahead a message can be scheduled.
const MaxSendDelay = 366 * 24 * time.Hour

// Errors of submissions that are sent later, for errors.Is.
var (
	// ErrTooLate says that a submission is not to be sent later, or not any more: it goes on as it is.
	ErrTooLate = errors.New("message is being sent or was sent")

	// ErrSendTime says that a message is to be sent later than MaxSendDelay allows.
	ErrSendTime = fmt.Errorf("message cannot be sent that late, at most %d days ahead", MaxSendDelay/(24*time.Hour))
)

// sendAt returns the SendAt for a time, in whole seconds as accounts keep it; zero for one that is not ahead.
func (s *Submissions) sendAt(at time.Time) (time.Time, error) {
	now := s.Queue.opts.Now()
	switch {
	case at.IsZero() || !at.After(now):
		return time.Time{}, nil
	case at.Sub(now) > MaxSendDelay:
		return time.Time{}, ErrSendTime
	}
	return at.Add(time.Second - 1).Truncate(time.Second), nil
}

// Cancel takes back a submission before its SendAt. Its copy is moved to the mailbox keep as a draft, or if there is none of
// the name to that with the use \Drafts, or one is made; if keep is empty the copy is removed. Canceling a second time changes nothing and is no error. Returns ErrTooLate,
// store.ErrNoSubmission, store.ErrNoAccount, store.ErrBadName.
func (s *Submissions) Cancel(ctx context.Context, account string, id store.SubmissionID, keep string) error {
	acc, k, err := s.open(ctx, account, id)
	if err != nil {
		return err
	}
	defer acc.Close()
	sub, err := acc.Submission(ctx, id)
	if err != nil || sub.State == store.SubmissionCanceled {
		return err
	}
	// First, as the queue decides, and after a crash it must be known what it meant.
	if err := acc.KeepCanceled(ctx, store.Actor{Account: acc.ID()}, id, keep); err != nil {
		return tooLate(err)
	}
	canceled, err := s.Queue.Cancel(ctx, k.envelopeID())
	switch {
	case canceled:
		s.Queue.met.changes.WithLabelValues("canceled").Inc()
		return nil
	case errors.Is(err, queuedb.ErrNoMessage) && sub.State == store.SubmissionQueued:
		// The queue was lost, or restored from a time before.
		err = acc.SetSubmissionState(ctx, store.Actor{Account: acc.ID()}, id, store.SubmissionCanceled, store.SubmissionQueued)
		return tooLate(err)
	case err != nil:
		return err
	}
	if sub, err := acc.Submission(ctx, id); err == nil && sub.State == store.SubmissionCanceled {
		return nil // By another call.
	}
	return ErrTooLate
}

// Reschedule sets another time for a submission to be sent, before its SendAt. If at is not ahead, it is sent now. Returns
// ErrTooLate, ErrSendTime, store.ErrNoSubmission, store.ErrNoAccount.
func (s *Submissions) Reschedule(ctx context.Context, account string, id store.SubmissionID, at time.Time) error {
	at, err := s.sendAt(at)
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = s.Queue.opts.Now().Truncate(time.Second)
	}
	acc, k, err := s.open(ctx, account, id)
	if err != nil {
		return err
	}
	defer acc.Close()
	if _, err := acc.Submission(ctx, id); err != nil {
		return err
	}
	s.rescheduling.Lock()
	defer s.rescheduling.Unlock()
	ok, err := s.Queue.Reschedule(ctx, k.envelopeID(), at)
	if err != nil && !errors.Is(err, queuedb.ErrNoMessage) {
		return err
	}
	if !ok {
		return ErrTooLate
	}
	s.Queue.met.changes.WithLabelValues("rescheduled").Inc()
	// The queue has decided: what fails here is repaired by Replay.
	err = acc.RescheduleSubmission(context.WithoutCancel(ctx), store.Actor{Account: acc.ID()}, id, at)
	if err != nil && !errors.Is(err, store.ErrSubmissionState) {
		s.Log.Error("recording new time of submission", "account", account, "submission", id, "err", err)
	}
	return nil
}

// SendNow has a submission sent at once that was to be sent later. Returns errors as Reschedule.
func (s *Submissions) SendNow(ctx context.Context, account string, id store.SubmissionID) error {
	return s.Reschedule(ctx, account, id, time.Time{})
}

// tooLate returns an error of the store as those of this package.
func tooLate(err error) error {
	if errors.Is(err, store.ErrSubmissionState) {
		return ErrTooLate
	}
	return err
}

func (s *Submissions) open(ctx context.Context, account string, id store.SubmissionID) (*store.Account, submissionKey, error) {
	acc, err := s.Accounts.Open(ctx, account)
	if err != nil {
		return nil, submissionKey{}, err
	}
	return acc, submissionKey{acc.ID(), id}, nil
}

// settleScheduled brings the account's notion of when submissions are sent to that of the queue, where a crash came between
// the two.
func (s *Submissions) settleScheduled(ctx context.Context, acc *store.Account) error {
	l, err := acc.ScheduledSubmissions(ctx)
	if err != nil {
		return err
	}
	for _, sub := range l {
		err = errors.Join(err, s.settleTime(ctx, acc, sub.ID))
	}
	return err
}

func (s *Submissions) settleTime(ctx context.Context, acc *store.Account, id store.SubmissionID) error {
	s.rescheduling.Lock()
	defer s.rescheduling.Unlock()
	m, err := s.Queue.db.MessageByEnvelope(ctx, submissionKey{acc.ID(), id}.envelopeID())
	if errors.Is(err, queuedb.ErrNoMessage) || err == nil && m.SendAt.IsZero() {
		return nil
	} else if err != nil {
		return err
	}
	err = acc.RescheduleSubmission(ctx, store.System, id, m.SendAt)
	if errors.Is(err, store.ErrSubmissionState) {
		return nil // Sending has begun.
	}
	return err
}

// Status is what is known of the delivery of a submission.
type Status struct {
	Submission store.Submission

	// Recipients are in the order in which they were given. There are none once the queue has forgotten the message, some
	// days after its end (Options.Remember).
	Recipients []RecipientStatus
}

// RecipientStatus is what is known of the delivery to a recipient.
type RecipientStatus struct {
	Path        smtp.Path
	State       queuedb.State
	Attempts    int
	NextAttempt time.Time         // Zero in a final state.
	Results     []queuedb.Attempt // Oldest first. The last 20 are kept.
}

// Status tells what the queue knows of the delivery of a submission. Returns store.ErrNoSubmission, store.ErrNoAccount.
func (s *Submissions) Status(ctx context.Context, account string, id store.SubmissionID) (Status, error) {
	acc, k, err := s.open(ctx, account, id)
	if err != nil {
		return Status{}, err
	}
	defer acc.Close()
	sub, err := acc.Submission(ctx, id)
	if err != nil {
		return Status{}, err
	}
	st := Status{Submission: sub}
	page := queuedb.Page{Limit: 500}
	for {
		l, err := s.Queue.db.List(ctx, queuedb.Filter{EnvelopeID: k.envelopeID()}, page)
		if err != nil {
			return Status{}, err
		}
		for i := range l {
			r := &l[i].Recipient
			st.Recipients = append(st.Recipients, RecipientStatus{r.Path, r.State, r.Attempts, r.NextAttempt, r.Results})
			page.After = r.ID
		}
		if len(l) < page.Limit {
			return st, nil
		}
	}
}
