package queuedb

import (
	"context"
	"time"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// Result is what an attempt made of a recipient.
type Result struct {
	Recipient RecipientID
	State     State
	Next      time.Time // For Waiting.
	DelayTold bool      // Sets Recipient.DelayTold.
	Attempt   Attempt
}

// Finish writes the results of one attempt, and the notifications that follow from
// them, in one transaction: after a crash there is either both or neither. It returns the
// messages that have no open recipient anymore, and the recipients of notifications.
// Recipients that became final or disappeared meanwhile are left alone.
func (db *DB) Finish(ctx context.Context, results []Result, notifications []NewMessage) (done []Message, added []Recipient, rerr error) {
	adds, err := db.newAdditions(ctx, notifications)
	if err != nil {
		return nil, nil, err
	}
	done, err = db.writeWith(ctx, adds, func(tx *bstore.Tx) ([]messageRow, error) {
		var closed []messageRow
		for _, res := range results {
			m, err := applyResult(tx, res, db.now())
			if err != nil {
				return nil, err
			}
			if m != nil {
				closed = append(closed, *m)
			}
		}
		return closed, nil
	})
	return done, addedRecipients(adds), err
}

func addedRecipients(adds []*addition) []Recipient {
	var l []Recipient
	for _, a := range adds {
		l = append(l, a.rcpts...)
	}
	return l
}

// applyResult returns the message as it was if the result closed it.
func applyResult(tx *bstore.Tx, res Result, now time.Time) (*messageRow, error) {
	r := recipientRow{ID: int64(res.Recipient)}
	if err := tx.Get(&r); err == bstore.ErrAbsent {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if State(r.State).Final() {
		return nil, nil
	}
	if res.State == Waiting && State(r.State) == Held {
		res.State = Held // Held by an operator while the attempt ran.
	}
	r.Attempts++
	r.DelayTold = r.DelayTold || res.DelayTold
	r.addResult(res.Attempt)
	return setState(tx, &r, res.State, res.Next, now)
}

// setState writes the recipient with a new state. If its message has no open recipient
// anymore, the message is marked done and returned with its reference to the body, which the
// caller removes after the commit.
func setState(tx *bstore.Tx, r *recipientRow, s State, next, now time.Time) (*messageRow, error) {
	wasOpen := !State(r.State).Final()
	r.setState(s, next)
	if err := tx.Update(r); err != nil {
		return nil, err
	}
	if !wasOpen || !s.Final() {
		return nil, nil
	}
	m := messageRow{ID: r.Message}
	if err := tx.Get(&m); err != nil {
		return nil, err
	}
	m.Open--
	if m.Open > 0 {
		return nil, tx.Update(&m)
	}
	closed := m
	m.Done = max(now.Unix(), 1)
	m.Blob = nil
	return &closed, tx.Update(&m)
}

func (db *DB) dropBodies(l []messageRow) {
	var gone []blob.Deletion
	for _, m := range l {
		ref, err := blob.ParseRef(m.Blob)
		if err != nil {
			db.log.Error("removing body of finished message", "message", m.ID, "err", err)
			continue
		}
		gone = append(gone, blob.Deletion{EmailID: m.BlobID, Ref: ref})
	}
	db.deleteBlobs(gone)
}
