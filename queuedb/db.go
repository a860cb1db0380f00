package queuedb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mjl-/bstore"

	"mox/internal/vfs"
	"mox/store/blob"
)

// Options for Open. Zero values have the defaults told.
type Options struct {
	Dir string           // Holds index.db and blobs; made when missing. Required.
	FS  vfs.FS           // For the blobs. Default: the operating system's.
	Log *slog.Logger     // Default: discard.
	Now func() time.Time // Default: time.Now.
}

// DB is the database of the queue. It is safe for concurrent use.
type DB struct {
	log   *slog.Logger
	now   func() time.Time
	db    *bstore.DB
	blobs *blob.Store

	ops       chan *op
	started   chan struct{} // Closed when the committer has started.
	done      chan struct{} // Closed when it has ended.
	closeOnce sync.Once
	closing   chan struct{}
	closeErr  error
}

// Open opens or makes the database and removes what is left of messages that are done.
// Returns ErrNewerVersion.
func Open(ctx context.Context, opts Options) (*DB, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.FS == nil {
		opts.FS = vfs.OS{}
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making queue directory: %w", err)
	}
	bdb, err := bstore.Open(ctx, filepath.Join(opts.Dir, "index.db"), &bstore.Options{Timeout: 5 * time.Second, Perm: 0o600},
		metaRow{}, messageRow{}, recipientRow{})
	if err != nil {
		return nil, fmt.Errorf("opening queue database: %w", err)
	}
	db := &DB{
		log: opts.Log, now: opts.Now, db: bdb,
		ops: make(chan *op), started: make(chan struct{}), done: make(chan struct{}), closing: make(chan struct{}),
	}
	if err := db.checkVersion(ctx); err != nil {
		return nil, errors.Join(err, bdb.Close())
	}
	db.blobs, err = blob.Open(filepath.Join(opts.Dir, "blobs"), blob.Options{FS: opts.FS, Logger: opts.Log})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening queue blobs: %w", err), bdb.Close())
	}
	if err := db.sweep(ctx); err != nil {
		return nil, errors.Join(err, db.blobs.Close(), bdb.Close())
	}
	close(db.started)
	go db.commitLoop()
	return db, nil
}

func (db *DB) checkVersion(ctx context.Context) error {
	return db.db.Write(ctx, func(tx *bstore.Tx) error {
		m := metaRow{ID: 1}
		err := tx.Get(&m)
		switch {
		case err == bstore.ErrAbsent:
			return tx.Insert(&metaRow{ID: 1, Version: schemaVersion})
		case err != nil:
			return err
		case m.Version > schemaVersion:
			return fmt.Errorf("%w: version %d, this mox knows up to %d; run the newer mox or restore a backup", ErrNewerVersion, m.Version, schemaVersion)
		}
		return nil
	})
}

// Close finishes the writes that wait and closes the database.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		close(db.closing)
		<-db.done
		db.closeErr = errors.Join(db.blobs.Close(), db.db.Close())
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
		err := db.db.Get(ctx, &m)
		if err == bstore.ErrAbsent || err == nil && len(m.Blob) == 0 {
			return nil, ErrNoMessage
		} else if err != nil {
			return nil, err
		}
		ref, err := blob.ParseRef(m.Blob)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", id, err)
		}
		r, err := db.blobs.Open(ref)
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

// Message returns a message. Returns ErrNoMessage.
func (db *DB) Message(ctx context.Context, id MessageID) (Message, error) {
	m := messageRow{ID: int64(id)}
	err := db.db.Get(ctx, &m)
	if err == bstore.ErrAbsent {
		return Message{}, ErrNoMessage
	}
	if err != nil {
		return Message{}, err
	}
	return m.message(), nil
}

// MessageByEnvelope returns the message that was added under the envelope id, also when
// it is done, for as long as it is remembered. Returns ErrNoMessage.
func (db *DB) MessageByEnvelope(ctx context.Context, envelopeID string) (Message, error) {
	m, err := bstore.QueryDB[messageRow](ctx, db.db).FilterNonzero(messageRow{EnvelopeID: envelopeID}).Get()
	if err == bstore.ErrAbsent {
		return Message{}, ErrNoMessage
	}
	if err != nil {
		return Message{}, err
	}
	return m.message(), nil
}
