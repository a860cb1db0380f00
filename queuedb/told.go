package queuedb

import (
	"context"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// Untold returns messages that are done and not yet marked by Told, with ids above after, in
// order, at most limit.
func (db *DB) Untold(ctx context.Context, after MessageID, limit int) (l []Message, rerr error) {
	rerr = db.read(ctx, func(tx *bstore.Tx) error {
		l = nil
		rows, err := bstore.QueryTx[untoldRow](tx).FilterGreater("ID", int64(after)).SortAsc("ID").Limit(limit).List()
		if err != nil {
			return err
		}
		for _, u := range rows {
			m := messageRow{ID: u.ID}
			if err := tx.Get(&m); err != nil {
				return err
			}
			l = append(l, m.message())
		}
		return nil
	})
	return l, rerr
}

// Told notes that whoever wants to know was told that messages are done. Others may be among them.
func (db *DB) Told(ctx context.Context, ids []MessageID) error {
	return db.write(ctx, &op{run: func(tx *bstore.Tx, _ []blob.Ref) error {
		for _, id := range ids {
			m := messageRow{ID: int64(id)}
			if err := tx.Get(&m); err == bstore.ErrAbsent || err == nil && m.Done == 0 {
				continue // It went on meanwhile.
			} else if err != nil {
				return err
			}
			if err := forgetUntold(tx, m.ID); err != nil {
				return err
			}
		}
		return nil
	}})
}

func forgetUntold(tx *bstore.Tx, id int64) error {
	err := tx.Delete(&untoldRow{ID: id})
	if err == bstore.ErrAbsent {
		return nil
	}
	return err
}
