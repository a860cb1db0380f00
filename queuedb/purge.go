package queuedb

import (
	"context"
	"time"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// Purge forgets messages that were done before the time. It removes no more than about limit
// rows, in one transaction; more tells that there are others.
func (db *DB) Purge(ctx context.Context, before time.Time, limit int) (more bool, rerr error) {
	rerr = db.write(ctx, &op{run: func(tx *bstore.Tx, _ []blob.Ref) error {
		more = false
		q := bstore.QueryTx[messageRow](tx).FilterGreater("Done", int64(0)).FilterLess("Done", before.Unix())
		l, err := q.SortAsc("Done").Limit(limit).List()
		if err != nil {
			return err
		}
		left := limit
		for _, m := range l {
			n, err := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Message: m.ID}).Limit(left).Delete()
			if err != nil {
				return err
			}
			if left -= n; left <= 0 {
				more = true // Maybe of this message.
				return nil
			}
			if err := forgetUntold(tx, m.ID); err != nil {
				return err
			}
			if err := tx.Delete(&m); err != nil {
				return err
			}
			left--
			if left <= 0 {
				more = true
				return nil
			}
		}
		more = len(l) == limit
		return nil
	}})
	return more, rerr
}
