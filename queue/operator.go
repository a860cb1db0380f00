package queue

import (
	"context"
	"errors"
	"time"

	"mox/queuedb"
)

// List returns recipients with their messages, by id.
func (q *Queue) List(ctx context.Context, f queuedb.Filter, p queuedb.Page) ([]queuedb.Entry, error) {
	return q.db.List(ctx, f, p)
}

// OpenBody opens the body of a message, without prefixes; the caller must Close it.
// Returns queuedb.ErrNoMessage when it is gone.
func (q *Queue) OpenBody(ctx context.Context, id queuedb.MessageID) (queuedb.Body, error) {
	return q.db.OpenBody(ctx, id)
}

// Hold keeps matching waiting recipients from being tried, and returns how many. An attempt
// that runs goes on; if it fails for now, the recipient is held.
func (q *Queue) Hold(ctx context.Context, f queuedb.Filter) (int, error) {
	return q.update(ctx, f, queuedb.Change{State: queuedb.Held, Note: "held by operator"}, nil)
}

// Unhold lets matching held recipients be tried again, and returns how many.
func (q *Queue) Unhold(ctx context.Context, f queuedb.Filter) (int, error) {
	f.States = []queuedb.State{queuedb.Held}
	return q.update(ctx, f, queuedb.Change{State: queuedb.Waiting, Note: "released by operator"}, nil)
}

// Schedule sets the next attempt of matching open recipients, and returns how many. Held ones
// stay held.
func (q *Queue) Schedule(ctx context.Context, f queuedb.Filter, next time.Time) (int, error) {
	return q.update(ctx, f, queuedb.Change{State: queuedb.Waiting, Next: next, KeepHeld: true}, nil)
}

// Drop ends matching open recipients without notice to the sender, and returns how many.
func (q *Queue) Drop(ctx context.Context, f queuedb.Filter) (int, error) {
	return q.update(ctx, f, queuedb.Change{State: queuedb.Dropped, Note: "dropped by operator"}, nil)
}

// Fail ends matching open recipients with a notification to the sender, and returns how many.
func (q *Queue) Fail(ctx context.Context, f queuedb.Filter) (int, error) {
	c := queuedb.Change{State: queuedb.Failed, Note: "delivery canceled by the operator"}
	return q.update(ctx, f, c, func(entries []queuedb.Entry) ([]queuedb.NewMessage, error) {
		return q.failureNotices(ctx, entries, c.Note)
	})
}

func (q *Queue) update(ctx context.Context, f queuedb.Filter, c queuedb.Change, notify func([]queuedb.Entry) ([]queuedb.NewMessage, error)) (int, error) {
	changed, done, err := q.db.Update(ctx, f, c, notify)
	n := 0
	for _, r := range changed {
		if r.State == c.State || c.KeepHeld && r.State == queuedb.Held {
			n++
		}
	}
	q.want(changed)
	for _, m := range done {
		q.opts.Done(m)
	}
	return n, err
}

// Cancel takes a message back, with all its recipients, if no attempt for it has begun; it reports
// whether it did.
func (q *Queue) Cancel(ctx context.Context, envelopeID string) (bool, error) {
	m, err := q.db.MessageByEnvelope(ctx, envelopeID)
	if errors.Is(err, queuedb.ErrNoMessage) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	q.mu.Lock()
	busy := q.sched.busyMessages[m.ID] > 0
	if !busy {
		q.sched.lockedAgainst[m.ID] = struct{}{}
	}
	q.mu.Unlock()
	if busy {
		return false, nil
	}
	changed, done, err := q.db.Update(ctx, queuedb.Filter{Messages: []queuedb.MessageID{m.ID}},
		queuedb.Change{State: queuedb.Dropped, Note: "canceled by sender", OnlyUntried: true}, nil)
	q.mu.Lock()
	delete(q.sched.lockedAgainst, m.ID)
	q.mu.Unlock()
	if err != nil || len(changed) == 0 {
		// What was skipped meanwhile is looked at again.
		l, lerr := q.db.List(ctx, queuedb.Filter{Messages: []queuedb.MessageID{m.ID}, OpenOnly: true}, queuedb.Page{Limit: 10000})
		for _, e := range l {
			q.want([]queuedb.Recipient{e.Recipient})
		}
		return false, errors.Join(err, lerr)
	}
	for _, m := range done {
		q.opts.Done(m)
	}
	return true, nil
}
