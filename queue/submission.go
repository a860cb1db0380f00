package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
	"mox/store"
)

// Submissions takes messages that accounts send: it records each in its sender's account, then
// queues it under the same id, so that a crash between the two is repaired by Replay.
// It is safe for concurrent use.
type Submissions struct {
	Queue    *Queue
	Accounts *store.Store
	Log      *slog.Logger
}

var _ pipeline.Target = (*Submissions)(nil)

// submissionPrefix starts the envelope ids of submissions.
const submissionPrefix = "submission-"

func submissionEnvelopeID(account store.AccountID, id store.SubmissionID) string {
	return submissionPrefix + strconv.FormatInt(int64(account), 36) + "-" + strconv.FormatInt(int64(id), 36)
}

// Begin implements pipeline.Target. The envelope must name the account; its ID is replaced.
func (s *Submissions) Begin(ctx context.Context, env pipeline.Envelope) (pipeline.Delivery, error) {
	if env.Account == "" {
		return nil, errors.New("submission without an account")
	}
	return &submission{s: s, delivery: delivery{q: s.Queue, env: env}}, nil
}

// submission is a delivery to the queue with a record in the sender's account around it.
type submission struct {
	delivery
	s *Submissions
}

var _ pipeline.Delivery = (*submission)(nil)

func (d *submission) Commit(ctx context.Context) []error {
	errs := make([]error, len(d.rcpts))
	err := d.commit(ctx)
	d.ended = true
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func (d *submission) commit(ctx context.Context) error {
	acc, err := d.s.Accounts.Open(ctx, d.env.Account)
	if err != nil {
		return fmt.Errorf("opening account of sender: %w", err)
	}
	defer acc.Close()
	actor := store.Actor{Account: acc.ID()}
	sub := store.Submission{Created: d.env.Received, MailFrom: formatPath(d.env.MailFrom)}
	for _, r := range d.rcpts {
		sub.RcptTo = append(sub.RcptTo, formatPath(r.Path))
	}
	sub, err = acc.AddSubmission(ctx, actor, sub, nil)
	if err != nil {
		return fmt.Errorf("recording submission: %w", err)
	}
	d.env.ID = submissionEnvelopeID(acc.ID(), sub.ID)
	to := store.SubmissionQueued
	err = d.delivery.commit(ctx)
	if err != nil {
		to = store.SubmissionCanceled
	}
	// The message is durable, or was refused: the record follows even if the client is gone.
	// It may be done already, and Replay repairs what fails here.
	serr := acc.SetSubmissionState(context.WithoutCancel(ctx), actor, sub.ID, to, store.SubmissionPending)
	if serr != nil && !errors.Is(serr, store.ErrSubmissionState) {
		d.s.Log.Error("recording state of submission", "account", d.env.Account, "submission", sub.ID, "err", serr)
	}
	return err
}

// Done records in the sender's account that a message has its final results. It is meant for
// Options.Done.
func (s *Submissions) Done(m queuedb.Message) {
	if !strings.HasPrefix(m.EnvelopeID, submissionPrefix) || m.Account == "" {
		return
	}
	_, text, _ := strings.Cut(strings.TrimPrefix(m.EnvelopeID, submissionPrefix), "-")
	id, err := strconv.ParseInt(text, 36, 64)
	if err == nil {
		err = s.setDone(context.Background(), m.Account, store.SubmissionID(id))
	}
	if err != nil && !errors.Is(err, store.ErrNoAccount) && !errors.Is(err, store.ErrSubmissionState) && !errors.Is(err, store.ErrNoSubmission) {
		s.Log.Error("recording end of submission", "account", m.Account, "envelope", m.EnvelopeID, "err", err)
	}
}

func (s *Submissions) setDone(ctx context.Context, account string, id store.SubmissionID) error {
	acc, err := s.Accounts.Open(ctx, account)
	if err != nil {
		return err
	}
	defer acc.Close()
	return acc.SetSubmissionState(ctx, store.System, id, store.SubmissionDone, store.SubmissionPending, store.SubmissionQueued)
}

// Replay settles submissions that a crash left pending: what the queue knows is queued,
// what has a Sent copy is queued again, anything else was never acknowledged and is
// canceled. It walks through all accounts and is meant to run in the background after
// Start.
func (s *Submissions) Replay(ctx context.Context) error {
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	// A submission younger than this may be on its way at this moment.
	before := s.Queue.opts.Now().Add(-time.Minute)
	for _, a := range accounts {
		if err := s.replayAccount(ctx, a.Name, before); err != nil && !errors.Is(err, store.ErrNoAccount) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.Log.Error("settling pending submissions", "account", a.Name, "err", err)
		}
	}
	return nil
}

func (s *Submissions) replayAccount(ctx context.Context, name string, before time.Time) error {
	acc, err := s.Accounts.Open(ctx, name)
	if err != nil {
		return err
	}
	defer acc.Close()
	l, err := acc.PendingSubmissions(ctx)
	if err != nil {
		return err
	}
	for _, sub := range l {
		if sub.Created.After(before) {
			continue
		}
		if err := s.settle(ctx, acc, sub); err != nil {
			return fmt.Errorf("submission %d: %w", sub.ID, err)
		}
	}
	return nil
}

func (s *Submissions) settle(ctx context.Context, acc *store.Account, sub store.Submission) error {
	to := store.SubmissionCanceled
	m, err := s.Queue.db.MessageByEnvelope(ctx, submissionEnvelopeID(acc.ID(), sub.ID))
	switch {
	case err == nil && m.Open == 0:
		to = store.SubmissionDone
	case err == nil:
		to = store.SubmissionQueued
	case !errors.Is(err, queuedb.ErrNoMessage):
		return err
	case sub.Email != 0:
		if err := s.requeue(ctx, acc, sub); err != nil {
			return err
		}
		to = store.SubmissionQueued
	}
	return acc.SetSubmissionState(ctx, store.System, sub.ID, to, store.SubmissionPending)
}

// requeue queues a submission from its Sent copy.
func (s *Submissions) requeue(ctx context.Context, acc *store.Account, sub store.Submission) error {
	c, err := acc.Open(ctx, store.System, sub.Email)
	if err != nil {
		return err
	}
	defer c.Close()
	b, err := newBody(c, c.Size())
	if err != nil {
		return err
	}
	env := pipeline.Envelope{
		ID: submissionEnvelopeID(acc.ID(), sub.ID), Size: c.Size(), Received: sub.Created, Account: acc.Name(),
		EightBit: true, SMTPUTF8: true, // Of the message nothing else is known.
	}
	if env.MailFrom, err = smtp.ParsePath(sub.MailFrom); err != nil {
		return err
	}
	d := &delivery{q: s.Queue, env: env}
	for _, to := range sub.RcptTo {
		p, err := smtp.ParsePath(to)
		if err != nil {
			return err
		}
		r := pipeline.Recipient{Path: p}
		account, mailbox, local, err := s.Queue.opts.LookupLocal(ctx, p)
		if err != nil {
			return err
		}
		if local {
			r.Account, r.Mailbox = account, mailbox
		}
		if err := d.Recipient(ctx, r); err != nil {
			return err
		}
	}
	if err := d.Body(ctx, b); err != nil {
		return err
	}
	return d.commit(ctx)
}

func formatPath(p smtp.Path) string {
	if p.IsZero() {
		return ""
	}
	return p.XString(true)
}
