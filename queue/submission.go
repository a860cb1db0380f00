package queue

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
	"mox/store"
)

// Submissions takes messages that accounts send: it records each in its sender's account, then
// queues it under the same id, so that a crash between the two is repaired by Replay.
// It is safe for concurrent use. The exported fields must not change once it is used.
type Submissions struct {
	Queue    *Queue
	Accounts *store.Store
	Log      *slog.Logger

	rescheduling sync.Mutex // Held while SendAt is changed, in queue and account.

	mu     sync.Mutex                 // Guards active.
	active map[submissionKey]struct{} // Being submitted now, from before they are recorded until after their state is.
}

type submissionKey struct {
	account store.AccountID
	id      store.SubmissionID
}

func (k submissionKey) envelopeID() string {
	return submissionPrefix + strconv.FormatInt(int64(k.account), 36) + "-" + strconv.FormatInt(int64(k.id), 36)
}

// parseEnvelopeID returns false for the id of what is no submission.
func parseEnvelopeID(s string) (k submissionKey, ok bool) {
	s, ok = strings.CutPrefix(s, submissionPrefix)
	account, id, _ := strings.Cut(s, "-")
	a, err1 := strconv.ParseInt(account, 36, 64)
	i, err2 := strconv.ParseInt(id, 36, 64)
	return submissionKey{store.AccountID(a), store.SubmissionID(i)}, ok && err1 == nil && err2 == nil
}

var _ pipeline.Target = (*Submissions)(nil)

// submissionPrefix starts the envelope ids of submissions.
const submissionPrefix = "submission-"

// Begin implements pipeline.Target. The envelope must name the account; its ID is replaced. Returns ErrSendTime.
func (s *Submissions) Begin(ctx context.Context, env pipeline.Envelope) (pipeline.Delivery, error) {
	return s.newSubmission(env)
}

// BeginWithCopy is Begin for a message of which the account keeps a copy. Copy and record are one write: when Commit
// returns no error both are there, and after an error of which the outcome is known neither mail nor copy is, so that to
// send again makes no double. Returns ErrSendTime.
func (s *Submissions) BeginWithCopy(ctx context.Context, env pipeline.Envelope, c Copy) (*Submission, error) {
	d, err := s.newSubmission(env)
	if err != nil {
		return nil, err
	}
	d.copy = &c
	return d, nil
}

func (s *Submissions) newSubmission(env pipeline.Envelope) (*Submission, error) {
	if env.Account == "" {
		return nil, errors.New("submission without an account")
	}
	var err error
	if env.SendAt, err = s.sendAt(env.SendAt); err != nil {
		return nil, err
	}
	return &Submission{s: s, delivery: delivery{q: s.Queue, env: env}}, nil
}

// Copy is the copy of a submission that its sender's account keeps.
type Copy struct {
	// Delivery has where the copy is put, and its flags and keywords. Body and Size are those of the submission. A prefix, such
	// as a Bcc field, is the copy's alone.
	store.Delivery

	// SentMailbox is where the copy is moved when sending of a message with a SendAt begins. If there is none of the name by
	// then, it goes to the mailbox with the use \Sent, or one is made. Empty to leave it where it is.
	SentMailbox string
}

// Submission is a message on its way into the queue, with a record in the sender's account.
type Submission struct {
	delivery
	s    *Submissions
	copy *Copy // Nil for none.

	recorded store.Submission // After a good commit.
}

var (
	_ pipeline.Delivery = (*Submission)(nil)
	_ pipeline.Queued   = (*Submission)(nil)
)

// QueueID implements pipeline.Queued: submissions are followed by their senders.
func (d *Submission) QueueID() string { return strconv.FormatInt(int64(d.id), 10) }

// ID returns the id of the submission, after a Commit without errors.
func (d *Submission) ID() store.SubmissionID { return d.recorded.ID }

// Copy tells where the copy was put, after a Commit without errors.
func (d *Submission) Copy() store.Added { return d.recorded.Copy }

// Recipient implements pipeline.Delivery.
func (d *Submission) Recipient(ctx context.Context, r pipeline.Recipient) error {
	return d.delivery.Recipient(ctx, r)
}

// Body implements pipeline.Delivery.
func (d *Submission) Body(ctx context.Context, b pipeline.Body) error { return d.delivery.Body(ctx, b) }

// Abort implements pipeline.Delivery.
func (d *Submission) Abort() { d.delivery.Abort() }

// Commit implements pipeline.Delivery.
func (d *Submission) Commit(ctx context.Context) []error {
	errs := make([]error, len(d.rcpts))
	err := d.commit(ctx)
	d.ended = true
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func (d *Submission) commit(ctx context.Context) error {
	acc, err := d.s.Accounts.Open(ctx, d.env.Account)
	if err != nil {
		return fmt.Errorf("opening account of sender: %w", err)
	}
	defer acc.Close()
	k := submissionKey{account: acc.ID(), id: newSubmissionID()}
	d.s.begin(k)
	defer d.s.end(k)
	if d.body == nil {
		return errNoBody
	}
	// Before anything is recorded: a message that cannot be signed is as if it had not been sent.
	unsigned := d.rcpts
	if err := d.sign(ctx); err != nil {
		return err
	}
	// Unsigned, as what is queued again is signed again.
	sub, err := d.record(ctx, acc, k, unsigned)
	if err != nil {
		return fmt.Errorf("recording submission: %w", err)
	}
	d.env.ID = k.envelopeID()
	err = d.delivery.commit(ctx)
	if errors.Is(err, queuedb.ErrInDoubt) {
		return err // Replay will know.
	}
	// The message is durable, or was refused: the record follows even if the client is gone.
	// It may be done already, and Replay repairs what fails here.
	after, actor := context.WithoutCancel(ctx), store.Actor{Account: acc.ID()}
	var serr error
	if err == nil {
		serr = acc.SetSubmissionState(after, actor, k.id, store.SubmissionQueued, store.SubmissionPending)
	} else {
		serr = acc.CancelSubmission(after, actor, sub)
	}
	if serr != nil && !errors.Is(serr, store.ErrSubmissionState) {
		d.s.Log.Error("recording state of submission", "account", d.env.Account, "submission", k.id, "err", serr)
	}
	if err == nil {
		d.recorded = sub
		if !sub.SendAt.IsZero() {
			d.q.met.changes.WithLabelValues("scheduled").Inc()
		}
	}
	return err
}

// record adds the submission to the account, with the copy if there is to be one.
func (d *Submission) record(ctx context.Context, acc *store.Account, k submissionKey, rcpts []queuedb.Recipient) (store.Submission, error) {
	sub := store.Submission{ID: k.id, Created: d.env.Received, SendAt: d.env.SendAt, MailFrom: formatPath(d.env.MailFrom)}
	for _, r := range rcpts {
		sub.RcptTo = append(sub.RcptTo, formatPath(r.Path))
	}
	if d.copy == nil {
		return acc.AddSubmission(ctx, store.Actor{Account: acc.ID()}, sub, nil)
	}
	sent := d.copy.Delivery
	sent.Body, sent.Size, sent.Root = d.body, d.body.Size(), d.body.Root()
	if !sub.SendAt.IsZero() {
		sub.SentMailbox = d.copy.SentMailbox
	}
	var err error
	if sub.Extra, err = makeExtra(d.env, rcpts); err != nil {
		return store.Submission{}, err
	}
	return acc.AddSubmission(ctx, store.Actor{Account: acc.ID()}, sub, &sent)
}

// newSubmissionID returns a random id, not zero.
func newSubmissionID() store.SubmissionID {
	var b [8]byte
	rand.Read(b[:])
	return store.SubmissionID(binary.BigEndian.Uint64(b[:])>>1 | 1)
}

func (s *Submissions) begin(k submissionKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active == nil {
		s.active = map[submissionKey]struct{}{}
	}
	s.active[k] = struct{}{}
}

func (s *Submissions) end(k submissionKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.active, k)
}

// Done records in the sender's account that a message has its final results. It is meant for
// Options.Done.
func (s *Submissions) Done(m queuedb.Message) error {
	k, ok := parseEnvelopeID(m.EnvelopeID)
	if !ok || m.Account == "" {
		return nil
	}
	to := store.SubmissionDone
	if m.Canceled {
		to = store.SubmissionCanceled
	}
	return s.note(m.Account, k, func(ctx context.Context, acc *store.Account) error {
		return acc.SetSubmissionState(ctx, store.System, k.id, to, store.SubmissionPending, store.SubmissionQueued)
	})
}

// Begun has the copy of a message moved to the mailbox for sent mail, as sending begins. It is meant for Options.Begun. What
// it fails to do, Done does.
func (s *Submissions) Begun(m queuedb.Message) error {
	k, ok := parseEnvelopeID(m.EnvelopeID)
	if !ok || m.Account == "" {
		return nil
	}
	return s.note(m.Account, k, func(ctx context.Context, acc *store.Account) error {
		return acc.BeginSubmission(ctx, store.System, k.id)
	})
}

// note changes a submission in the sender's account, if it still exists.
func (s *Submissions) note(account string, k submissionKey, change func(ctx context.Context, acc *store.Account) error) error {
	ctx := context.Background()
	acc, err := s.Accounts.Open(ctx, account)
	if errors.Is(err, store.ErrNoAccount) {
		return nil
	} else if err != nil {
		return err
	}
	defer acc.Close()
	if acc.ID() != k.account {
		return nil // Another one of the same name.
	}
	err = change(ctx, acc)
	if errors.Is(err, store.ErrSubmissionState) || errors.Is(err, store.ErrNoSubmission) {
		return nil // It was told before.
	}
	return err
}

// Replay settles submissions that a crash left pending: what the queue knows is queued,
// what has a Sent copy is queued again, anything else was never acknowledged and is
// canceled. What is being submitted meanwhile it leaves alone. It walks through all accounts and is
// meant to run in the background after Start.
func (s *Submissions) Replay(ctx context.Context) error {
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		replay := func(acc *store.Account) error { return s.replayAccount(ctx, acc) }
		if err := s.Accounts.Visit(ctx, a.Name, replay); err != nil && !errors.Is(err, store.ErrNoAccount) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.Log.Error("settling pending submissions", "account", a.Name, "err", err)
		}
	}
	return nil
}

func (s *Submissions) replayAccount(ctx context.Context, acc *store.Account) error {
	l, err := s.left(ctx, acc)
	if err != nil {
		return err
	}
	for _, sub := range l {
		if serr := s.settle(ctx, acc, sub); serr != nil {
			err = errors.Join(err, fmt.Errorf("submission %d: %w", sub.ID, serr))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(err, s.settleScheduled(ctx, acc))
}

// left returns the pending submissions of an account that nobody is working on.
func (s *Submissions) left(ctx context.Context, acc *store.Account) ([]store.Submission, error) {
	// Whatever is submitted now stays active while this looks, if it was pending.
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := acc.PendingSubmissions(ctx)
	return slices.DeleteFunc(l, func(sub store.Submission) bool {
		_, active := s.active[submissionKey{acc.ID(), sub.ID}]
		return active
	}), err
}

func (s *Submissions) settle(ctx context.Context, acc *store.Account, sub store.Submission) error {
	k := submissionKey{acc.ID(), sub.ID}
	to := store.SubmissionCanceled
	m, err := s.Queue.db.MessageByEnvelope(ctx, k.envelopeID())
	switch {
	case err == nil && m.Canceled:
	case err == nil && m.Open == 0:
		to = store.SubmissionDone
	case err == nil:
		to = store.SubmissionQueued
	case !errors.Is(err, queuedb.ErrNoMessage):
		return err
	case !sub.Email.IsZero():
		err := s.requeue(ctx, acc, sub)
		if errors.Is(err, store.ErrExpunged) {
			break // Its sender has deleted it.
		} else if err != nil {
			return err
		}
		to = store.SubmissionQueued
	}
	err = acc.SetSubmissionState(ctx, store.System, sub.ID, to, store.SubmissionPending)
	if errors.Is(err, store.ErrSubmissionState) {
		return nil // The queue was quicker and is done with it.
	}
	return err
}

// requeue queues a submission from its Sent copy, with the envelope it had.
func (s *Submissions) requeue(ctx context.Context, acc *store.Account, sub store.Submission) error {
	c, err := acc.Open(ctx, store.System, sub.Email)
	if err != nil {
		return err
	}
	defer c.Close()
	// What the copy has in front is not part of the message.
	prefix := int64(0)
	err = acc.Emails(ctx, store.System, []store.EmailID{sub.Email}, func(_ int, e *store.Email) error {
		if e == nil {
			return store.ErrExpunged
		}
		prefix = int64(len(e.Prefix))
		return nil
	})
	if err != nil {
		return err
	}
	size := c.Size() - prefix
	b, err := newBody(io.NewSectionReader(c, prefix, size), size)
	if err != nil {
		return err
	}
	d := &delivery{q: s.Queue, env: pipeline.Envelope{
		ID:   submissionKey{acc.ID(), sub.ID}.envelopeID(),
		Size: b.Size(), Received: sub.Created, SendAt: sub.SendAt, Account: acc.Name(),
	}}
	if d.env.MailFrom, err = parsePath(sub.MailFrom); err != nil {
		return err
	}
	extra, err := parseExtra(sub)
	if err != nil {
		return err
	}
	d.env.SMTPUTF8, d.env.EightBit, d.env.Binary = extra.SMTPUTF8, extra.EightBit, extra.Binary
	d.env.ENVID, d.env.Ret, d.env.RequireTLS, d.env.FutureRelease = extra.ENVID, extra.Ret, extra.RequireTLS, extra.Hold
	for i, to := range sub.RcptTo {
		r, err := extra.recipient(i)
		if err == nil {
			err = s.address(ctx, &r, to)
		}
		if err == nil {
			err = d.Recipient(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	if err := d.Body(ctx, b); err != nil {
		return err
	}
	if err := d.sign(ctx); err != nil {
		return err
	}
	return d.commit(ctx)
}

// address addresses a recipient of a submission that is queued again, where it belongs now.
func (s *Submissions) address(ctx context.Context, r *pipeline.Recipient, to string) error {
	was, mailbox := r.Account, r.Mailbox
	r.Account, r.Mailbox = "", ""
	var err error
	if r.Path, err = smtp.ParsePath(to); err != nil {
		return err
	}
	account, defaultMailbox, local, err := s.Queue.opts.LookupLocal(ctx, r.Path)
	switch {
	case local && err == nil && account == was:
		r.Account, r.Mailbox = was, mailbox
	case local && err == nil:
		r.Account, r.Mailbox = account, defaultMailbox
	case local && !smtp.IsTemporary(err):
		// It is gone since. Delivering it finds that out, and tells the sender.
	case err != nil:
		return err
	}
	return nil
}

func formatPath(p smtp.Path) string {
	if p.IsZero() {
		return ""
	}
	return p.XString(true)
}

// parsePath parses what formatPath has written.
func parsePath(s string) (smtp.Path, error) {
	if s == "" {
		return smtp.Path{}, nil
	}
	return smtp.ParsePath(s)
}
