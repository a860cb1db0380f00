package queuedb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mjl-/bstore"

	"mox/internal/vfs"
	"mox/store/blob"
)

// Snapshot makes a copy of the queue, as it was at one moment during the call, in a directory that it makes, of the same
// file system if possible: then bodies become hard links, which must not be written to in place. All that was added
// before the call is in it. It is durable when Snapshot returns, but for its name. The queue stays in use, and its
// writes wait some milliseconds.
//
// Progress, if not nil, is told how many bytes more were copied or linked. After an error nothing is left.
func (db *DB) Snapshot(ctx context.Context, dir string, progress func(n int64)) (rerr error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(fmt.Errorf("copying queue: %w", rerr), os.RemoveAll(dir))
		}
	}()
	blobs, err := db.snapshot(ctx, filepath.Join(dir, "index.db"), progress)
	if err != nil {
		return err
	}
	defer blobs.Release()
	if err := blobs.Link(ctx, filepath.Join(dir, "blobs"), progress); err != nil {
		return err
	}
	for _, d := range []string{filepath.Join(dir, "blobs", "files"), filepath.Join(dir, "blobs"), dir} {
		if err := (vfs.OS{}).SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// snapshot copies the database to a file, and returns what there are of bodies at the same moment.
func (db *DB) snapshot(ctx context.Context, path string, progress func(n int64)) (*blob.Snapshot, error) {
	db.mu.RLock()
	file := db.db
	db.mu.RUnlock()
	var blobs *blob.Snapshot
	err := file.WriteSnapshot(ctx, path, func(step func() (bool, error)) error {
		// The committer alone writes, and not while it runs this.
		return db.write(ctx, &op{reads: true, run: func(*bstore.Tx, []blob.Ref) error {
			if db.db != file || errors.Is(db.broken, ErrUnwritable) {
				return errors.New("database is in doubt after an error of the disk, or was replaced; try again")
			}
			done, err := step()
			if err == nil && done {
				blobs, err = db.blobs.Snapshot()
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
