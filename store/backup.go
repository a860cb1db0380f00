package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mox/internal/vfs"
	"mox/store/blob"
)

// Snapshot makes a copy of an account, as it was at one moment during the call, in a directory of the file system that
// the account is in. To it belongs all that was acknowledged before the call. Dir is like Options.Dir and must
// exist; the copy gets a directory below it and is durable when Snapshot returns.
//
// The account stays in use. Its database is copied in rounds, and the committer waits only for the last pages: some
// milliseconds, whatever the size. Sealed packs and large files become hard links, so what is in dir takes little space
// and must not be written to in place; packs are not removed by a compaction meanwhile.
//
// Progress, if not nil, is told how many bytes more were copied or linked. Returns ErrNoAccount. An account whose database
// is damaged or missing is copied as it is, and ErrDamaged returned; after other errors nothing is left in
// dir.
func (s *Store) Snapshot(ctx context.Context, account, dir string, progress func(n int64)) error {
	a, err := s.Open(ctx, account)
	if errors.Is(err, ErrDamaged) || errors.Is(err, errNoDatabase) {
		if cerr := s.snapshotDamaged(ctx, account, dir, progress); cerr != nil {
			return cerr
		}
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	} else if err != nil {
		return err
	}
	defer a.Close()
	acc := a.acc
	to := filepath.Join(dir, dirName(acc.id))
	return s.snapshotInto(to, accountFile{accountFileVersion, acc.id, a.Name()}, func() error {
		blobs, err := acc.snapshot(ctx, databasePath(to), progress)
		if err != nil {
			return err
		}
		// Packs that became sparse while they were held are looked at again.
		defer acc.compactor.poke()
		defer blobs.Release()
		return blobs.Link(ctx, filepath.Join(to, "blobs"), progress)
	})
}

// errReplaced says that the database was replaced while it was copied.
var errReplaced = errors.New("database was replaced after an error of the disk; try again")

// snapshot copies the database to a file, and returns what there are of blobs at the same moment.
func (a *account) snapshot(ctx context.Context, path string, progress func(n int64)) (*blob.Snapshot, error) {
	a.calls.RLock()
	db := a.db
	a.calls.RUnlock()
	var blobs *blob.Snapshot
	err := db.WriteSnapshot(ctx, path, func(step func() (bool, error)) error {
		// The committer alone writes. While it runs this op nothing else happens to database and packs, except that a
		// compaction appends copies that the database does not know yet.
		return a.committer.do(ctx, &op{label: "backup", bulk: true, reads: true, run: func(*txn) error {
			start := time.Now()
			defer func() { observeSince(a.store.metrics.backupPause, start) }()
			if a.db != db || a.committer.doubtful {
				return errReplaced
			}
			done, err := step()
			if err == nil && done {
				blobs, err = a.blobs.Snapshot()
			}
			return err
		}})
	}, progress)
	if err != nil && blobs != nil {
		blobs.Release()
		blobs = nil
	}
	return blobs, err
}

// snapshotDamaged copies an account whose database is damaged or missing, as it is.
func (s *Store) snapshotDamaged(ctx context.Context, account, dir string, progress func(n int64)) error {
	return s.exclusive(ctx, account, func(sl *slot) (rerr error) {
		from := s.accountDir(sl.info.ID)
		to := filepath.Join(dir, dirName(sl.info.ID))
		return s.snapshotInto(to, sl.info, func() error { return s.snapshotFiles(ctx, from, to, progress) })
	})
}

// SnapshotLeftOut is Snapshot for the accounts that LeftOut tells of. They are copied as they are; nobody uses them.
func (s *Store) SnapshotLeftOut(ctx context.Context, dir string, progress func(n int64)) error {
	fsys := vfs.OS{}
	for _, o := range s.leftOut {
		from, to := filepath.Join(s.opts.Dir, o.dir), filepath.Join(dir, o.dir)
		if err := fsys.Mkdir(to, 0o700); err != nil {
			return err
		}
		err := copyFile(filepath.Join(from, accountFileBase), filepath.Join(to, accountFileBase))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = s.snapshotFiles(ctx, from, to, progress)
		}
		if err == nil {
			err = syncSnapshot(fsys, to)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("copying account in %s: %w", from, err), removeAll(fsys, to))
		}
	}
	return nil
}

// snapshotFiles copies database and blobs of an account that nobody uses, as far as they are there.
func (s *Store) snapshotFiles(ctx context.Context, from, to string, progress func(n int64)) (rerr error) {
	err := copyFile(databasePath(from), databasePath(to))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	blobs, err := blob.Open(filepath.Join(from, "blobs"), blob.Options{FS: s.opts.FS, Logger: s.opts.Log, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, blobs.Close()) }()
	held, err := blobs.Snapshot()
	if err != nil {
		return err
	}
	defer held.Release()
	return held.Link(ctx, filepath.Join(to, "blobs"), progress)
}

// snapshotInto makes the directory of a copy of an account, which fill fills but for account.json.
func (s *Store) snapshotInto(to string, info accountFile, fill func() error) (rerr error) {
	fsys := vfs.OS{}
	if err := fsys.Mkdir(to, 0o700); err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(fmt.Errorf("copying account %s: %w", info.Name, rerr), removeAll(fsys, to))
		}
	}()
	if err := fill(); err != nil {
		return err
	}
	if err := writeAccountFile(fsys, to, info); err != nil {
		return err
	}
	return syncSnapshot(fsys, to)
}

// syncSnapshot makes the directories of a copy of an account durable.
func syncSnapshot(fsys vfs.OS, to string) error {
	for _, d := range []string{filepath.Join(to, "blobs", "files"), filepath.Join(to, "blobs"), to, filepath.Dir(to)} {
		if err := fsys.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a file to a new one, durable but for its name.
func copyFile(from, to string) (rerr error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}
