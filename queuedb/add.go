package queuedb

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// NewMessage is a message to add. Body is read while the call runs.
type NewMessage struct {
	Message                // ID and Open are assigned.
	Recipients []Recipient // ID, Message and Results are assigned; State is Waiting or Held.
	Body       io.ReaderAt // Size bytes.
}

// Add adds a message with its recipients; both are durable when Add returns. Of a message whose
// EnvelopeID is known already only recipients are added that it does not have; duplicate says that
// there were none. It returns the recipients added.
func (db *DB) Add(ctx context.Context, m NewMessage) (msg Message, rcpts []Recipient, duplicate bool, rerr error) {
	a, err := db.newAddition(ctx, m)
	if err != nil {
		return Message{}, nil, false, err
	}
	if _, err := db.writeWith(ctx, []*addition{a}, nil); err != nil {
		return Message{}, nil, false, err
	}
	return a.msg, a.rcpts, a.duplicate, nil
}

// addition is a message being added, by itself or with results.
type addition struct {
	in     NewMessage
	item   blob.Item
	blobID int64

	msg       Message
	rcpts     []Recipient
	duplicate bool // There was nothing to add.
	unused    bool // The body was not needed.
}

func (db *DB) newAddition(ctx context.Context, m NewMessage) (a *addition, err error) {
	if m.EnvelopeID == "" || len(m.Recipients) == 0 {
		return nil, errors.New("message for the queue needs an envelope id and recipients")
	}
	for _, r := range m.Recipients {
		if r.State != Waiting && r.State != Held {
			return nil, fmt.Errorf("recipient added in state %s", r.State)
		}
		if r.Destination == "" {
			return nil, errors.New("recipient added without destination")
		}
	}
	var id [8]byte
	rand.Read(id[:])
	blobID := int64(binary.BigEndian.Uint64(id[:])>>1 | 1)
	a = &addition{in: m, item: blob.Item{EmailID: blobID, Body: m.Body, Size: m.Size}, blobID: blobID}
	if m.Size > blob.DefaultLargeThreshold {
		// Large bodies are written here, not by the committer that others wait for.
		a.item.Staged, err = db.blobs.Stage(ctx, a.item)
	}
	return a, err
}

func (a *addition) insert(tx *bstore.Tx, ref blob.Ref) error {
	a.msg, a.rcpts, a.duplicate, a.unused = Message{}, nil, false, false
	place, err := ref.AppendBinary(nil)
	if err != nil {
		return err
	}
	row, err := bstore.QueryTx[messageRow](tx).FilterNonzero(messageRow{EnvelopeID: a.in.EnvelopeID}).Get()
	switch {
	case err == bstore.ErrAbsent:
		row = messageRow{
			EnvelopeID: a.in.EnvelopeID, MailFrom: formatPath(a.in.MailFrom), SMTPUTF8: a.in.SMTPUTF8, EightBit: a.in.EightBit,
			Size: a.in.Size, Received: a.in.Received, Account: a.in.Account,
			HeaderMessageID: a.in.HeaderMessageID, Subject: a.in.Subject,
			Blob: place, BlobID: a.blobID, Open: int32(len(a.in.Recipients)),
		}
		if err := tx.Insert(&row); err != nil {
			return err
		}
		a.msg = row.message()
		return a.insertRecipients(tx, row.ID, a.in.Recipients)
	case err != nil:
		return err
	}
	return a.insertMissing(tx, row, place)
}

// insertMissing adds the recipients that the message does not have yet.
func (a *addition) insertMissing(tx *bstore.Tx, row messageRow, place []byte) error {
	have := map[string]bool{}
	err := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Message: row.ID}).ForEach(func(r recipientRow) error {
		have[r.Path] = true
		return nil
	})
	if err != nil {
		return err
	}
	var missing []Recipient
	for _, r := range a.in.Recipients {
		if !have[formatPath(r.Path)] {
			missing = append(missing, r)
		}
	}
	a.duplicate = len(missing) == 0
	a.unused = a.duplicate || len(row.Blob) > 0
	if !a.duplicate {
		row.Open += int32(len(missing))
		row.Done = 0
		if !a.unused {
			row.Blob, row.BlobID = place, a.blobID
		}
		if err := tx.Update(&row); err != nil {
			return err
		}
	}
	a.msg = row.message()
	return a.insertRecipients(tx, row.ID, missing)
}

func (a *addition) insertRecipients(tx *bstore.Tx, message int64, l []Recipient) error {
	for _, r := range l {
		rr := recipientRow{
			Message: message, Path: formatPath(r.Path), Account: r.Account, Mailbox: r.Mailbox, Keywords: r.Keywords,
			Auth: r.Auth, Prefix: r.Prefix, Destination: r.Destination,
		}
		rr.setState(r.State, r.NextAttempt)
		if err := tx.Insert(&rr); err != nil {
			return err
		}
		a.rcpts = append(a.rcpts, rr.recipient())
	}
	return nil
}

// dropUnused gives up a body that the message has already.
func (db *DB) dropUnused(a *addition, ref blob.Ref) {
	if a.unused {
		db.deleteBlobs([]blob.Deletion{{EmailID: a.blobID, Ref: ref}})
	}
}

// newAdditions prepares messages; on error none is left on the disk.
func (db *DB) newAdditions(ctx context.Context, news []NewMessage) ([]*addition, error) {
	var l []*addition
	for _, m := range news {
		a, err := db.newAddition(ctx, m)
		if err != nil {
			db.discard(l)
			return nil, err
		}
		l = append(l, a)
	}
	return l, nil
}

// discard removes what was written ahead for additions that are not going to be put.
func (db *DB) discard(l []*addition) {
	for _, a := range l {
		if a.item.Staged != nil {
			db.blobs.Discard(a.item.Staged)
		}
	}
}

// writeWith runs run, if not nil, and adds messages in one transaction. run returns the
// messages it closed, whose bodies are removed after the commit.
func (db *DB) writeWith(ctx context.Context, adds []*addition, run func(tx *bstore.Tx) ([]messageRow, error)) (done []Message, rerr error) {
	o := &op{}
	for _, a := range adds {
		o.items = append(o.items, a.item)
	}
	var closed []messageRow
	o.run = func(tx *bstore.Tx, refs []blob.Ref) (err error) {
		closed = nil
		if run != nil {
			if closed, err = run(tx); err != nil {
				return err
			}
		}
		for i, a := range adds {
			if err := a.insert(tx, refs[i]); err != nil {
				return err
			}
		}
		return nil
	}
	o.after = func() {
		db.dropBodies(closed)
		for i, a := range adds {
			db.dropUnused(a, o.refs[i])
		}
	}
	if err := db.write(ctx, o); err != nil {
		if o.refs == nil {
			db.discard(adds)
		}
		return nil, err
	}
	for _, m := range closed {
		done = append(done, m.message())
	}
	return done, nil
}

// Purge forgets messages that were done before the time, in batches of limit; it returns how many.
func (db *DB) Purge(ctx context.Context, before time.Time, limit int) (n int, rerr error) {
	rerr = db.write(ctx, &op{run: func(tx *bstore.Tx, _ []blob.Ref) error {
		n = 0
		l, err := bstore.QueryTx[messageRow](tx).FilterGreater("Done", int64(0)).FilterLess("Done", before.Unix()).SortAsc("Done").Limit(limit).List()
		if err != nil {
			return err
		}
		for _, m := range l {
			if _, err := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Message: m.ID}).Delete(); err != nil {
				return err
			}
			if err := tx.Delete(&m); err != nil {
				return err
			}
			n++
		}
		return nil
	}})
	return n, rerr
}
