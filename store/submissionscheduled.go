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

// ScheduledSubmissions lists submissions with a SendAt that are neither sent, as far as BeginSubmission was told, nor
// canceled, earliest first. Submission.Copy has the email, mailbox and UID under which the copy was put.
func (a *Account) ScheduledSubmissions(ctx context.Context) ([]Submission, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	var l []Submission
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		l = nil
		return bstore.QueryTx[scheduledSubmissionRow](tx).ForEach(func(r scheduledSubmissionRow) error {
			row := submissionRow{ID: r.ID}
			if err := tx.Get(&row); err != nil {
				return err
			}
			s := row.export()
			s.SentMailbox = r.Sent
			if r.Mailbox != 0 {
				s.Copy = Added{Mailbox: r.Mailbox, UID: r.UID, Email: row.Email}
			}
			l = append(l, s)
			return nil
		})
	})
	slices.SortFunc(l, func(a, b Submission) int {
		return cmp.Or(a.SendAt.Compare(b.SendAt), cmp.Compare(a.ID, b.ID))
	})
	return l, err
}

// BeginSubmission notes that sending has begun of a submission that was scheduled: its copy is moved to the mailbox for
// sent mail, in one transaction with the note. Of others, and if it is told again, nothing changes. Returns
// ErrNoSubmission.
func (a *Account) BeginSubmission(ctx context.Context, actor Actor, id SubmissionID) error {
	// It is told often.
	begun, err := a.isBegun(ctx, id)
	if err != nil || begun {
		return err
	}
	return a.changeScheduled(ctx, "begin_submission", id, func(tx *txn, row *submissionRow, r *scheduledSubmissionRow) error {
		if r == nil {
			return nil
		}
		if err := tx.sendScheduled(row); err != nil {
			return err
		}
		return tx.updateSubmission(row)
	})
}

// isBegun reports whether a submission, of which there is a record, is not scheduled.
func (a *Account) isBegun(ctx context.Context, id SubmissionID) (begun bool, rerr error) {
	acc, err := a.use()
	if err != nil || id == 0 {
		return false, err
	}
	rerr = acc.read(ctx, func(tx *bstore.Tx) error {
		begun = false
		err := tx.Get(&scheduledSubmissionRow{ID: id})
		if err == bstore.ErrAbsent {
			err = tx.Get(&submissionRow{ID: id})
			begun = err == nil
		}
		if err == bstore.ErrAbsent {
			err = nil
		}
		return err
	})
	return begun, rerr
}

// RescheduleSubmission sets the SendAt of a submission that is scheduled. Returns ErrSubmissionState if it is not,
// ErrNoSubmission.
func (a *Account) RescheduleSubmission(ctx context.Context, actor Actor, id SubmissionID, at time.Time) error {
	return a.changeScheduled(ctx, "reschedule_submission", id, func(tx *txn, row *submissionRow, r *scheduledSubmissionRow) error {
		switch {
		case r == nil:
			return ErrSubmissionState
		case row.SendAt == at.Unix():
			return nil
		}
		row.SendAt = at.Unix()
		return tx.updateSubmission(row)
	})
}

// KeepCanceled sets what becomes of the copy of a submission that is scheduled, should it be canceled: it is moved to
// the mailbox as a draft, or if there is none of the name to that with the use \Drafts, or one is made; with an empty name it is removed. Returns ErrSubmissionState if it is not
// scheduled, ErrNoSubmission, ErrBadName.
func (a *Account) KeepCanceled(ctx context.Context, actor Actor, id SubmissionID, mailbox string) error {
	if mailbox != "" {
		var err error
		if mailbox, err = checkName(mailbox); err != nil {
			return err
		}
	}
	return a.changeScheduled(ctx, "keep_canceled", id, func(tx *txn, _ *submissionRow, r *scheduledSubmissionRow) error {
		switch {
		case r == nil:
			return ErrSubmissionState
		case r.Keep == mailbox:
			return nil
		}
		r.Keep = mailbox
		return tx.update(r)
	})
}

// changeScheduled runs a change of a submission. Fn gets nil for one that is not scheduled.
func (a *Account) changeScheduled(ctx context.Context, label string, id SubmissionID, fn func(tx *txn, row *submissionRow, r *scheduledSubmissionRow) error) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	if id == 0 {
		return ErrNoSubmission
	}
	return acc.write(ctx, label, func(tx *txn) error {
		row := submissionRow{ID: id}
		if err := tx.get(&row); err == bstore.ErrAbsent {
			return ErrNoSubmission
		} else if err != nil {
			return err
		}
		r := &scheduledSubmissionRow{ID: id}
		if err := tx.get(r); err == bstore.ErrAbsent {
			r = nil
		} else if err != nil {
			return err
		}
		return fn(tx, &row, r)
	})
}

// canBeScheduled reports whether the submission may be on the list of those that are scheduled.
func (r *submissionRow) canBeScheduled() bool {
	return r.SendAt != 0 && (r.State == SubmissionPending || r.State == SubmissionQueued)
}

// takeScheduled removes the row that says that a submission is scheduled, and returns it; nil if it is not.
func (t *txn) takeScheduled(id SubmissionID) (*scheduledSubmissionRow, error) {
	r := scheduledSubmissionRow{ID: id}
	if err := t.get(&r); err == bstore.ErrAbsent {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &r, t.delete(&r)
}

// sendScheduled ends that a submission is scheduled: its copy goes to the mailbox for sent mail.
func (t *txn) sendScheduled(row *submissionRow) error {
	r, err := t.takeScheduled(row.ID)
	if err != nil || r == nil || r.Sent == "" {
		return err
	}
	return t.moveSubmissionCopy(r, row.Email, r.Sent, Sent, 0)
}

// cancelScheduled ends that a submission is scheduled: its copy becomes a draft, or is removed.
func (t *txn) cancelScheduled(row *submissionRow) error {
	r, err := t.takeScheduled(row.ID)
	if err != nil || r == nil {
		return err
	}
	if r.Keep != "" {
		return t.moveSubmissionCopy(r, row.Email, r.Keep, Drafts, imap.FlagDraft|imap.FlagSeen)
	}
	from, m, err := t.submissionCopy(r, row.Email)
	if err != nil || m == nil {
		return err
	}
	var uids imap.UIDSet
	uids.Add(m.uid())
	_, _, err = t.expunge(from.row.ID, uids, false)
	return err
}

// submissionCopy returns the copy of a submission, nil if it is not where it was put: its owner may have moved it.
func (t *txn) submissionCopy(r *scheduledSubmissionRow, email EmailID) (*box, *messageRow, error) {
	if r.Mailbox == 0 {
		return nil, nil, nil
	}
	from, err := t.box(r.Mailbox)
	if errors.Is(err, ErrNoMailbox) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	m := messageRow{ID: messageID(r.Mailbox, r.UID)}
	if err := t.get(&m); err == bstore.ErrAbsent || err == nil && m.Email != email {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	return from, &m, nil
}

// moveSubmissionCopy moves the copy of a submission to the mailbox with a checked name, or else, as it may have been renamed,
// to that with a special use, and adds flags. If both are missing it makes one. A copy that the mailbox cannot take stays where it is.
func (t *txn) moveSubmissionCopy(r *scheduledSubmissionRow, email EmailID, name string, use SpecialUse, flags imap.Flags) error {
	from, m, err := t.submissionCopy(r, email)
	if err != nil || m == nil {
		return err
	}
	to, err := t.boxNamed(name)
	if errors.Is(err, ErrNoMailbox) {
		if id := t.boxWithUse(use); id != 0 {
			to, err = t.box(id)
		} else {
			to, err = t.createMailbox(name, use, true)
		}
	}
	if err != nil {
		return err
	}
	if to == from {
		return nil
	}
	was := *m
	m.Flags |= flags
	uid, err := t.place(m, to)
	if errors.Is(err, ErrTooManyKeywords) || errors.Is(err, errUIDs) {
		return nil
	} else if err != nil {
		return err
	}
	if err := t.deleteMessage(from, &was); err != nil {
		return err
	}
	gone := Change{Kind: ChangeExpunge, Mailbox: from.row.ID, Emails: []EmailID{email}}
	gone.UIDs.Add(was.uid())
	t.log(gone)
	t.logAdded(to, []Added{{UID: uid, Email: email}})
	return nil
}
