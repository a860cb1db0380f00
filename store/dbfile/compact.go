package dbfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// compactTx is about how many bytes Compact copies in one transaction, which it holds in memory.
const compactTx = 4 << 20

// tmpSuffix is appended to the name of a database for the one that Compact makes.
const tmpSuffix = ".compact"

// Usage tells how many bytes of a database file have been used, and how many of these are free for later
// writes. The file itself is larger: it grows ahead, by space that takes none on the disk. The database
// must not be open. Returns ErrLocked if it is, ErrDamaged.
func Usage(path string) (size, free int64, rerr error) {
	rerr = guardFile(path, func() (rerr error) {
		db, err := openRead(path)
		if err != nil {
			return err
		}
		defer func() { rerr = errors.Join(rerr, db.Close()) }()
		size, err = usedSize(db)
		free = int64(db.Stats().FreePageN) * int64(db.Info().PageSize)
		return err
	})
	return size, free, rerr
}

func usedSize(db *bolt.DB) (size int64, err error) {
	err = db.View(func(tx *bolt.Tx) error {
		size = tx.Size()
		return nil
	})
	return size, err
}

// Compact rewrites a database without the space that is free in it, and returns the sizes, as Usage tells
// them, before and after. After a crash at any moment the old or the new file is there, with the same content.
// The database must not be open, nor be opened by anybody meanwhile, which the caller ensures. Returns
// ErrLocked if it is open, ErrDamaged.
func Compact(path string) (before, after int64, rerr error) {
	rerr = guardFile(path, func() (err error) {
		before, after, err = compact(path)
		return err
	})
	return before, after, rerr
}

func compact(path string) (before, after int64, rerr error) {
	src, err := openRead(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { rerr = errors.Join(rerr, src.Close()) }()
	tmp := path + tmpSuffix
	if err := remove(tmp); err != nil {
		return 0, 0, err
	}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, remove(tmp))
		}
	}()
	if before, err = usedSize(src); err != nil {
		return 0, 0, err
	}
	if after, err = copyInto(tmp, src); err != nil {
		return 0, 0, fmt.Errorf("compacting %s: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return 0, 0, err
	}
	return before, after, syncDir(filepath.Dir(path))
}

// remove removes a file if it is there.
func remove(name string) error {
	err := os.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// openRead opens a database file for reading, without bstore.
func openRead(path string) (*bolt.DB, error) {
	// A missing file would be made.
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	if err := checkQuick(path); err != nil {
		return nil, err
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: LockTimeout})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	} else if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	return db, nil
}

// copyInto makes a database at path with the content of src, durable but for its name, and returns its size.
func copyInto(path string, src *bolt.DB) (size int64, rerr error) {
	// One sync at the end does for all transactions.
	dst, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, Timeout: LockTimeout})
	if err != nil {
		return 0, err
	}
	defer func() { rerr = errors.Join(rerr, dst.Close()) }()
	if err := bolt.Compact(dst, src, compactTx); err != nil {
		return 0, err
	}
	if err := dst.Sync(); err != nil {
		return 0, err
	}
	return usedSize(dst)
}
