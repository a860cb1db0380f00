package queuedb

import (
	"context"
	"fmt"
	"os"

	"github.com/mjl-/bstore"

	"mox/store/blob"
	"mox/store/dbfile"
)

const (
	// compactRate bounds how fast Compact reads, in bytes per second, so that deliveries
	// keep the disk.
	compactRate = 16 << 20

	// compactDatabaseMin is the size in bytes below which free space in the database does not matter.
	compactDatabaseMin = 1 << 20
)

// sweep removes large bodies that a crash left behind.
func (db *DB) sweep(ctx context.Context) error {
	if !db.blobs.Unclean() {
		return nil
	}
	n, err := db.blobs.SweepFiles(ctx, db.inUse)
	if err != nil {
		return fmt.Errorf("removing leftovers of the queue: %w", err)
	}
	if n > 0 {
		db.log.Info("removed message bodies that no message refers to", "count", n)
	}
	return nil
}

// Compact gives back the space of bodies of finished messages. It is slow, to leave the disk to
// others, and can be interrupted by its context at any time.
func (db *DB) Compact(ctx context.Context) error {
	_, err := db.blobs.Compact(ctx, blob.Policy{BytesPerSecond: compactRate}, db.live, db.moved)
	return err
}

// CompactNow is Compact at full speed; with force, also where little is gained. It returns how many bytes bodies
// took before and after.
func (db *DB) CompactNow(ctx context.Context, force bool) (before, after int64, err error) {
	before = db.packBytes()
	_, err = db.blobs.Compact(ctx, blob.Policy{Force: force}, db.live, db.moved)
	return before, db.packBytes(), err
}

func (db *DB) packBytes() (n int64) {
	for _, p := range db.blobs.Packs() {
		n += p.Size
	}
	return n
}

// live tells which bodies are in use, of all that were put before it was asked.
func (db *DB) live(ctx context.Context, blobs []blob.Located) ([]bool, error) {
	// Those that were put are in the database, or given up, once the committer comes to this.
	if err := db.write(ctx, &op{}); err != nil {
		return nil, err
	}
	return db.inUse(ctx, blobs)
}

// inUse tells which bodies the database refers to.
func (db *DB) inUse(ctx context.Context, blobs []blob.Located) (l []bool, rerr error) {
	rerr = db.read(ctx, func(tx *bstore.Tx) error {
		l = make([]bool, len(blobs))
		for i, b := range blobs {
			m, err := messageByBlob(tx, b)
			if err != nil {
				return err
			}
			l[i] = m != nil
		}
		return nil
	})
	return l, rerr
}

// messageByBlob returns the message that has this body, nil if there is none.
func messageByBlob(tx *bstore.Tx, b blob.Located) (*messageRow, error) {
	l, err := bstore.QueryTx[messageRow](tx).FilterNonzero(messageRow{BlobID: b.EmailID}).List()
	if err != nil {
		return nil, err
	}
	for i := range l {
		if len(l[i].Blob) == 0 {
			continue
		}
		ref, err := blob.ParseRef(l[i].Blob)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", l[i].ID, err)
		}
		if ref == b.Ref {
			return &l[i], nil
		}
	}
	return nil, nil
}

func (db *DB) moved(ctx context.Context, moves []blob.Move) error {
	return db.write(ctx, &op{run: func(tx *bstore.Tx, _ []blob.Ref) error {
		for _, mv := range moves {
			m, err := messageByBlob(tx, blob.Located{EmailID: mv.EmailID, Ref: mv.Old})
			if err != nil {
				return err
			}
			if m == nil {
				continue
			}
			if m.Blob, err = mv.New.AppendBinary(nil); err != nil {
				return err
			}
			if err := tx.Update(m); err != nil {
				return err
			}
		}
		return nil
	}})
}

// compactDatabase rewrites the database, which nobody has open, if half of it is free.
func compactDatabase(path string) error {
	if fi, err := os.Stat(path); err != nil || fi.Size() < compactDatabaseMin {
		return err
	}
	size, free, err := dbfile.Usage(path)
	if err != nil || size < compactDatabaseMin || free <= size/2 {
		return err
	}
	_, _, err = dbfile.Compact(path)
	return err
}
