package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/mjl-/bstore"

	"mox/store/blob"
	"mox/store/dbfile"
)

// Limits of a batch. They bound how long those wait who come while it is written.
const (
	batchOps   = 256
	batchBytes = 16 << 20 // Of bodies.
)

// op is a write that waits for the committer.
type op struct {
	label string // Of metrics, from a closed set.

	// reads says that run writes nothing, so that it can run while nothing can be written. It is bulk, too.
	reads bool

	// bulk says that the op is large. It has a transaction of its own, and others go before it.
	bulk bool

	// bodies are put before the transaction. If the op fails, they are given up.
	bodies []*newEmail

	// run does the work in a transaction. It may be called more than once: it touches nothing outside its
	// transaction, and its result is set anew each time. If it returns an error before it
	// wrote anything, it fails alone. Else everything is rolled back and done again without it.
	run func(tx *txn) error

	begun  bool // No longer to be withdrawn. Guarded by committer.mu.
	queued time.Time
	err    error
	done   chan struct{}
}

func (o *op) bytes() (n int64) {
	for _, e := range o.bodies {
		n += e.size
	}
	return n
}

// committer does all writes of an account, in one goroutine: one sync of the pack and one transaction
// carry all that wait. Nobody is waited for: while a batch is written, the next one gathers.
type committer struct {
	account *account
	txn     txn // Reused.

	wake chan struct{} // Receives when there is something to do.
	done chan struct{} // Closed when the goroutine has ended.

	mu       sync.Mutex
	queue    []*op
	bulk     []*op
	bulkNext bool // The last batch was not a bulk op, though one waited.
	stopping bool
	broken   error     // Nothing can be written, see heal.
	healAt   time.Time // When heal is to be tried.
	doubtful bool      // What broke it leaves open what is on the disk.

	// Of the goroutine alone.
	putting *putting // Of the batch being written, nil if it has no bodies.
	chores  chores
	owner   bool // The epoch was claimed.

	erase bool // Set before stopping: erase all that waits for it.
}

func newCommitter(a *account) *committer {
	c := &committer{account: a, wake: make(chan struct{}, 1), done: make(chan struct{})}
	c.txn.account = a
	return c
}

func (c *committer) start() { go c.loop() }

// stop ends the committer after what waits.
func (c *committer) stop(erase bool) {
	c.mu.Lock()
	c.stopping = true
	c.erase = erase
	c.mu.Unlock()
	c.signal()
	<-c.done
}

func (c *committer) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// refused returns why nothing can be written, nil if it can.
func (c *committer) refused() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// do queues an op and waits for its end. The context ends the waiting, but not what has begun.
func (c *committer) do(ctx context.Context, o *op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.done = make(chan struct{})
	o.queued = time.Now()
	c.mu.Lock()
	if c.stopping {
		c.mu.Unlock()
		return ErrClosed
	}
	if o.bulk {
		c.bulk = append(c.bulk, o)
	} else {
		c.queue = append(c.queue, o)
	}
	c.mu.Unlock()
	c.signal()

	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
	}
	if c.withdraw(o) {
		return ctx.Err()
	}
	<-o.done
	return o.err
}

// withdraw takes back an op that was not begun.
func (c *committer) withdraw(o *op) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.begun {
		return false
	}
	same := func(p *op) bool { return p == o }
	c.queue = slices.DeleteFunc(c.queue, same)
	c.bulk = slices.DeleteFunc(c.bulk, same)
	return true
}

// loop writes batches until the committer is stopped, and does chores when nobody waits.
func (c *committer) loop() {
	defer close(c.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	c.chores.plan(c.account)
	for {
		if batch := c.take(); len(batch) > 0 {
			c.safely(batch, func() { c.commit(batch) })
			continue
		}
		c.mu.Lock()
		stopping, broken, next := c.stopping, c.broken != nil, c.healAt
		c.mu.Unlock()
		if stopping {
			if c.erase && !broken {
				c.safely(nil, c.finish)
			}
			return
		}
		var did bool
		if broken {
			did = c.heal(next)
		} else {
			c.safely(nil, func() { next, did = c.chore() })
		}
		if did || !broken && c.refused() != nil {
			continue // In the second case it has to wait until heal.
		}
		var wait <-chan time.Time
		if !next.IsZero() {
			timer.Reset(next.Sub(c.account.store.opts.Now()))
			wait = timer.C
		}
		select {
		case <-c.wake:
		case <-wait:
		}
	}
}

// safely calls fn, which works for a batch. If it panics, that is a bug or damage that other accounts must not
// suffer from: what it left undone is undone for good, and the database opened anew.
func (c *committer) safely(batch []*op, fn func()) {
	defer func() {
		x := recover()
		if x == nil {
			return
		}
		c.account.log.Error("panic in maintenance of account", "panic", x, "stack", string(debug.Stack()))
		c.account.store.metrics.panics.Inc()
		c.breakOff(errInternal)
		for _, o := range batch {
			select {
			case <-o.done:
			default:
				o.err = errInternal
				close(o.done)
			}
		}
	}()
	fn()
}

// errInternal is what callers are told after a panic.
var errInternal = errors.New("internal error, see the log")

// take returns the next batch. Bulk ops take turns with the others, so that neither waits for
// ever.
func (c *committer) take() []*op {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.bulk) > 0 && (len(c.queue) == 0 || c.bulkNext) {
		o := c.bulk[0]
		c.bulk = slices.Delete(c.bulk, 0, 1)
		c.bulkNext = false
		o.begun = true
		return []*op{o}
	}
	c.bulkNext = len(c.bulk) > 0
	n := 0
	for bytes := int64(0); n < len(c.queue) && n < batchOps && (n == 0 || bytes < batchBytes); n++ {
		bytes += c.queue[n].bytes()
		c.queue[n].begun = true
	}
	batch := slices.Clone(c.queue[:n])
	c.queue = slices.Delete(c.queue, 0, n)
	return batch
}

// commit writes a batch and answers its callers.
func (c *committer) commit(batch []*op) {
	m := c.account.store.metrics
	for _, o := range batch {
		if o.bulk {
			observeSince(m.waitBulk, o.queued)
		} else {
			observeSince(m.waitNormal, o.queued)
		}
	}
	var ready []*op // Not the batch itself: what fails is taken out of it.
	if err := c.refused(); err == nil {
		ready = c.putBodies(batch)
	} else if batch[0].reads {
		ready = slices.Clone(batch)
	} else {
		for _, o := range batch {
			o.err = err
		}
	}
	var alone []*op
	for len(ready) > 0 {
		culprit, err := c.transact(ready)
		switch {
		case err == nil:
			ready = nil
		case culprit != nil:
			// It may do better by itself, or else tell why not.
			ready = slices.DeleteFunc(ready, func(o *op) bool { return o == culprit })
			alone = append(alone, culprit)
		case hasBodies(ready) && c.putting.failed():
			ready = failBodies(ready, err)
			alone = failBodies(alone, err)
		default:
			for _, o := range ready {
				o.err = err
			}
			ready = nil
		}
	}
	for _, o := range alone {
		if _, err := c.transact([]*op{o}); err != nil {
			o.err = err
		}
	}
	c.giveUpBodies(batch)
	for _, o := range batch {
		m.ops.WithLabelValues(o.label, resultOf(o.err)).Inc()
		close(o.done)
	}
}

// putting is what was written to the pack for a batch, and may not be durable yet.
type putting struct {
	pending *blob.Pending
	emails  []*newEmail
	started time.Time
	waited  bool
	err     error // Of waiting.
}

// wait returns when the bodies are durable. If they cannot be made so, nobody refers to them any more.
func (p *putting) wait(m *metrics) error {
	if p == nil {
		return nil
	}
	if !p.waited {
		p.waited = true
		p.err = p.pending.Wait()
		observeSince(m.packSeconds, p.started)
		if p.err != nil {
			for _, e := range p.emails {
				e.ref = blob.Ref{}
			}
		}
	}
	return p.err
}

// failed reports whether waiting has failed.
func (p *putting) failed() bool { return p != nil && p.err != nil }

// putBodies writes the messages of a batch, and returns the ops that may go on. To be durable they have to be waited
// for.
func (c *committer) putBodies(batch []*op) []*op {
	c.putting = nil
	ready := slices.Clone(batch)
	for {
		var items []blob.Item
		var emails []*newEmail
		var owners []*op
		for _, o := range ready {
			for _, e := range o.bodies {
				items = append(items, e.item)
				emails = append(emails, e)
				owners = append(owners, o)
			}
		}
		if len(items) == 0 {
			return ready
		}
		start := time.Now()
		pending, err := c.account.blobs.Start(context.Background(), items)
		var ierr *blob.ItemError
		switch {
		case err == nil:
			for i, e := range emails {
				e.ref = pending.Refs[i]
			}
			c.putting = &putting{pending: pending, emails: emails, started: start}
			return ready
		case errors.As(err, &ierr):
			o := owners[ierr.Index]
			o.err = ierr.Err
			ready = slices.DeleteFunc(ready, func(p *op) bool { return p == o })
		default:
			return failBodies(ready, err)
		}
	}
}

func hasBodies(ops []*op) bool {
	return slices.ContainsFunc(ops, func(o *op) bool { return len(o.bodies) > 0 })
}

// failBodies fails the ops that have bodies, and returns the others.
func failBodies(ops []*op, err error) []*op {
	for _, o := range ops {
		if len(o.bodies) > 0 {
			o.err = err
		}
	}
	return slices.DeleteFunc(ops, func(o *op) bool { return len(o.bodies) > 0 })
}

// giveUpBodies lets go of messages that were put for ops that failed, or that did not use them.
func (c *committer) giveUpBodies(batch []*op) {
	_ = c.putting.wait(c.account.store.metrics) // It may not have come to that, and the ops have their errors.
	var gone []blob.Deletion
	for _, o := range batch {
		for _, e := range o.bodies {
			if o.err == nil && e.used {
				continue
			}
			if c.refused() != nil && !e.ref.IsZero() {
				continue // The database may refer to it. If not, compaction finds out.
			}
			if !e.ref.IsZero() {
				gone = append(gone, blob.Deletion{EmailID: e.id.Key, Ref: e.ref})
			} else if e.item.Staged != nil {
				c.account.blobs.Discard(e.item.Staged)
			}
		}
	}
	c.deleteBlobs(gone)
}

// deleteBlobs deletes what the database has given up. Failing costs space until packs are
// compacted.
func (c *committer) deleteBlobs(gone []blob.Deletion) {
	if len(gone) == 0 {
		return
	}
	if err := c.account.blobs.Delete(context.Background(), gone); err != nil {
		c.account.log.Error("deleting content of messages", "err", err)
	}
	if c.account.compactor != nil {
		c.account.compactor.poke()
	}
}

// errRolledBack ends a transaction that wrote nothing.
var errRolledBack = errors.New("nothing to commit")

// transact runs ops in one transaction and publishes what they did. If it returns an op,
// everything was rolled back for the error of that op; else the error is about all of them.
func (c *committer) transact(batch []*op) (culprit *op, rerr error) {
	if broken := c.refused(); broken != nil && !batch[0].reads {
		return nil, broken
	}
	start := time.Now()
	tx := &c.txn
	if batch[0].reads {
		tx = &txn{account: c.account} // That of the committer may be in doubt still, see reopen.
	}
	ran := false
	err := c.account.db.Write(context.Background(), func(btx *bstore.Tx) error {
		if err := tx.begin(btx); err != nil {
			return err
		}
		for _, o := range batch {
			before := tx.writes
			if o.err = c.runOp(tx, o); o.err != nil && tx.writes != before {
				culprit = o
				return o.err
			}
		}
		if tx.writes == 0 {
			return errRolledBack
		}
		if err := tx.finish(); err != nil {
			return err
		}
		if hasBodies(batch) {
			// What follows is the commit.
			if err := c.putting.wait(c.account.store.metrics); err != nil {
				return err
			}
		}
		ran = true
		return nil
	})
	m := c.account.store.metrics
	m.batchOps.Observe(float64(len(batch)))
	switch {
	case err == nil:
		observeSince(m.commitSeconds, start)
		tx.publish()
		return nil, nil
	case errors.Is(err, errRolledBack):
		return nil, nil
	case errors.Is(err, ErrDamaged):
		c.account.tellDamage(err)
	}
	if ran {
		return nil, c.commitFailed(err)
	}
	return culprit, err
}

// committed notes what a transaction did.
func (c *committer) committed(t *txn) {
	c.owner = true
	c.chores.gone = append(c.chores.gone, t.gone...)
	if t.erases && c.chores.eraseAt.IsZero() {
		c.chores.eraseAt = t.now.Add(c.account.store.opts.EraseAfter)
	}
}

// runOp runs one op of a batch.
func (c *committer) runOp(tx *txn, o *op) (rerr error) {
	defer func() {
		x := recover()
		if x == nil {
			return
		}
		// What it left undone must not be committed.
		tx.writes++
		if cause := dbfile.Panic(x); cause != nil {
			rerr = fmt.Errorf("%w: %s: %w", ErrDamaged, databasePath(c.account.dir), cause)
			return
		}
		rerr = fmt.Errorf("internal error in %s", o.label)
		c.account.log.Error("panic in write to account", "operation", o.label, "panic", x, "stack", string(debug.Stack()))
		c.account.store.metrics.panics.Inc()
	}()
	tx.beginOp()
	if err := o.run(tx); err != nil {
		return err
	}
	return tx.endOp()
}

// commitFailed finds out whether a transaction is there whose commit failed. Mostly it is not, e.g. with a
// full disk, and the next one may succeed. If it is, then maybe not on the disk: nothing may be built
// on it.
func (c *committer) commitFailed(err error) error {
	row := accountRow{ID: 1}
	gerr := c.account.db.Get(context.Background(), &row)
	if gerr == nil && row.Commit == c.account.row.Commit {
		return err
	}
	c.account.log.Error("transaction failed and its outcome is unknown, nothing is written to the account until its database was copied and opened again", "err", err, "readerr", gerr)
	err = fmt.Errorf("database is in doubt after an error: %w", err)
	c.breakOff(err)
	return err
}

// resultOf returns the value of the label result for an error.
func resultOf(err error) string {
	switch {
	case err == nil:
		return resultOK
	case refusal(err):
		return resultRefused
	}
	return resultError
}
