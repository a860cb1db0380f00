package queuedb

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mjl-/bstore"
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
//
// Results for recipients that became final or disappeared meanwhile are left out. With
// notifications, which may speak of these, nothing is written then: it returns ErrChanged.
func (db *DB) Finish(ctx context.Context, results []Result, notifications []NewMessage) (done []Message, added []Recipient, rerr error) {
	adds, err := db.newAdditions(ctx, notifications)
	if err != nil {
		return nil, nil, err
	}
	err = db.writeWith(ctx, adds, func(tx *bstore.Tx) ([]messageRow, error) {
		now := db.now()
		final := tally{}
		for _, res := range results {
			r, err := openRecipient(tx, res.Recipient)
			if err != nil {
				return nil, err
			}
			if r == nil && len(notifications) > 0 {
				return nil, ErrChanged
			}
			if r == nil {
				continue
			}
			if res.State == Waiting && State(r.State) == Held {
				res.State = Held // Held by an operator while the attempt ran.
			}
			r.Attempts++
			r.DelayTold = r.DelayTold || res.DelayTold
			r.addResult(res.Attempt)
			if err := final.setState(tx, r, res.State, res.Next); err != nil {
				return nil, err
			}
		}
		var closed []messageRow
		var err error
		closed, done, err = final.settle(tx, now)
		return closed, err
	})
	if err != nil {
		return nil, nil, err
	}
	return done, addedRecipients(adds), nil
}

// openRecipient reads a recipient; nil if it is final or gone.
func openRecipient(tx *bstore.Tx, id RecipientID) (*recipientRow, error) {
	r := recipientRow{ID: int64(id)}
	err := tx.Get(&r)
	if err == bstore.ErrAbsent || err == nil && State(r.State).Final() {
		return nil, nil
	}
	return &r, err
}

// tally counts by message the recipients that became final in a transaction.
type tally map[int64]int32

// setState writes an open recipient with a new state.
func (t tally) setState(tx *bstore.Tx, r *recipientRow, s State, next time.Time) error {
	r.setState(s, next)
	if s.Final() {
		t[r.Message]++
	}
	return tx.Update(r)
}

// settle notes in the messages what was counted. Messages without open recipients are done; it
// returns them as they were, with the references to their bodies, and as they are.
func (t tally) settle(tx *bstore.Tx, now time.Time) (closed []messageRow, done []Message, rerr error) {
	for id, n := range t {
		m := messageRow{ID: id}
		if err := tx.Get(&m); err != nil {
			return nil, nil, err
		}
		if m.Open -= n; m.Open > 0 {
			if err := tx.Update(&m); err != nil {
				return nil, nil, err
			}
			continue
		}
		closed = append(closed, m)
		if err := closeMessage(tx, &m, now); err != nil {
			return nil, nil, err
		}
		done = append(done, m.message())
	}
	slices.SortFunc(done, func(a, b Message) int { return cmp.Compare(a.ID, b.ID) })
	return closed, done, nil
}

// closeMessage marks a message done.
func closeMessage(tx *bstore.Tx, m *messageRow, now time.Time) error {
	m.Open = 0
	m.Done = max(now.Unix(), 1)
	m.Blob = nil
	if err := tx.Update(m); err != nil {
		return err
	}
	return tx.Insert(&untoldRow{ID: m.ID})
}

// Cancel drops all recipients of a message, in one transaction, if no attempt was made for any of
// them, none is final, and SendAt, if it has one, has not come; it reports whether it did. Returns ErrNoMessage.
func (db *DB) Cancel(ctx context.Context, envelopeID, note string) (m Message, canceled bool, rerr error) {
	rerr = db.writeWith(ctx, nil, func(tx *bstore.Tx) ([]messageRow, error) {
		m, canceled = Message{}, false
		row, err := messageByEnvelope(tx, envelopeID)
		if err == bstore.ErrAbsent {
			return nil, ErrNoMessage
		} else if err != nil {
			return nil, err
		}
		m = row.message()
		now := db.now()
		l, err := untried(tx, &row, now)
		if l == nil || err != nil {
			return nil, err
		}
		for i := range l {
			l[i].addResult(Attempt{Start: now, Text: note})
			l[i].setState(Dropped, time.Time{})
			if err := tx.Update(&l[i]); err != nil {
				return nil, err
			}
		}
		closed := row
		row.Canceled = true
		if err := closeMessage(tx, &row, now); err != nil {
			return nil, err
		}
		m, canceled = row.message(), true
		return []messageRow{closed}, nil
	})
	return m, canceled, rerr
}

// untried returns the recipients of a message if no attempt was made for any of them, none is final, and SendAt, if it has
// one, has not come; else nil.
func untried(tx *bstore.Tx, row *messageRow, now time.Time) ([]recipientRow, error) {
	m := row.message()
	if !m.SendAt.IsZero() && !now.Before(m.SendAt) {
		return nil, nil
	}
	l, err := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Message: row.ID}).List()
	if slices.ContainsFunc(l, func(r recipientRow) bool { return r.Attempts > 0 || State(r.State).Final() }) {
		return nil, nil
	}
	return l, err
}

// Reschedule sets SendAt of a message that has one, and the next attempts of its recipients, in one transaction, under the
// conditions of Cancel; ok reports whether it did. It returns the recipients. Returns ErrNoMessage.
func (db *DB) Reschedule(ctx context.Context, envelopeID string, at time.Time) (rcpts []Recipient, ok bool, rerr error) {
	rerr = db.writeWith(ctx, nil, func(tx *bstore.Tx) ([]messageRow, error) {
		rcpts, ok = nil, false
		row, err := messageByEnvelope(tx, envelopeID)
		if err == bstore.ErrAbsent {
			return nil, ErrNoMessage
		} else if err != nil {
			return nil, err
		}
		if row.SendAt == 0 {
			return nil, nil
		}
		l, err := untried(tx, &row, db.now())
		if l == nil || err != nil {
			return nil, err
		}
		row.SendAt = at.Unix()
		if err := tx.Update(&row); err != nil {
			return nil, err
		}
		for i := range l {
			l[i].setState(State(l[i].State), at)
			if err := tx.Update(&l[i]); err != nil {
				return nil, err
			}
			rcpts = append(rcpts, l[i].recipient())
		}
		ok = true
		return nil, nil
	})
	return rcpts, ok, rerr
}
