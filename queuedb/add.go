package queuedb

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// NewMessage is a message to add. Body is read while the call runs.
type NewMessage struct {
	Message                // ID, Open and Canceled are assigned, and Received if zero.
	Recipients []Recipient // ID, Message and Results are assigned; State is Waiting or Held. A zero NextAttempt is now.
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
	if err := db.writeWith(ctx, []*addition{a}, nil); err != nil {
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
	now := db.now()
	if m.Received.IsZero() {
		m.Received = now
	}
	for i := range m.Recipients {
		switch r := &m.Recipients[i]; {
		case r.State != Waiting && r.State != Held:
			return nil, fmt.Errorf("recipient added in state %s", r.State)
		case r.Destination == "":
			return nil, errors.New("recipient added without destination")
		}
	}
	var id [8]byte
	rand.Read(id[:])
	blobID := int64(binary.BigEndian.Uint64(id[:])>>1 | 1)
	a = &addition{in: m, item: blob.Item{EmailID: blobID, Body: m.Body, Size: m.Size}, blobID: blobID}
	if db.blobs.Large(m.Size) {
		// Large bodies are written here, not by the committer that others wait for.
		a.item.Staged, err = db.blobs.Stage(ctx, a.item)
	}
	return a, err
}

// insert writes the message or what is missing of it.
func (db *DB) insert(tx *bstore.Tx, a *addition, ref blob.Ref) error {
	a.msg, a.rcpts, a.duplicate, a.unused = Message{}, nil, false, false
	place, err := ref.AppendBinary(nil)
	if err != nil {
		return err
	}
	row, err := messageByEnvelope(tx, a.in.EnvelopeID)
	switch {
	case err == bstore.ErrAbsent:
		row = makeMessageRow(&a.in.Message)
		row.Blob, row.BlobID, row.Open = place, a.blobID, int32(len(a.in.Recipients))
		if err := tx.Insert(&row); err != nil {
			return err
		}
		a.msg = row.message()
		return db.insertRecipients(tx, a, row.ID, a.in.Recipients)
	case err != nil:
		return err
	}
	return db.insertMissing(tx, a, row, place)
}

// insertMissing adds the recipients that the message does not have yet.
func (db *DB) insertMissing(tx *bstore.Tx, a *addition, row messageRow, place []byte) error {
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
		if err := forgetUntold(tx, row.ID); err != nil {
			return err
		}
	}
	a.msg = row.message()
	return db.insertRecipients(tx, a, row.ID, missing)
}

func (db *DB) insertRecipients(tx *bstore.Tx, a *addition, message int64, l []Recipient) error {
	for i := range l {
		rr := makeRecipientRow(message, &l[i])
		next := l[i].NextAttempt
		if next.IsZero() {
			next = db.now()
		}
		rr.setState(l[i].State, next)
		if err := tx.Insert(&rr); err != nil {
			return err
		}
		a.rcpts = append(a.rcpts, rr.recipient())
	}
	return nil
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
// messages it closed, as they were, whose bodies are removed after the commit.
func (db *DB) writeWith(ctx context.Context, adds []*addition, run func(tx *bstore.Tx) (closed []messageRow, err error)) error {
	o := &op{}
	for _, a := range adds {
		o.items = append(o.items, a.item)
	}
	o.run = func(tx *bstore.Tx, refs []blob.Ref) error {
		if run != nil {
			closed, err := run(tx)
			if err != nil {
				return err
			}
			o.gone = append(o.gone, db.bodies(closed)...)
		}
		for i, a := range adds {
			if err := db.insert(tx, a, refs[i]); err != nil {
				return err
			}
			if a.unused {
				o.gone = append(o.gone, blob.Deletion{EmailID: a.blobID, Ref: refs[i]})
			}
		}
		return nil
	}
	err := db.write(ctx, o)
	if err != nil && o.refs == nil {
		db.discard(adds)
	}
	return err
}

// bodies are where messages have their bodies.
func (db *DB) bodies(l []messageRow) []blob.Deletion {
	var gone []blob.Deletion
	for _, m := range l {
		ref, err := blob.ParseRef(m.Blob)
		if err != nil {
			db.log.Error("body of finished message cannot be removed", "message", m.ID, "err", err)
			continue
		}
		gone = append(gone, blob.Deletion{EmailID: m.BlobID, Ref: ref})
	}
	return gone
}

func addedRecipients(adds []*addition) []Recipient {
	var l []Recipient
	for _, a := range adds {
		l = append(l, a.rcpts...)
	}
	return l
}
