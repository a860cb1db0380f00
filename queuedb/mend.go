package queuedb

import (
	"context"
	"fmt"
	"time"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// Mend corrects what Verify may find wrong that follows from other things that are kept: how many recipients of a
// message are open, and when those that wait are due. What it did is given to tell, for an operator. It is for a queue that
// delivers nothing meanwhile.
func (db *DB) Mend(ctx context.Context, tell func(done string)) error {
	last, err := db.newestMessage(ctx)
	for after := int64(0); err == nil && after < last; {
		var next int64
		var done []string
		err = db.write(ctx, &op{run: func(tx *bstore.Tx, _ []blob.Ref) (err error) {
			next, done, err = mendPage(tx, after, db.now())
			return err
		}})
		if err != nil || next == after {
			break
		}
		after = next
		for _, what := range done {
			tell(what)
		}
	}
	return err
}

// mendPage corrects some messages with ids above after, and returns the last.
func mendPage(tx *bstore.Tx, after int64, now time.Time) (last int64, done []string, rerr error) {
	const page = 100
	l, err := bstore.QueryTx[messageRow](tx).FilterGreater("ID", after).SortAsc("ID").Limit(page).List()
	if err != nil {
		return 0, nil, err
	}
	last = after
	for i := range l {
		m := &l[i]
		last = m.ID
		rcpts, err := bstore.QueryTx[recipientRow](tx).FilterNonzero(recipientRow{Message: m.ID}).List()
		if err != nil {
			return 0, nil, err
		}
		open := int32(0)
		for j := range rcpts {
			r := &rcpts[j]
			state := State(r.State)
			if !state.Final() {
				open++
			}
			if (state == Waiting) == (r.Due != never) {
				continue
			}
			done = append(done, fmt.Sprintf("recipient %d, which is %s, was due at %d", r.ID, state, r.Due))
			r.Due = never
			if state == Waiting {
				r.Due = r.NextAttempt
			}
			if err := tx.Update(r); err != nil {
				return 0, nil, err
			}
		}
		if open == m.Open {
			continue
		}
		done = append(done, fmt.Sprintf("message %d said that %d recipients are open, %d are", m.ID, m.Open, open))
		m.Open = open
		switch {
		case open > 0:
			m.Done = 0
		case m.Done == 0:
			m.Done = now.Unix()
		}
		if err := tx.Update(m); err != nil {
			return 0, nil, err
		}
	}
	return last, done, nil
}
