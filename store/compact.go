package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/mjl-/bstore"

	"mox/store/blob"
	"mox/store/dbfile"
)

const (
	// compactRate bounds how fast packs are rewritten in the background, in bytes per second.
	compactRate = 8 << 20

	// compactDatabaseMin is the size in bytes below which free space in a database does not matter.
	compactDatabaseMin = 1 << 20
)

// CompactStats tells sizes in bytes: of packs, and of the database if it was compacted.
type CompactStats struct{ Before, After int64 }

// Compact rewrites packs that hold deleted messages, and the database file. Without force, only
// those of which a good part is free: a third of a pack, half of the database.
//
// The account may be in use meanwhile; its database is then left for when it closes. Progress,
// if not nil, is told how many bytes of messages were copied, of about how many. When Compact is
// interrupted, what it did so far stays. Returns ErrNoAccount. A pack with damage is kept; the error
// tells of it after all others were rewritten.
func (s *Store) Compact(ctx context.Context, account string, force bool, progress func(done, total int64)) (CompactStats, error) {
	var stats CompactStats
	if s.opts.ReadOnly {
		return stats, ErrReadOnly
	}
	a, err := s.Open(ctx, account)
	if err != nil {
		return stats, err
	}
	stats.Before = a.acc.packBytes()
	err = a.acc.compactPacks(ctx, blob.Policy{Force: force}, progress)
	stats.After = a.acc.packBytes()
	if err := errors.Join(err, a.Close()); err != nil {
		return stats, err
	}
	err = s.exclusive(ctx, account, func(sl *slot) error {
		before, after, err := compactDatabase(databasePath(s.accountDir(sl.info.ID)), force)
		stats.Before += before
		stats.After += after
		return err
	})
	if errors.Is(err, ErrAccountInUse) {
		err = nil
	}
	return stats, err
}

// compactDatabase rewrites the database at path, which nobody has open, if half of it is free, or if
// forced. It returns the sizes before and after, zero if it left it alone.
func compactDatabase(path string, force bool) (before, after int64, err error) {
	if !force {
		// Small files are not even opened.
		if fi, err := os.Stat(path); err != nil || fi.Size() < compactDatabaseMin {
			return 0, 0, err
		}
		size, free, err := dbfile.Usage(path)
		if err != nil || size < compactDatabaseMin || free <= size/2 {
			return 0, 0, err
		}
	}
	return dbfile.Compact(path)
}

// compactClosed compacts the database of an account in a directory that was just closed, where
// that is worth while.
func compactClosed(dir string, log *slog.Logger) {
	if _, _, err := compactDatabase(databasePath(dir), false); err != nil {
		log.Error("compacting database", "err", err)
	}
}

// packBytes returns the size of all packs.
func (a *account) packBytes() (n int64) {
	for _, p := range a.blobs.Packs() {
		n += p.Size
	}
	return n
}

// compactPacks rewrites packs.
func (a *account) compactPacks(ctx context.Context, policy blob.Policy, progress func(done, total int64)) error {
	var done, total int64
	if progress != nil {
		for _, p := range a.blobs.Packs() {
			if policy.Force && p.Dead > 0 || sparsePack(p) {
				total += p.Size - p.Dead
			}
		}
		progress(0, total)
	}
	_, err := a.blobs.Compact(ctx, policy, a.liveBlobs, func(ctx context.Context, moves []blob.Move) error {
		if err := a.moveBlobs(ctx, moves); err != nil {
			return err
		}
		if progress != nil {
			for _, m := range moves {
				done += m.New.Size()
			}
			progress(done, max(done, total))
		}
		return nil
	})
	return err
}

// sparsePack reports whether a pack is to be rewritten.
func sparsePack(p blob.PackInfo) bool {
	return p.Sealed && float64(p.Size-p.Dead) < blob.DefaultMinLive*float64(p.Size)
}

// liveBlobs tells which blobs emails refer to. The committer answers: it is the one that puts blobs, and does
// nothing else meanwhile.
func (a *account) liveBlobs(ctx context.Context, blobs []blob.Located) (used []bool, err error) {
	err = a.committer.do(ctx, &op{label: "compact", bulk: true, reads: true, run: func(*txn) (err error) {
		used, err = a.live(ctx, blobs)
		return err
	}})
	return used, err
}

// moveBlobs makes emails refer to the new places of their blobs.
func (a *account) moveBlobs(ctx context.Context, moves []blob.Move) error {
	return a.committer.do(ctx, &op{label: "compact", bulk: true, run: func(tx *txn) error {
		for _, m := range moves {
			row, ok, err := tx.emailAt(m.EmailID, m.Old)
			if err != nil {
				return err
			}
			if !ok {
				continue // Erased meanwhile.
			}
			if row.Rec.Blob, err = m.New.MarshalBinary(); err != nil {
				return err
			}
			if err := tx.update(&row); err != nil {
				return err
			}
		}
		return nil
	}})
}

// emailAt returns the email with a key if its blob is at ref.
func (t *txn) emailAt(key int64, ref blob.Ref) (emailRow, bool, error) {
	row := emailRow{ID: key}
	err := t.get(&row)
	if err == bstore.ErrAbsent {
		return row, false, nil
	} else if err != nil {
		return row, false, err
	}
	at, err := ref.MarshalBinary()
	return row, bytes.Equal(row.Rec.Blob, at), err
}

// packCompactor rewrites packs of an open account in the background, when they have become sparse.
type packCompactor struct {
	account *account

	mu      sync.Mutex
	cancel  context.CancelFunc // Of the work under way. Nil if there is none.
	again   bool               // Poked meanwhile.
	stopped bool               // Closing, or an error that would come again.
	done    sync.WaitGroup
}

// poke has the packs looked at, after the account was opened and after blobs were deleted. It does not wait.
func (c *packCompactor) poke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.again = true
		return
	}
	if c.stopped || c.account.committer.refused() != nil || !slices.ContainsFunc(c.account.blobs.Packs(), sparsePack) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.done.Go(func() { c.work(ctx) })
}

func (c *packCompactor) work(ctx context.Context) {
	for {
		err := c.account.compactPacks(ctx, blob.Policy{BytesPerSecond: compactRate}, nil)
		if err != nil && ctx.Err() == nil {
			c.account.log.Error("compacting packs, not tried again until the account was closed", "err", err)
		}
		c.mu.Lock()
		c.stopped = c.stopped || err != nil
		if c.stopped || !c.again {
			c.cancel()
			c.cancel = nil
			c.mu.Unlock()
			return
		}
		c.again = false
		c.mu.Unlock()
	}
}

// stop ends the work, which goes on when the account is opened again. The committer still runs.
func (c *packCompactor) stop() {
	c.mu.Lock()
	c.stopped = true
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	c.done.Wait()
}
