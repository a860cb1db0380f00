package store

import (
	"context"
	"fmt"
	"time"

	"github.com/mjl-/bstore"

	"mox/imap"
)

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
// mixes the two. All mailboxes get UIDVALIDITYs that they never had, and messages the UIDs of those after them, see shiftUIDs;
// modseqs go on above the present time, and who asks for changes since an earlier one is told to read everything anew
// (ErrHorizon, RFC 7162 §3.1.2.2); ids of new mailboxes repeat none. Submissions in state pending are canceled: they may
// have been sent since. Web sessions end: they may have been ended since. It is for an account that nobody uses yet, and can be called again after an error. Returns
// ErrNoAccount.
func (s *Store) MarkRestored(ctx context.Context, account string) (Restored, error) {
	var r Restored
	var ids []MailboxID
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
		var err error
		if ids, err = tx.renumberAll(); err != nil {
			return err
		}
		if _, err = tx.removeWebSessions(func(*webSessionRow) bool { return true }); err != nil {
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
	if err == nil {
		err = a.acc.forgetChanges(ctx)
	}
	for _, id := range ids {
		if err == nil {
			err = a.acc.shiftUIDs(ctx, id)
		}
	}
	return r, err
}

// forgetChanges removes what the log has up to the horizon: it tells of UIDs that other messages are going to have.
func (a *account) forgetChanges(ctx context.Context) error {
	for more := true; more; {
		err := a.committer.do(ctx, &op{label: "restore", bulk: true, run: func(tx *txn) error {
			rows, err := bstore.QueryTx[changeRow](tx.tx).FilterLessEqual("ModSeq", tx.row.Horizon).SortAsc("ModSeq").Limit(pruneChunk).List()
			more = len(rows) == pruneChunk
			for i := range rows {
				if err == nil {
					err = tx.delete(&rows[i])
				}
			}
			return err
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// shiftChunk is how many messages get their UIDs in one transaction.
const shiftChunk = 1000

// shiftUIDs gives each message of a mailbox the UID of the one after it, and the last a new one. A client may take a new
// UIDVALIDITY for a mistake of the server and look whether messages have their UIDs still: mbsync does, and deletes
// what has been synchronised since the backup if they have, or if none of the UIDs is there. So they are there, with
// other messages.
func (a *account) shiftUIDs(ctx context.Context, id MailboxID) error {
	limit := messageID(id+1, 0) // Messages from here on have their new UIDs.
	to := imap.UID(0)           // The next message gets this one.
	for more := true; more; {
		var nextLimit int64
		var nextTo imap.UID
		err := a.committer.do(ctx, &op{label: "restore", bulk: true, run: func(tx *txn) error {
			nextLimit, nextTo = limit, to
			rows, err := bstore.QueryTx[messageRow](tx.tx).FilterGreaterEqual("ID", messageID(id, 0)).FilterLess("ID", limit).SortDesc("ID").Limit(shiftChunk).List()
			more = len(rows) == shiftChunk
			if err != nil || len(rows) == 0 {
				return err
			}
			b, err := tx.box(id)
			if err != nil {
				return err
			}
			if nextTo == 0 {
				if nextTo, err = tx.newUID(b); err != nil {
					return err
				}
				b.row.RecentFrom = b.row.UIDNext // None has just arrived.
			}
			for i := range rows {
				old := rows[i]
				if err := tx.delete(&rows[i]); err != nil {
					return err
				}
				nextLimit = old.ID
				old.ID = messageID(id, nextTo)
				if err := tx.insert(&old); err != nil {
					return err
				}
				nextTo = rows[i].uid()
			}
			return nil
		}})
		if err != nil {
			return err
		}
		limit, to = nextLimit, nextTo
	}
	return nil
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
