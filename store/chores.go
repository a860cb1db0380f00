package store

import (
	"context"
	"time"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// Chores are what the committer does when nobody waits for it, in small batches: erasing what was expunged,
// removing the messages of deleted mailboxes, and forgetting old changes and delivery ids.

const (
	// eraseChunk is how many emails are erased in one transaction.
	eraseChunk = 200

	// pruneChunk is how many changes or delivery ids are removed in one transaction.
	pruneChunk = 1000

	// pruneEvery is how often is looked for old changes and delivery ids.
	pruneEvery = 24 * time.Hour
)

// The change log keeps entries for changesAge, or if there are more than changesMax, at least for
// changesMinAge.
const (
	changesAge    = 90 * 24 * time.Hour
	changesMinAge = 30 * 24 * time.Hour
	changesMax    = 1_000_000
)

// chores is what there is to do.
type chores struct {
	gone    []MailboxID // Deleted mailboxes with messages left.
	eraseAt time.Time   // When the next emails may be erased; zero if there are none.
	unread  int64       // Rows up to this one were there when the account was opened: nobody reads these emails any more.
	pruneAt time.Time
	sweep   bool      // Files left by a crash have to be looked for.
	pause   time.Time // After a chore that failed, none is done until then.
}

// plan finds out what is left to do when an account was opened. Nobody can still read what was expunged
// before.
func (ch *chores) plan(a *account) {
	now := a.store.opts.Now()
	ch.pruneAt = now
	ch.eraseAt = now
	ch.sweep = a.blobs.Unclean()
	err := a.db.Read(context.Background(), func(tx *bstore.Tx) error {
		last, err := lastRow[eraseRow](tx)
		if err != nil {
			return err
		}
		ch.unread = last.ID
		return bstore.QueryTx[mailboxRow](tx).ForEach(func(r mailboxRow) error {
			if r.Gone {
				ch.gone = append(ch.gone, r.ID)
			}
			return nil
		})
	})
	if err != nil {
		a.log.Error("looking for what is left to do in account", "err", err)
	}
}

// retryChores is how long the committer waits after a chore that failed.
const retryChores = time.Minute

// chore does a chore that is due. If there is none, it tells when the next one is.
func (c *committer) chore() (next time.Time, did bool) {
	now := c.account.store.opts.Now()
	ch := &c.chores
	if ch.pause.After(now) {
		return ch.pause, false
	}
	var err error
	switch {
	case len(ch.gone) > 0:
		err = c.removeGone()
	case !ch.eraseAt.IsZero() && !ch.eraseAt.After(now):
		ch.eraseAt, err = c.eraseNext(now, false)
	case ch.sweep:
		err = c.sweep()
	case !ch.pruneAt.After(now):
		var more bool
		if more, err = c.prune(now); !more {
			ch.pruneAt = now.Add(pruneEvery)
		}
	default:
		next = ch.pruneAt
		if !ch.eraseAt.IsZero() && ch.eraseAt.Before(next) {
			next = ch.eraseAt
		}
		return next, false
	}
	if err == nil {
		return time.Time{}, true
	}
	c.account.log.Error("maintenance of account, will be tried again", "err", err)
	ch.pause = now.Add(retryChores)
	return ch.pause, false
}

// do1 runs an op in a transaction of its own. Only the committer's goroutine may call it.
func (c *committer) do1(o *op) error {
	o.done = make(chan struct{})
	o.queued = time.Now()
	c.commit([]*op{o})
	return o.err
}

// removeGone removes some messages of a deleted mailbox.
func (c *committer) removeGone() error {
	more := false
	if err := c.do1(removeGoneOp(c.chores.gone[0], &more)); err != nil {
		return err
	}
	if !more {
		c.chores.gone = c.chores.gone[1:]
	}
	return nil
}

// sweep removes files that a crash left.
func (c *committer) sweep() error {
	_, err := c.account.blobs.SweepFiles(context.Background(), c.account.live)
	c.chores.sweep = err != nil
	return err
}

// finish does what is not left for the next time that the account is open.
func (c *committer) finish() {
	c.eraseAll()
	if c.chores.sweep {
		if err := c.sweep(); err != nil {
			c.account.log.Error("removing files that a crash left, will be tried again", "err", err)
		}
	}
}

// eraseAll erases all that was expunged, when the account is closed.
func (c *committer) eraseAll() {
	now := c.account.store.opts.Now()
	for next := now; !next.IsZero(); {
		var err error
		if next, err = c.eraseNext(now, true); err != nil {
			c.account.log.Error("erasing expunged messages, will be tried again", "err", err)
			return
		}
	}
}

// eraseNext erases some emails without messages, with force also those that may still be read. It returns when there
// is more to erase, zero for never.
func (c *committer) eraseNext(now time.Time, force bool) (next time.Time, rerr error) {
	a := c.account
	due := func(r *eraseRow) time.Time {
		if force || r.ID <= c.chores.unread {
			return now
		}
		return time.Unix(r.At, 0).Add(a.store.opts.EraseAfter)
	}
	var gone []blob.Deletion
	err := c.do1(&op{label: "erase", bulk: true, run: func(tx *txn) error {
		gone = nil
		r, ok, err := firstRow[eraseRow](tx.tx)
		if err != nil || !ok {
			next = time.Time{}
			return err
		}
		if next = due(&r); next.After(now) {
			return nil
		}
		gone, err = tx.erase(&r)
		return err
	}})
	if err != nil {
		return now, err
	}
	keys := make([]int64, len(gone))
	for i := range gone {
		keys[i] = gone[i].EmailID
	}
	a.store.emails.remove(a.id, keys)
	c.deleteBlobs(gone)
	a.store.metrics.erased.Add(float64(len(gone)))
	return next, nil
}

// erase removes the emails of a row, and the row.
func (t *txn) erase(r *eraseRow) ([]blob.Deletion, error) {
	d := metaDecoder{buf: r.Emails}
	var gone []blob.Deletion
	for _, id := range d.ids() {
		row := emailRow{ID: id.Key}
		if err := t.get(&row); err == bstore.ErrAbsent {
			continue
		} else if err != nil {
			return nil, err
		}
		ref, err := blob.ParseRef(row.Rec.Blob)
		if err != nil {
			return nil, err
		}
		gone = append(gone, blob.Deletion{EmailID: id.Key, Ref: ref})
		if err := t.delete(&row); err != nil {
			return nil, err
		}
	}
	return gone, t.delete(r)
}

// prune removes some of the oldest changes and delivery ids, and reports whether there may be more to remove.
func (c *committer) prune(now time.Time) (more bool, rerr error) {
	err := c.do1(&op{label: "prune", bulk: true, run: func(tx *txn) error {
		m1, err := tx.pruneChanges(now)
		if err != nil {
			return err
		}
		m2, err := tx.pruneDeliveries(now)
		more = m1 || m2
		return err
	}})
	return more, err
}

func (t *txn) pruneChanges(now time.Time) (more bool, rerr error) {
	old := now.Add(-changesAge).Unix()
	young := now.Add(-changesMinAge).Unix()
	var rows []changeRow
	err := bstore.QueryTx[changeRow](t.tx).SortAsc("ModSeq").Limit(pruneChunk).ForEach(func(r changeRow) error {
		// There are at most as many changes as modseqs.
		many := r.ModSeq <= t.row.ModSeq-changesMax && r.Time < young
		if r.Time >= old && !many {
			return bstore.StopForEach
		}
		rows = append(rows, changeRow{ModSeq: r.ModSeq})
		return nil
	})
	if err != nil {
		return false, err
	}
	for i := range rows {
		t.row.Horizon = rows[i].ModSeq
		if err := t.delete(&rows[i]); err != nil {
			return false, err
		}
	}
	return len(rows) == pruneChunk, nil
}

func (t *txn) pruneDeliveries(now time.Time) (more bool, rerr error) {
	first := (deliveryDay(now.Unix()) - deliveryDays) << deliveryHashBits
	q := bstore.QueryTx[deliveryRow](t.tx).FilterLess("Key", first).SortAsc("Key").Limit(pruneChunk)
	rows, err := q.List()
	if err != nil {
		return false, err
	}
	for i := range rows {
		if err := t.delete(&rows[i]); err != nil {
			return false, err
		}
	}
	return len(rows) == pruneChunk, nil
}

// live tells which blobs emails refer to. It may be called by the committer only, or in an op of its own.
func (a *account) live(ctx context.Context, blobs []blob.Located) ([]bool, error) {
	used := make([]bool, len(blobs))
	err := a.db.Read(ctx, func(tx *bstore.Tx) error {
		for i, b := range blobs {
			if b.EmailID == 0 {
				continue
			}
			row := emailRow{ID: b.EmailID}
			err := tx.Get(&row)
			if err == bstore.ErrAbsent {
				continue
			} else if err != nil {
				return err
			}
			ref, err := blob.ParseRef(row.Rec.Blob)
			if err != nil {
				return err
			}
			used[i] = ref == b.Ref
		}
		return nil
	})
	return used, err
}
