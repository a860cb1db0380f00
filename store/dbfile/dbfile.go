// Package dbfile opens bstore databases with the settings mox needs of the engine
// beneath, bbolt, which bstore gives no way to pass.
package dbfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mjl-/bstore"
	bolt "go.etcd.io/bbolt"
)

// LockTimeout is how long Open waits for another process to let go of a database.
const LockTimeout = 2 * time.Second

// initialMap is the address space reserved for a database file from the start. When a
// file outgrows its map, the writer has to wait for all readers to make a larger one; up to
// this size that never happens. It costs no memory.
const initialMap = 128 << 20

// settle makes the settings the defaults of bbolt, which bstore uses when it is called
// without options and with a context without deadline.
var settle = sync.OnceFunc(func() {
	o := *bolt.DefaultOptions
	// The array that is bbolt's default is searched from its start for each page, which gets
	// slow with the many free pages that deleting leaves.
	o.FreelistType = bolt.FreelistMapType
	o.Timeout = LockTimeout
	if bits.UintSize == 64 {
		o.InitialMmapSize = initialMap
	}
	// The list of free pages is written with each transaction (NoFreelistSync stays off):
	// it is a page or two, and without it opening would read the whole file.
	bolt.DefaultOptions = &o
})

// ErrLocked says that another process has the database open.
var ErrLocked = errors.New("database is in use by another process")

// Open opens the database in the file at path, which is made if missing, and
// registers types. A new file is durable, with its name, when Open returns. Returns
// ErrLocked. The context's end before the opening is obeyed, its deadline is not.
func Open(ctx context.Context, path string, types ...any) (*bstore.DB, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	settle()
	_, err := os.Stat(path)
	fresh := errors.Is(err, fs.ErrNotExist)
	db, err := bstore.Open(context.WithoutCancel(ctx), path, nil, types...)
	if errors.Is(err, bolt.ErrTimeout) {
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	} else if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	if fresh {
		if err := syncDir(filepath.Dir(path)); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
