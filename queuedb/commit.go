package queuedb

import (
	"context"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// op is one write. run may be called more than once, touches nothing outside the
// transaction but the result it leaves, which it resets at its start.
type op struct {
	items []blob.Item // Bodies to make durable before the transaction.
	refs  []blob.Ref  // Theirs, set before run.
	run   func(tx *bstore.Tx, refs []blob.Ref) error

	// after runs once the transaction is committed, before the caller is told.
	after func()
	err   chan error
}

// maxBatch bounds how many writes share a transaction.
const maxBatch = 200

// write gives a write to the committer and waits for its result. Once the committer has it, the
// context does not end the waiting: the write may already be happening.
func (db *DB) write(ctx context.Context, o *op) error {
	o.err = make(chan error, 1)
	select {
	case db.ops <- o:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.closing:
		return ErrClosed
	}
	return <-o.err
}

func (db *DB) commitLoop() {
	defer close(db.done)
	for {
		var batch []*op
		select {
		case o := <-db.ops:
			batch = append(batch, o)
		case <-db.closing:
			return
		}
		for len(batch) < maxBatch {
			select {
			case o := <-db.ops:
				batch = append(batch, o)
				continue
			default:
			}
			break
		}
		db.commit(batch)
	}
}

// commit makes a batch durable. If it fails, each write is done by itself, so that only
// the ones at fault fail.
func (db *DB) commit(batch []*op) {
	batch = db.putBlobs(batch)
	if len(batch) == 0 {
		return
	}
	err := db.transact(batch)
	if err != nil && len(batch) > 1 {
		for _, o := range batch {
			db.finish([]*op{o}, db.transact([]*op{o}))
		}
		return
	}
	db.finish(batch, err)
}

func (db *DB) putBlobs(batch []*op) []*op {
	var items []blob.Item
	for _, o := range batch {
		items = append(items, o.items...)
	}
	if len(items) == 0 {
		return batch
	}
	// The committer has no caller whose context could end it.
	refs, err := db.blobs.Put(context.Background(), items)
	if err == nil {
		for _, o := range batch {
			o.refs, refs = refs[:len(o.items):len(o.items)], refs[len(o.items):]
		}
		return batch
	}
	var ok []*op
	for _, o := range batch {
		var oerr error
		if len(o.items) > 0 {
			if len(batch) > 1 {
				o.refs, oerr = db.blobs.Put(context.Background(), o.items)
			} else {
				oerr = err
			}
		}
		if oerr != nil {
			o.err <- oerr
		} else {
			ok = append(ok, o)
		}
	}
	return ok
}

func (db *DB) transact(batch []*op) error {
	return db.db.Write(context.Background(), func(tx *bstore.Tx) error {
		for _, o := range batch {
			if err := o.run(tx, o.refs); err != nil {
				return err
			}
		}
		return nil
	})
}

// finish tells the callers, and gives up the blobs of writes that failed.
func (db *DB) finish(batch []*op, err error) {
	for _, o := range batch {
		if err == nil && o.after != nil {
			o.after()
		}
		if err != nil {
			gone := make([]blob.Deletion, len(o.refs))
			for i, ref := range o.refs {
				gone[i] = blob.Deletion{EmailID: o.items[i].EmailID, Ref: ref}
			}
			db.deleteBlobs(gone)
		}
		o.err <- err
	}
}

// deleteBlobs gives up blobs. What fails is waste on the disk, which compaction finds.
func (db *DB) deleteBlobs(gone []blob.Deletion) {
	if len(gone) == 0 {
		return
	}
	if err := db.blobs.Delete(context.Background(), gone); err != nil {
		db.log.Error("removing bodies of messages", "err", err)
	}
}
