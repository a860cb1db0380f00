package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"mox/imap"
)

// BumpUIDValidity gives a mailbox a new UIDVALIDITY, or all mailboxes if the name is empty: clients then give up what
// they keep of them and read them anew (RFC 9051 §2.3.1.1). Messages and their UIDs stay. Sessions that have such a
// mailbox selected are told that it is gone. It returns the mailboxes as they are then. Returns ErrNoMailbox.
func (a *Account) BumpUIDValidity(ctx context.Context, actor Actor, mailbox string) ([]Mailbox, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	var ids []MailboxID
	err = acc.write(ctx, "bump_uidvalidity", func(tx *txn) error {
		ids = nil
		if mailbox == "" {
			var err error
			ids, err = tx.renumberAll()
			return err
		}
		b, err := tx.boxNamed(canonicalName(mailbox))
		if err != nil {
			return err
		}
		ids = append(ids, b.row.ID)
		tx.renumber(b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var l []Mailbox
	for _, id := range ids {
		if mb, err := a.MailboxByID(ctx, actor, id); err == nil {
			l = append(l, mb)
		}
	}
	return l, nil
}

// renumber gives a mailbox a new UIDVALIDITY.
func (t *txn) renumber(b *box) {
	b.row.UIDValidity = t.row.newUIDValidity(t.now)
	b.renumbered = true
	t.touch(b)
	t.log(Change{Kind: ChangeMailboxRenumber, Mailbox: b.row.ID})
}

// renumberAll gives all mailboxes new UIDVALIDITYs, and returns their ids.
func (t *txn) renumberAll() ([]MailboxID, error) {
	t.account.mu.RLock()
	ids := slices.Sorted(maps.Keys(t.account.boxes.byID))
	t.account.mu.RUnlock()
	for _, id := range ids {
		b, err := t.box(id)
		if err != nil {
			return nil, err
		}
		t.renumber(b)
	}
	return ids, nil
}

// By how much what a restored account gives out next is above what a backup can tell of: since then the account may
// have given out more. UIDVALIDITYs and modseqs begin with the present time besides, in seconds and milliseconds.
const (
	restoredUIDValidity = 24 * time.Hour
	restoredModSeqs     = 1 << 20
	restoredMailboxes   = 1000
)

// Restored tells what MarkRestored did.
type Restored struct {
	Mailboxes int // Got a new UIDVALIDITY.
	Canceled  int // Submissions that the queue had not confirmed.
}

// MarkRestored makes an account that comes from a backup differ from what it was after the backup, so that no client
// mixes the two. All mailboxes get UIDVALIDITYs that they never had; modseqs go on above the present time, and who asks
// for changes since an earlier one is told to read everything anew (ErrHorizon, RFC 7162 §3.1.2.2); ids of new mailboxes
// repeat none. Submissions in state pending are canceled: they may have been sent since. Returns ErrNoAccount.
func (s *Store) MarkRestored(ctx context.Context, account string) (Restored, error) {
	var r Restored
	a, err := s.Open(ctx, account)
	if err != nil {
		return r, err
	}
	defer a.Close()
	pending, err := a.PendingSubmissions(ctx)
	if err != nil {
		return r, err
	}
	err = a.acc.committer.do(ctx, &op{label: "restore", bulk: true, run: func(tx *txn) error {
		old := tx.row.ModSeq
		tx.row.NextUIDValidity = max(tx.row.NextUIDValidity, uint32(min(tx.now.Add(restoredUIDValidity).Unix(), 1<<32-1<<24)))
		tx.row.ModSeq = max(tx.row.ModSeq+restoredModSeqs, imap.ModSeq(tx.now.UnixMilli()))
		tx.row.Horizon = tx.row.ModSeq
		tx.row.NextMailbox = min(tx.row.NextMailbox+restoredMailboxes, max(tx.row.NextMailbox, maxMailboxID))
		tx.writes++
		ids, err := tx.renumberAll()
		if err != nil {
			return err
		}
		r = Restored{Mailboxes: len(ids), Canceled: len(pending)}
		for i := range pending {
			if err := tx.setSubmission(pending[i].ID, SubmissionCanceled, []SubmissionState{SubmissionPending}); err != nil {
				return fmt.Errorf("canceling submission: %w", err)
			}
		}
		return tx.liftCursors(old)
	}})
	return r, err
}

// liftCursors moves cursors of consumers that had seen all changes up to old, to where changes go on now. Others are below
// the horizon, and their consumers begin anew.
func (t *txn) liftCursors(old imap.ModSeq) error {
	rows, err := allRows[cursorRow](t.tx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.ModSeq == old {
			r.ModSeq = t.row.Horizon
			if err := t.update(&r); err != nil {
				return err
			}
		}
	}
	return nil
}
