package queuedb

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mjl-/bstore"

	"mox/store/blob"
	"mox/store/dbfile"
)

// Verify checks the database: its pages, that messages and recipients fit each other, and that the body of
// each message is there, with content set also that no byte of it has changed. What is wrong is given to
// report, for an operator. The queue may be in use; what is written meanwhile is not checked. Returns errors of
// the disk.
func (db *DB) Verify(ctx context.Context, content bool, report func(problem string)) error {
	// The committer keeps writes away while pages are read.
	err := db.write(ctx, &op{reads: true, run: func(*bstore.Tx, []blob.Ref) error {
		return dbfile.Check(ctx, db.path, func(problem string) { report("database: " + problem) })
	}})
	if err != nil {
		return err
	}
	last, err := db.newestMessage(ctx)
	for after := int64(0); err == nil && after < last; {
		after, err = db.verifyPage(ctx, after, last, content, report)
	}
	if errors.Is(err, ErrDamaged) {
		report(err.Error())
		return nil
	}
	return err
}

// newestMessage returns the highest id of a message, zero if there are none.
func (db *DB) newestMessage(ctx context.Context) (id int64, rerr error) {
	rerr = db.read(ctx, func(tx *bstore.Tx) error {
		m, err := bstore.QueryTx[messageRow](tx).SortDesc("ID").Limit(1).Get()
		if err == bstore.ErrAbsent {
			err = nil
		}
		id = m.ID
		return err
	})
	return id, rerr
}

// verifyPage checks some messages with ids above after, and returns the last.
func (db *DB) verifyPage(ctx context.Context, after, last int64, content bool, report func(string)) (int64, error) {
	const page = 100
	var bodies []messageRow
	var wrong []string
	next := last
	err := db.read(ctx, func(tx *bstore.Tx) error {
		bodies, wrong = nil, nil
		l, err := bstore.QueryTx[messageRow](tx).FilterGreater("ID", after).SortAsc("ID").Limit(page).List()
		if err != nil {
			return err
		}
		if len(l) == page {
			next = l[len(l)-1].ID
		}
		for _, m := range l {
			open := int32(0)
			err := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Message: m.ID}).ForEach(func(r recipientRow) error {
				if !State(r.State).Final() {
					open++
				}
				if (State(r.State) == Waiting) != (r.Due != never) {
					wrong = append(wrong, fmt.Sprintf("recipient %d: is %s, but due at %d", r.ID, State(r.State), r.Due))
				}
				return nil
			})
			if err != nil {
				return err
			}
			if open != m.Open {
				wrong = append(wrong, fmt.Sprintf("message %d: says that %d recipients are open, %d are", m.ID, m.Open, open))
			}
			if m.Open > 0 {
				bodies = append(bodies, m)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, problem := range wrong {
		report(problem)
	}
	for i := range bodies {
		if err := db.verifyBody(ctx, &bodies[i], content); errors.Is(err, blob.ErrCorrupt) || errors.Is(err, blob.ErrNotExist) || errors.Is(err, blob.ErrEncoding) {
			report(fmt.Sprintf("message %d: its body: %v", bodies[i].ID, err))
		} else if err != nil {
			return 0, err
		}
	}
	return next, nil
}

// verifyBody checks that a message that is not done has its body.
func (db *DB) verifyBody(ctx context.Context, m *messageRow, content bool) error {
	body, err := db.OpenBody(ctx, MessageID(m.ID))
	if errors.Is(err, ErrNoMessage) {
		// Done meanwhile, or else without a body.
		now := messageRow{ID: m.ID}
		err := db.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&now) })
		if err == bstore.ErrAbsent || err == nil && now.Open == 0 {
			return nil
		} else if err == nil {
			err = blob.ErrNotExist
		}
		return err
	} else if err != nil {
		return err
	}
	defer body.Close()
	if !content {
		if body.Size() == 0 {
			return nil
		}
		var b [1]byte
		if _, err := body.ReadAt(b[:], body.Size()-1); err != nil && err != io.EOF {
			return err
		}
		return nil
	}
	ref, err := blob.ParseRef(m.Blob)
	if err != nil {
		return err
	}
	if err := db.blobs.Verify(ctx, ref); !errors.Is(err, blob.ErrNotExist) {
		return err
	}
	// Compaction has moved it.
	now := messageRow{ID: m.ID}
	if err := db.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&now) }); err == bstore.ErrAbsent || err == nil && len(now.Blob) == 0 {
		return nil
	} else if err != nil {
		return err
	}
	if ref, err = blob.ParseRef(now.Blob); err != nil {
		return err
	}
	return db.blobs.Verify(ctx, ref)
}
