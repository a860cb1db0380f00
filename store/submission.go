package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// SubmissionState is where a submitted message is on its way.
type SubmissionState uint8

// States of a submission. Values are stored; do not renumber.
const (
	SubmissionPending  SubmissionState = 1 + iota // Recorded; the queue may not have it yet.
	SubmissionQueued                              // The queue has it.
	SubmissionDone                                // All recipients have a final result.
	SubmissionCanceled                            // Taken back before delivery.
)

// Submission records that a user sent a message. It is written before the message is
// queued, so that a crash between the two is repaired by queueing it again under the
// same id.
type Submission struct {
	ID       SubmissionID // Random; assigned by AddSubmission when zero.
	ModSeq   imap.ModSeq
	State    SubmissionState
	Created  time.Time
	SendAt   time.Time // Zero for at once.
	Email    EmailID   // The copy that the account keeps; zero without one.
	MailFrom string    // Reverse-path as in MAIL FROM, without brackets.
	RcptTo   []string  // Forward-paths, without brackets.
	Extra    []byte    // What the queue needs to queue it again; opaque to the store.

	// SentMailbox is the name of the mailbox to which the copy is moved when sending begins, after SendAt; empty
	// for a copy that stays where it is. Only AddSubmission looks at it.
	SentMailbox string

	// Copy is where AddSubmission has put the copy, if it was given one. Only its results and those of
	// ScheduledSubmissions have it.
	Copy Added
}

// AddSubmission records a submission in state pending. If sent is not nil, that copy is
// added in the same transaction and Submission.Email is set, from which the message can be
// queued again after a crash. Without a copy, a submission that the queue does not know
// after a crash was never acknowledged and is canceled.
//
// One with a SendAt is scheduled, see ScheduledSubmissions, until BeginSubmission or until it is done or canceled.
//
// Adding a submission again, under an id that exists, returns that one and adds nothing. Returns
// errors as Deliver.
func (a *Account) AddSubmission(ctx context.Context, actor Actor, s Submission, sent *Delivery) (Submission, error) {
	acc, err := a.use()
	if err != nil {
		return Submission{}, err
	}
	if s.ID == 0 {
		id, err := acc.store.random63()
		if err != nil {
			return Submission{}, err
		}
		s.ID = SubmissionID(id)
	}
	s.State = SubmissionPending
	if s.Created.IsZero() {
		s.Created = acc.store.opts.Now()
	}
	o := &op{label: "add_submission"}
	if s.SentMailbox != "" {
		if s.SentMailbox, err = checkName(s.SentMailbox); err != nil {
			return Submission{}, err
		}
	}
	var name string
	if sent != nil {
		if name, err = sent.mailboxName(); err != nil {
			return Submission{}, err
		}
		acc.adding.Add(1)
		defer acc.adding.Add(-1)
		e, err := acc.prepareDelivery(ctx, sent, name)
		if err != nil {
			return Submission{}, err
		}
		o.bodies = []*newEmail{e}
	}
	var row submissionRow
	var added Added
	o.run = func(tx *txn) error {
		row, added = submissionRow{ID: s.ID}, Added{}
		err := tx.get(&row)
		if err != bstore.ErrAbsent {
			return err
		}
		row = makeSubmissionRow(s)
		if sent != nil {
			if added, err = tx.deliver(sent, name, o.bodies[0]); err != nil {
				return err
			}
			row.Email = added.Email
			if err := tx.insert(&submissionCopyRow{added.Email.Key, row.ID}); err != nil {
				return err
			}
		}
		if row.SendAt != 0 {
			if err := tx.insert(&scheduledSubmissionRow{ID: row.ID, Mailbox: added.Mailbox, UID: added.UID, Sent: s.SentMailbox}); err != nil {
				return err
			}
		}
		row.ModSeq = tx.modSeq()
		tx.log(Change{Kind: ChangeSubmission, Submission: row.ID})
		if err := tx.rememberRecipients(&s, o.bodies...); err != nil {
			return err
		}
		if err := tx.insert(&row); err != nil {
			return err
		}
		return tx.insert(&pendingSubmissionRow{ID: row.ID})
	}
	if err := acc.withBodies(ctx, o); err != nil {
		return Submission{}, err
	}
	s = row.export()
	s.Copy = added
	return s, nil
}

// CancelSubmission moves a pending submission, as AddSubmission has returned it, to state canceled and removes
// its copy, in one transaction. Returns errors as SetSubmissionState.
func (a *Account) CancelSubmission(ctx context.Context, actor Actor, s Submission) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	return acc.write(ctx, "cancel_submission", func(tx *txn) error {
		if err := tx.setSubmission(s.ID, SubmissionCanceled, []SubmissionState{SubmissionPending}); err != nil || s.Copy.UID == 0 {
			return err
		}
		var uids imap.UIDSet
		uids.Add(s.Copy.UID)
		_, _, err := tx.expunge(s.Copy.Mailbox, uids, false)
		if errors.Is(err, ErrNoMailbox) {
			return nil // It was deleted, with the copy in it.
		}
		return err
	})
}

// SetSubmissionState moves a submission from one of the states in from to state to. The copy of one that was scheduled
// goes with it: once done it is in SentMailbox, once canceled it is where KeepCanceled said, or removed.
// Returns ErrSubmissionState if it was in another state, ErrNoSubmission.
func (a *Account) SetSubmissionState(ctx context.Context, actor Actor, id SubmissionID, to SubmissionState, from ...SubmissionState) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	return acc.write(ctx, "set_submission", func(tx *txn) error { return tx.setSubmission(id, to, from) })
}

func (t *txn) setSubmission(id SubmissionID, to SubmissionState, from []SubmissionState) error {
	if id == 0 {
		return ErrNoSubmission
	}
	row := submissionRow{ID: id}
	if err := t.get(&row); err == bstore.ErrAbsent {
		return ErrNoSubmission
	} else if err != nil {
		return err
	}
	if !slices.Contains(from, row.State) {
		return ErrSubmissionState
	}
	pending := pendingSubmissionRow{ID: id}
	var err error
	switch {
	case row.State == to:
		return nil
	case row.State == SubmissionPending:
		err = t.delete(&pending)
	case to == SubmissionPending:
		err = t.insert(&pending)
	}
	if err != nil {
		return err
	}
	switch to {
	case SubmissionDone:
		err = t.sendScheduled(&row)
	case SubmissionCanceled:
		err = t.cancelScheduled(&row)
	}
	if err != nil {
		return err
	}
	row.State = to
	return t.updateSubmission(&row)
}

// updateSubmission writes a submission that has changed.
func (t *txn) updateSubmission(row *submissionRow) error {
	row.ModSeq = t.modSeq()
	t.log(Change{Kind: ChangeSubmission, Submission: row.ID})
	return t.update(row)
}

// Submission returns a submission. Returns ErrNoSubmission.
func (a *Account) Submission(ctx context.Context, id SubmissionID) (Submission, error) {
	return a.findSubmission(ctx, func(*bstore.Tx) (SubmissionID, error) { return id, nil })
}

// SubmissionOf returns the submission of which an email is the copy. Returns ErrNoSubmission if it is of none.
func (a *Account) SubmissionOf(ctx context.Context, email EmailID) (Submission, error) {
	s, err := a.findSubmission(ctx, func(tx *bstore.Tx) (SubmissionID, error) {
		row := submissionCopyRow{Email: email.Key}
		if email.IsZero() {
			return 0, bstore.ErrAbsent
		}
		err := tx.Get(&row)
		return row.Submission, err
	})
	if err == nil && s.Email != email {
		return Submission{}, ErrNoSubmission
	}
	return s, err
}

// findSubmission returns the submission with the id that find returns.
func (a *Account) findSubmission(ctx context.Context, find func(tx *bstore.Tx) (SubmissionID, error)) (Submission, error) {
	acc, err := a.use()
	if err != nil {
		return Submission{}, err
	}
	var row submissionRow
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		id, err := find(tx)
		if err != nil {
			return err
		}
		if id == 0 {
			return bstore.ErrAbsent
		}
		row = submissionRow{ID: id}
		return tx.Get(&row)
	})
	if err == bstore.ErrAbsent {
		return Submission{}, ErrNoSubmission
	} else if err != nil {
		return Submission{}, err
	}
	return row.export(), nil
}

// PendingSubmissions lists submissions in state pending, oldest first.
func (a *Account) PendingSubmissions(ctx context.Context) ([]Submission, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	var l []Submission
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		l = nil
		return bstore.QueryTx[pendingSubmissionRow](tx).ForEach(func(p pendingSubmissionRow) error {
			row := submissionRow{ID: p.ID}
			if err := tx.Get(&row); err != nil {
				return err
			}
			l = append(l, row.export())
			return nil
		})
	})
	slices.SortFunc(l, func(a, b Submission) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ModSeq, b.ModSeq))
	})
	return l, err
}

func makeSubmissionRow(s Submission) submissionRow {
	r := submissionRow{
		ID: s.ID, State: s.State, Created: s.Created.Unix(), Email: s.Email,
		MailFrom: s.MailFrom, RcptTo: s.RcptTo, Extra: s.Extra,
	}
	if !s.SendAt.IsZero() {
		r.SendAt = s.SendAt.Unix()
	}
	return r
}

func (r *submissionRow) export() Submission {
	s := Submission{
		ID: r.ID, ModSeq: r.ModSeq, State: r.State, Created: time.Unix(r.Created, 0).UTC(), Email: r.Email,
		MailFrom: r.MailFrom, RcptTo: r.RcptTo, Extra: r.Extra,
	}
	if r.SendAt != 0 {
		s.SendAt = time.Unix(r.SendAt, 0).UTC()
	}
	return s
}
