package store

import (
	"context"
	"errors"
	"time"

	"mox/store/dbfile"
)

// After some errors nothing can be written to an account: when a commit failed and it is not known what of it has reached
// the disk, and when the account was opened while the disk was full or not to be written to. The account can be read
// then. The committer tries now and then to make it whole again, so that it needs no restart.

// healEvery is how long the committer waits before it tries.
const healEvery = 10 * time.Second

// refuse has nothing written for a reason that leaves no doubt about what there is. It is called before start.
func (c *committer) refuse(err error) {
	c.broken = c.account.cure(err)
	c.account.store.metrics.refusing.Inc()
	if !c.account.store.opts.ReadOnly {
		c.healAt = c.account.store.opts.Now().Add(healEvery)
		c.account.log.Error("account can be read but not be written to, will be tried again", "err", c.broken)
	}
}

// breakOff has nothing written after an error that leaves it open what there is.
func (c *committer) breakOff(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return // Nothing was written.
	}
	c.account.blobs.SetUnclean() // What is in doubt may leave files.
	c.account.store.metrics.refusing.Inc()
	c.broken, c.doubtful = err, true
	c.healAt = c.account.store.opts.Now().Add(healEvery)
}

// heal makes the account writable again if it is time. It reports whether it has.
func (c *committer) heal(at time.Time) bool {
	a := c.account
	now := a.store.opts.Now()
	if at.IsZero() || at.After(now) {
		return false
	}
	var err error
	if c.doubtful {
		err = c.reopen()
	} else {
		err = c.openForWriting()
	}
	c.mu.Lock()
	if err != nil {
		c.healAt = now.Add(healEvery)
	} else {
		c.broken, c.doubtful = nil, false
	}
	c.mu.Unlock()
	if err != nil {
		// Of the usual reasons enough was said.
		if !noSpace(err) && !noWriting(err) {
			a.log.Error("account still cannot be written to, will be tried again", "err", err)
		}
		return false
	}
	a.log.Info("account can be written to again")
	a.store.metrics.refusing.Dec()
	if a.compactor != nil {
		a.compactor.poke()
	}
	return true
}

// errOtherState says that the database is neither as it was before the transaction in doubt, nor as after.
var errOtherState = errors.New("database is in another state than it was left, the account has to be closed first")

// reopen replaces the database, of which it is not known what is on the disk, by a copy that is, and finds out
// whether the last transaction took place. Until there is one, the old is read.
func (c *committer) reopen() error {
	a := c.account
	// Nobody writes to it, and to open it anew would.
	if err := dbfile.Rewrite(databasePath(a.dir)); err != nil {
		return err
	}
	db, err := openDatabase(context.Background(), a.dir)
	if err != nil {
		return err
	}
	row := accountRow{ID: 1}
	err = db.Get(context.Background(), &row)
	if err == nil && row.Commit != a.row.Commit && row.Commit != c.txn.row.Commit {
		err = errOtherState
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	c.replace(db)
	if row.Commit != a.row.Commit {
		c.txn.publish()
	}
	return nil
}

// openForWriting replaces the copy of the database that was made for reading by the database itself.
func (c *committer) openForWriting() error {
	a := c.account
	if err := a.blobs.SetWritable(); err != nil {
		return err
	}
	db, err := openDatabase(context.Background(), a.dir)
	if err != nil {
		return err
	}
	// So was the copy.
	if err := upgrade(context.Background(), db, a.log, schemaVersion, upgradeSteps); err != nil {
		return errors.Join(err, db.Close())
	}
	c.replace(db)
	return nil
}

// replace makes db the database of the account, once nobody reads the one before.
func (c *committer) replace(db *dbfile.DB) {
	a := c.account
	a.store.mapped.Add(db)
	a.calls.Lock()
	old := a.db
	a.db = db
	a.calls.Unlock()
	if err := old.Close(); err != nil {
		a.log.Error("closing database that was replaced", "err", err)
	}
}

// settle ends what is in doubt when the account was closed.
func (c *committer) settle() error {
	if c.refused() == nil {
		return nil
	}
	c.account.store.metrics.refusing.Dec()
	if !c.doubtful {
		return nil
	}
	return dbfile.Rewrite(databasePath(c.account.dir))
}
