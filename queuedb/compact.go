package queuedb

import (
	"context"
	"fmt"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// compactRate bounds how fast Compact reads, in bytes per second, so that deliveries
// keep the disk.
const compactRate = 16 << 20

// sweep removes large bodies that a crash left behind.
func (db *DB) sweep(ctx context.Context) error {
	if !db.blobs.Unclean() {
		return nil
	}
	n, err := db.blobs.SweepFiles(ctx, db.live)
	if err != nil {
		return fmt.Errorf("removing leftovers of the queue: %w", err)
	}
	if n > 0 {
		db.log.Info("removed message bodies that no message refers to", "count", n)
	}
	return nil
}

// Compact gives back the space of bodies of finished messages.
func (db *DB) Compact(ctx context.Context) error {
	_, err := db.blobs.Compact(ctx, blob.Policy{BytesPerSecond: compactRate}, db.live, db.moved)
	return err
}

// live asks the committer, between two transactions, so that what was put is also in
// the database or given up.
func (db *DB) live(ctx context.Context, blobs []blob.Located) ([]bool, error) {
	inUse := map[blob.Located]bool{}
	read := func(tx *bstore.Tx) error {
		clear(inUse)
		return bstore.QueryTx[messageRow](tx).FilterEqual("Done", int64(0)).ForEach(func(m messageRow) error {
			ref, err := blob.ParseRef(m.Blob)
			if err != nil {
				return fmt.Errorf("message %d: %w", m.ID, err)
			}
			inUse[blob.Located{EmailID: m.BlobID, Ref: ref}] = true
			return nil
		})
	}
	var err error
	select {
	case <-db.started:
		err = db.write(ctx, &op{run: func(tx *bstore.Tx, _ []blob.Ref) error { return read(tx) }})
	default:
		err = db.db.Read(ctx, read)
	}
	if err != nil {
		return nil, err
	}
	l := make([]bool, len(blobs))
	for i, b := range blobs {
		l[i] = inUse[b]
	}
	return l, nil
}

func (db *DB) moved(ctx context.Context, moves []blob.Move) error {
	to := map[int64]blob.Move{}
	for _, m := range moves {
		to[m.EmailID] = m
	}
	return db.write(ctx, &op{run: func(tx *bstore.Tx, _ []blob.Ref) error {
		var changed []messageRow
		err := bstore.QueryTx[messageRow](tx).FilterEqual("Done", int64(0)).ForEach(func(m messageRow) error {
			mv, ok := to[m.BlobID]
			if !ok {
				return nil
			}
			ref, err := blob.ParseRef(m.Blob)
			if err != nil || ref != mv.Old {
				return err
			}
			m.Blob, err = mv.New.AppendBinary(nil)
			changed = append(changed, m)
			return err
		})
		if err != nil {
			return err
		}
		for i := range changed {
			if err := tx.Update(&changed[i]); err != nil {
				return err
			}
		}
		return nil
	}})
}
