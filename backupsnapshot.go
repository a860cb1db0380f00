package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"mox/internal/ctl"
	"mox/queuedb"
	"mox/store"
)

type backupParams struct {
	// Dir is where the snapshot may be made if it cannot be beside the data. A server makes it nowhere else, as it
	// cannot write there.
	Dir string
}

// backupProgress is what is told of a snapshot.
type backupProgress struct {
	What    string // What is copied now, for people.
	Bytes   int64  // Copied or linked so far.
	Problem string // For people. The snapshot goes on.
	Dir     string // The snapshot is complete, in this directory, until the input of the call ends.
}

// backupSnapshot copies what changes in the data directory to a directory inside of it, with hard links to what does not
// change. The command takes the files from there, as it can write where the server cannot. The queue comes first: a message that
// leaves it for an account meanwhile is then in both, and not in neither.
func (o *operations) backupSnapshot(ctx context.Context, c *ctl.Call) (_ any, rerr error) {
	var p backupParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	dir, err := o.snapshotDir(p.Dir)
	if err != nil {
		return nil, fmt.Errorf("making a directory for the snapshot: %w", err)
	}
	defer func() { rerr = errors.Join(rerr, os.RemoveAll(dir)) }()
	s := snapshot{operations: o, dir: filepath.Join(dir, "data"), tell: func(p backupProgress) error { return c.Progress(p) }}
	s.throttled = throttled(func(p backupProgress) { c.Progress(p) })
	o.log.Info("backup begins", "snapshot", dir)
	if err := s.run(ctx); err != nil {
		o.log.Error("backup failed", "err", err)
		return nil, err
	}
	if err := s.tell(backupProgress{Bytes: s.bytes, Dir: s.dir}); err != nil {
		return nil, err
	}
	// The command ends its input when it has what it wants. When it is gone, this is an error.
	if _, err := io.Copy(io.Discard, c.Input()); err != nil {
		o.log.Error("backup was broken off", "err", err)
		return nil, err
	}
	o.log.Info("backup has its files", "bytes", s.bytes, "accounts", s.accounts)
	return nil, nil
}

// dataDir returns the data directory.
func (o *operations) dataDir() string { return filepath.Dir(o.queueDir) }

// snapshotDir makes a directory among the temporary files, which are removed when a server starts. A command that
// works without a server may be unable to write there.
func (o *operations) snapshotDir(other string) (string, error) {
	dir, err := os.MkdirTemp(spoolDirIn(o.dataDir()), "backup-")
	if err != nil && o.stop == nil {
		dir, err = os.MkdirTemp(other, "snapshot-")
	}
	return dir, err
}

// snapshot is one call of backupSnapshot.
type snapshot struct {
	*operations
	dir       string
	tell      func(backupProgress) error
	throttled func(backupProgress)
	bytes     int64
	accounts  int
}

// progress returns a function that is told bytes of what is copied.
func (s *snapshot) progress(what string) func(n int64) {
	return func(n int64) {
		s.bytes += n
		s.throttled(backupProgress{What: what, Bytes: s.bytes})
	}
}

func (s *snapshot) run(ctx context.Context) error {
	for _, dir := range []string{s.dir, accountsDir(s.dir)} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	if err := s.copyQueue(ctx); err != nil {
		return err
	}
	l, err := s.store.Accounts(ctx)
	if err != nil {
		return err
	}
	for i, a := range l {
		what := fmt.Sprintf("account %s (%d of %d)", a.Name, i+1, len(l))
		err := s.store.Snapshot(ctx, a.Name, accountsDir(s.dir), s.progress(what))
		switch {
		case errors.Is(err, store.ErrNoAccount):
			continue // Removed meanwhile.
		case errors.Is(err, store.ErrDamaged):
			if err := s.tell(backupProgress{Problem: fmt.Sprintf("account %s is copied as it is: %v", a.Name, err)}); err != nil {
				return err
			}
		case err != nil:
			return err
		}
		s.accounts++
	}
	for _, problem := range s.store.LeftOut() {
		if err := s.tell(backupProgress{Problem: fmt.Sprintf("account %s is copied as it is: %s; %s", problem.Account, problem.What, problem.Cure)}); err != nil {
			return err
		}
	}
	if err := s.store.SnapshotLeftOut(ctx, accountsDir(s.dir), s.progress("accounts that are left out")); err != nil {
		return err
	}
	return s.copyRest(ctx)
}

// copyQueue copies the queue, if there is one.
func (s *snapshot) copyQueue(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(s.queueDir, "index.db")); errors.Is(err, fs.ErrNotExist) {
		return nil // Nothing was ever queued.
	}
	db, err := s.queueDatabase(ctx)
	if errors.Is(err, queuedb.ErrDamaged) {
		return fmt.Errorf("%w; move %s away to go on without a queue", err, s.queueDir)
	} else if err != nil {
		return err
	}
	return db.Snapshot(ctx, queueDir(s.dir), s.progress("queue"))
}

// notCopied are names in the data directory that are copied in other ways, or have no meaning in another place.
var notCopied = [...]string{"accounts", "queue", "tmp", ctl.Name, restorePart}

// copyRest copies what else is in the data directory, such as certificates and accounts of ACME.
func (s *snapshot) copyRest(ctx context.Context) error {
	data := s.dataDir()
	return filepath.WalkDir(data, func(name string, d fs.DirEntry, err error) error {
		rel, rerr := filepath.Rel(data, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // Replaced meanwhile.
		case err != nil:
			return err
		case rerr != nil:
			return rerr
		case ctx.Err() != nil:
			return ctx.Err()
		case rel == ".":
			return nil
		case slices.Contains(notCopied[:], rel):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.Mkdir(filepath.Join(s.dir, rel), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		n, err := copyStable(name, filepath.Join(s.dir, rel))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		s.progress("other files")(n)
		return err
	})
}

// copyAttempts is how often a file is copied that changes meanwhile.
const copyAttempts = 20

// copyStable copies a file of which no part may be older than another. Those here are replaced rather than written to, or
// seldom are.
func copyStable(from, to string) (int64, error) {
	for range copyAttempts {
		before, err := os.Stat(from)
		if err != nil {
			return 0, err
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return 0, err
		}
		after, err := os.Stat(from)
		if err != nil {
			return 0, err
		}
		if !os.SameFile(before, after) || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
			continue
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			return 0, err
		}
		return after.Size(), os.Chtimes(to, after.ModTime(), after.ModTime())
	}
	return 0, fmt.Errorf("%s changes all the time", from)
}
