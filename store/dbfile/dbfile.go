// Package dbfile opens bstore databases with the settings mox needs of the engine
// beneath, bbolt, which bstore gives no way to pass, and keeps damaged files from
// ending the program: bbolt trusts what it reads, and panics or touches memory that
// is not there when that is wrong.
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
	"sync/atomic"
	"time"

	"github.com/mjl-/bstore"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
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
	// An array gives out the lowest pages, so that those of a transaction stand together and reach the disk
	// in fewer writes. A map gives out any, and sorts what is left with each transaction: with the
	// many free pages that deleting leaves, a delivery took twice as long.
	o.FreelistType = bolt.FreelistArrayType
	o.Timeout = LockTimeout
	if bits.UintSize == 64 {
		o.InitialMmapSize = initialMap
	}
	// The list of free pages is written with each transaction (NoFreelistSync stays off):
	// it is a page or two, and without it opening would read the whole file.
	bolt.DefaultOptions = &o
})

// newSuffix is appended to the name of a database that is being made, or copied by Rewrite.
const newSuffix = ".new"

// ErrLocked says that the database is open elsewhere: mostly by another process.
var ErrLocked = errors.New("database is in use by another process")

// DB is an open database. Damage of its file is an error of the call that comes across it, see
// ErrDamaged; what does not need the damaged part works on. It is safe for concurrent use.
type DB struct {
	db   *bstore.DB
	path string

	// ahead is of who holds the lock for writing.
	ahead ahead

	scan scan

	mapped *Mapped // Nil for none.

	snapshot atomic.Pointer[snapshot] // Under way. Nil for none.

	// stuck is set when bbolt has failed in a way in which it keeps its locks.
	stuck atomic.Bool
}

// Open opens the database in the file at path, which is made if missing, and
// registers types. A new file is durable, with its name, when Open returns. What an interrupted Rewrite or Compact
// left is removed. Returns
// ErrLocked, ErrDamaged. The context's end before the opening is obeyed, its deadline is not.
func Open(ctx context.Context, path string, types ...any) (*DB, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	settle()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("making database %s: %w", path, err)
		}
	}
	if err := checkQuick(path); err != nil {
		return nil, err
	}
	db, err := open(ctx, path, path, types...)
	if err != nil {
		return nil, err
	}
	// The lock of the database keeps others away, so these are of a Rewrite or Compact that was interrupted. If they
	// stay, they take space and nothing else.
	for _, suffix := range []string{newSuffix, tmpSuffix} {
		remove(path + suffix)
	}
	if db.ahead, err = openAhead(path); err != nil {
		return nil, errors.Join(fmt.Errorf("opening database %s: %w", path, err), db.Close())
	}
	return db, nil
}

// create makes an empty database. It is there as a whole or not at all.
func create(path string) (rerr error) {
	tmp := path + newSuffix
	if err := remove(tmp); err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			os.Remove(tmp)
		}
	}()
	db, err := bolt.Open(tmp, 0o600, nil)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// open opens the database in a file that is there. Name is what errors call it.
func open(ctx context.Context, file, name string, types ...any) (*DB, error) {
	db := &DB{path: name}
	err := db.guard(func(*bool) (err error) {
		db.db, err = bstore.Open(context.WithoutCancel(ctx), file, nil, types...)
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s", ErrLocked, name)
	case isDamage(err):
		return nil, damaged(name, err)
	case errors.Is(err, ErrDamaged):
		return nil, err
	}
	return nil, fmt.Errorf("opening database %s: %w", name, err)
}

// Register is bstore's. Returns ErrDamaged.
func (db *DB) Register(ctx context.Context, types ...any) error {
	return db.guard(func(*bool) error { return db.db.Register(ctx, types...) })
}

// HintAppend is bstore's.
func (db *DB) HintAppend(appended bool, types ...any) error {
	return db.db.HintAppend(appended, types...)
}

// Read runs fn in a read transaction. Returns ErrDamaged.
func (db *DB) Read(ctx context.Context, fn func(tx *bstore.Tx) error) error {
	defer db.mapped.used()
	return db.guard(func(began *bool) error {
		return db.db.Read(ctx, func(tx *bstore.Tx) error {
			*began = true
			return fn(tx)
		})
	})
}

// Write runs fn in a write transaction. Returns ErrDamaged; the transaction did not take place then.
func (db *DB) Write(ctx context.Context, fn func(tx *bstore.Tx) error) error {
	defer db.mapped.used()
	defer db.note()
	return db.guard(func(began *bool) error {
		return db.db.Write(ctx, func(tx *bstore.Tx) error {
			*began = true
			db.ahead.fill()
			return fn(tx)
		})
	})
}

// Get, Insert and Update are bstore's, each in a transaction of its own. They return ErrDamaged.
func (db *DB) Get(ctx context.Context, values ...any) error {
	return db.Read(ctx, func(tx *bstore.Tx) error { return tx.Get(values...) })
}

func (db *DB) Insert(ctx context.Context, values ...any) error {
	return db.Write(ctx, func(tx *bstore.Tx) error { return tx.Insert(values...) })
}

func (db *DB) Update(ctx context.Context, values ...any) error {
	return db.Write(ctx, func(tx *bstore.Tx) error { return tx.Update(values...) })
}

// Close closes the database, when all transactions have ended.
func (db *DB) Close() error {
	if db.mapped != nil {
		db.mapped.remove(db)
	}
	if db.stuck.Load() {
		// It would wait for locks that nobody gives back. The file stays open.
		return damaged(db.path, errStuck)
	}
	return errors.Join(db.db.Close(), db.ahead.close())
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
