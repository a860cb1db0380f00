package queuedb

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/mjl-/bstore"

	"mox/store/blob"
	"mox/store/dbfile"
)

// op is one write.
type op struct {
	items []blob.Item // Bodies to make durable before the transaction.
	refs  []blob.Ref  // Theirs, set before run.

	// run does the work. It may be called more than once, touches nothing outside the
	// transaction but the result it leaves, and sets that anew each time. If it is nil, the op
	// only waits until what was written before it is committed or given up.
	run func(tx *bstore.Tx, refs []blob.Ref) error

	// reads says that run writes nothing, so that it can run while nothing can be written.
	reads bool

	// gone are bodies that nothing refers to once run is committed. run sets it.
	gone []blob.Deletion

	err chan error
}

func (o *op) bytes() (n int64) {
	for i := range o.items {
		if o.items[i].Staged == nil {
			n += o.items[i].Size
		}
	}
	return n
}

// Bounds of what shares a transaction. They bound how long those wait who come while it is
// written.
const (
	batchOps   = 200
	batchBytes = 16 << 20 // Of bodies.
)

// write gives a write to the committer and waits for its result. Once the committer has it, the
// context does not end the waiting: the write may already be happening.
func (db *DB) write(ctx context.Context, o *op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
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
		var heal <-chan time.Time
		if !db.healAt.IsZero() {
			heal = time.After(db.healAt.Sub(db.now()))
		}
		select {
		case o := <-db.ops:
			db.safely(db.gather(o))
		case <-heal:
			db.heal()
		case <-db.closing:
			return
		}
	}
}

// safely is commit for what may panic: that is a bug, and leaves the database in doubt.
func (db *DB) safely(batch []*op) {
	defer func() {
		x := recover()
		if x == nil {
			return
		}
		db.log.Error("panic in write to queue", "panic", x, "stack", string(debug.Stack()))
		err := db.breakOff(errInternal)
		for _, o := range batch {
			select {
			case o.err <- err:
			default: // Was told before.
			}
		}
	}()
	db.commit(batch)
}

var errInternal = errors.New("internal error in write to queue")

// gather returns an op with those that wait, too.
func (db *DB) gather(o *op) []*op {
	batch := []*op{o}
	for bytes := o.bytes(); len(batch) < batchOps && bytes < batchBytes; {
		select {
		case o := <-db.ops:
			batch = append(batch, o)
			bytes += o.bytes()
		default:
			return batch
		}
	}
	return batch
}

// commit makes a batch durable and tells the callers. Ops that fail are done by themselves, so that
// others do not fail with them.
func (db *DB) commit(batch []*op) {
	if err := db.putBodies(batch); err != nil {
		if len(batch) == 1 {
			batch[0].err <- err
			return
		}
		for _, o := range batch {
			db.commit([]*op{o})
		}
		return
	}
	for len(batch) > 0 {
		culprit, err := db.transact(batch)
		if culprit == nil || len(batch) == 1 {
			db.finish(batch, err)
			return
		}
		batch = slices.DeleteFunc(batch, func(o *op) bool { return o == culprit })
		// It may do better alone, or tell why not.
		_, err = db.transact([]*op{culprit})
		db.finish([]*op{culprit}, err)
	}
}

func (db *DB) putBodies(batch []*op) error {
	var items []blob.Item
	for _, o := range batch {
		items = append(items, o.items...)
	}
	if len(items) == 0 {
		return nil
	}
	if db.broken != nil {
		return db.broken
	}
	// The committer has no caller whose context could end it.
	refs, err := db.blobs.Put(context.Background(), items)
	if err != nil {
		return err
	}
	for _, o := range batch {
		n := len(o.items)
		o.refs, refs = refs[:n:n], refs[n:]
	}
	return nil
}

// transact runs ops in one transaction. If it returns an op, everything was rolled back for the error of
// that one; else the error is about all of them.
func (db *DB) transact(batch []*op) (culprit *op, rerr error) {
	if reads := func(o *op) bool { return o.reads }; slices.ContainsFunc(batch, reads) {
		if len(batch) > 1 {
			i := slices.IndexFunc(batch, reads)
			return batch[i], nil // It goes alone.
		}
		return nil, db.runOp(nil, batch[0])
	}
	if db.broken != nil {
		return nil, db.broken
	}
	if !slices.ContainsFunc(batch, func(o *op) bool { return o.run != nil }) {
		return nil, nil
	}
	row := commitRow{ID: 1}
	ran := false
	// The committer alone opens the database anew, so it needs no lock.
	err := db.db.Write(context.Background(), func(tx *bstore.Tx) error {
		for _, o := range batch {
			if err := db.runOp(tx, o); err != nil {
				culprit = o
				return err
			}
		}
		if err := tx.Get(&row); err != nil {
			return err
		}
		row.Commit++
		if err := tx.Update(&row); err != nil {
			return err
		}
		ran = true
		return nil
	})
	if err != nil && ran {
		return nil, db.commitFailed(row.Commit, err)
	}
	return culprit, err
}

func (db *DB) runOp(tx *bstore.Tx, o *op) (rerr error) {
	if o.run == nil {
		return nil
	}
	defer func() {
		if x := recover(); x != nil {
			if cause := dbfile.Panic(x); cause != nil {
				rerr = fmt.Errorf("%w: %s: %w", ErrDamaged, db.path, cause)
				return
			}
			db.log.Error("panic in write to queue", "panic", x, "stack", string(debug.Stack()))
			rerr = errInternal
		}
	}()
	o.gone = nil
	return o.run(tx, o.refs)
}

// commitFailed finds out whether a transaction is there whose commit failed. Mostly it is not, e.g. with a
// full disk, and the next one may succeed. If it is, then maybe not on the disk: nothing may be built
// on it.
func (db *DB) commitFailed(commit int64, err error) error {
	row := commitRow{ID: 1}
	gerr := db.db.Get(context.Background(), &row)
	if gerr == nil && row.Commit != commit {
		return err
	}
	db.log.Error("transaction failed and its outcome is unknown, nothing is written to the queue until its database was copied and opened again", "err", err, "readerr", gerr)
	return db.breakOff(err)
}

// healEvery is how long is waited before the database is opened anew.
const healEvery = 10 * time.Second

// breakOff has nothing written after an error that leaves it open what there is. It returns what those are told whose
// writes that may be.
func (db *DB) breakOff(err error) error {
	if db.broken == nil { // Else nothing was written.
		db.blobs.SetUnclean() // What is in doubt may leave files.
		db.broken = fmt.Errorf("%w: %w", ErrUnwritable, err)
		db.healAt = db.now().Add(healEvery)
		db.inDoubt.Set(1)
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, err)
}

// heal replaces the database, of which it is not known what is on the disk, by a copy that is. What was in doubt took
// place or did not; who was told so looks by the envelope id. Until there is a copy, the old is read.
func (db *DB) heal() {
	db.healAt = db.now().Add(healEvery)
	opened, err := db.reopen()
	if err != nil {
		db.log.Error("queue still cannot be written to, will be tried again", "err", err)
		return
	}
	db.mapped.Add(opened)
	db.mu.Lock()
	old := db.db
	db.db = opened
	db.mu.Unlock()
	if err := old.Close(); err != nil {
		db.log.Error("closing database that was replaced", "err", err)
	}
	db.log.Info("queue can be written to again")
	db.broken, db.healAt = nil, time.Time{}
	db.inDoubt.Set(0)
}

// reopen copies the database and opens the copy. Nobody writes to it meanwhile.
func (db *DB) reopen() (*dbfile.DB, error) {
	if err := dbfile.Rewrite(db.path); err != nil {
		return nil, err
	}
	return openDatabase(context.Background(), db.path, dbfile.Open, db.log)
}

// finish tells the callers, and gives up bodies that are of no use.
func (db *DB) finish(batch []*op, err error) {
	var gone []blob.Deletion
	for _, o := range batch {
		switch {
		case err == nil:
			gone = append(gone, o.gone...)
		case db.broken == nil:
			for i, ref := range o.refs {
				gone = append(gone, blob.Deletion{EmailID: o.items[i].EmailID, Ref: ref})
			}
		}
	}
	db.deleteBodies(gone)
	for _, o := range batch {
		o.err <- err
	}
}

// deleteBodies gives up bodies. What fails is waste on the disk.
func (db *DB) deleteBodies(gone []blob.Deletion) {
	if len(gone) == 0 {
		return
	}
	if err := db.blobs.Delete(context.Background(), gone); err != nil {
		db.log.Error("removing bodies of messages", "err", err)
	}
}
