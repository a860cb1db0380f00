package queuedb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/mjl-/bstore"
	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/vfs"
	"mox/store/blob"
	"mox/store/dbfile"
)

// Options for Open. Zero values have the defaults told.
type Options struct {
	Dir string           // Holds index.db and blobs; made when missing. Required.
	FS  vfs.FS           // For the blobs. Default: the operating system's.
	Log *slog.Logger     // Default: discard.
	Now func() time.Time // Default: time.Now.

	// Registerer receives the metrics of the database. Default: none.
	Registerer prometheus.Registerer

	// ReadOnly changes nothing in Dir, of which nobody else may make use meanwhile. Calls that write
	// return ErrReadOnly.
	ReadOnly bool
}

// DB is the database of the queue. It is safe for concurrent use.
type DB struct {
	log   *slog.Logger
	now   func() time.Time
	blobs *blob.Store
	path  string // Of the database.

	mu sync.RWMutex // Held for reading while db is used, and for writing while it is opened anew.
	db *dbfile.DB

	mapped dbfile.Mapped // Has db.

	ops       chan *op
	done      chan struct{} // Closed when the committer has ended.
	closeOnce sync.Once
	closing   chan struct{}
	closeErr  error

	// Broken is set when nothing can be written: the database is in doubt, or open for reading only. It is healed at
	// the time after it, unless that is zero. They are the committer's alone.
	broken error
	healAt time.Time

	inDoubt prometheus.Gauge
}

// Open opens or makes the database and removes what is left of messages that are done.
// Returns ErrNewerVersion, ErrDamaged, dbfile.ErrLocked.
func Open(ctx context.Context, opts Options) (_ *DB, rerr error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.FS == nil {
		opts.FS = vfs.OS{}
	}
	db := &DB{
		log: opts.Log, now: opts.Now, path: filepath.Join(opts.Dir, "index.db"),
		ops: make(chan *op), done: make(chan struct{}), closing: make(chan struct{}),
		inDoubt: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mox_queue_in_doubt",
			Help: "1 while nothing can be written to the queue after an error of the disk.",
		}),
	}
	open := dbfile.Open
	if opts.ReadOnly {
		open, db.broken = dbfile.OpenCopy, ErrReadOnly
	} else if err := vfs.MkdirAllSync(vfs.OS{}, opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making queue directory: %w", err)
	}
	var err error
	if db.db, err = openDatabase(ctx, db.path, open, db.log); err != nil {
		return nil, fmt.Errorf("opening queue database: %w", err)
	}
	db.mapped.Add(db.db)
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, db.db.Close())
		}
	}()
	db.blobs, err = blob.Open(filepath.Join(opts.Dir, "blobs"), blob.Options{FS: opts.FS, Logger: opts.Log, ReadOnly: opts.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("opening queue blobs: %w", err)
	}
	if !opts.ReadOnly {
		err = db.sweep(ctx)
	}
	if err == nil && opts.Registerer != nil {
		err = opts.Registerer.Register(db.inDoubt)
	}
	if err != nil {
		return nil, errors.Join(err, db.blobs.Close())
	}
	go db.commitLoop()
	return db, nil
}

// opener is dbfile.Open or dbfile.OpenCopy.
type opener func(ctx context.Context, path string, types ...any) (*dbfile.DB, error)

// openDatabase opens the database in a file and brings it to the current version.
func openDatabase(ctx context.Context, path string, open opener, log *slog.Logger) (_ *dbfile.DB, rerr error) {
	db, err := open(ctx, path, versionRow{})
	if err != nil {
		return nil, err
	}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, db.Close())
		}
	}()
	// Registering types changes the database, so that comes after.
	if err := checkVersion(ctx, db, schemaVersion); err != nil {
		return nil, err
	}
	if err := register(ctx, db); err != nil {
		return nil, err
	}
	return db, upgrade(ctx, db, log, schemaVersion, upgradeSteps)
}

// read runs fn in a read transaction.
func (db *DB) read(ctx context.Context, fn func(tx *bstore.Tx) error) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.db.Read(ctx, fn)
}

func register(ctx context.Context, db *dbfile.DB) error {
	if err := db.Register(ctx, commitRow{}, messageRow{}, recipientRow{}, untoldRow{}); err != nil {
		return err
	}
	err := db.Get(ctx, &commitRow{ID: 1})
	if err == bstore.ErrAbsent {
		err = db.Insert(ctx, &commitRow{ID: 1})
	}
	return err
}

// Close finishes the writes that have begun and closes the database. Others return ErrClosed. Open
// bodies stay readable. A database in doubt is replaced by a copy that is not. When half of the database file is
// free, it is made smaller.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		close(db.closing)
		<-db.done
		db.mu.Lock()
		defer db.mu.Unlock()
		if db.closeErr = errors.Join(db.blobs.Close(), db.db.Close()); db.closeErr != nil {
			return
		}
		if errors.Is(db.broken, ErrUnwritable) {
			db.closeErr = dbfile.Rewrite(db.path)
		}
		if db.closeErr != nil || db.broken != nil {
			return
		}
		if err := compactDatabase(db.path); err != nil {
			db.log.Error("compacting queue database", "err", err)
		}
	})
	return db.closeErr
}

// Body is an open message body. ReadAt is safe for concurrent use; Close must be called.
type Body interface {
	io.ReaderAt
	Size() int64
	Close() error
}

// OpenBody opens the body of a message. Returns ErrNoMessage when it is gone.
func (db *DB) OpenBody(ctx context.Context, id MessageID) (Body, error) {
	var last blob.Ref
	for {
		m := messageRow{ID: int64(id)}
		err := db.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&m) })
		if err == bstore.ErrAbsent || err == nil && len(m.Blob) == 0 {
			return nil, ErrNoMessage
		} else if err != nil {
			return nil, err
		}
		ref, err := blob.ParseRef(m.Blob)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", id, err)
		}
		r, err := db.blobs.OpenChecked(ctx, ref)
		if err == nil {
			return r, nil
		}
		// Compaction may have moved the body after the row was read.
		if !errors.Is(err, blob.ErrNotExist) || ref == last {
			return nil, fmt.Errorf("message %d: %w", id, err)
		}
		last = ref
	}
}

// MessageByEnvelope returns the message that was added under the envelope id, also when
// it is done, for as long as it is remembered. Returns ErrNoMessage.
func (db *DB) MessageByEnvelope(ctx context.Context, envelopeID string) (Message, error) {
	var m messageRow
	err := db.read(ctx, func(tx *bstore.Tx) (err error) {
		m, err = messageByEnvelope(tx, envelopeID)
		return err
	})
	if err == bstore.ErrAbsent {
		return Message{}, ErrNoMessage
	}
	if err != nil {
		return Message{}, err
	}
	return m.message(), nil
}
