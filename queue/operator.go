package queue

import (
	"context"
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
	return q.update(ctx, f, queuedb.Change{State: queuedb.Held, Note: "held by operator"})
}

// Unhold lets matching held recipients be tried again, and returns how many.
func (q *Queue) Unhold(ctx context.Context, f queuedb.Filter) (int, error) {
	f.States = []queuedb.State{queuedb.Held}
	return q.update(ctx, f, queuedb.Change{State: queuedb.Waiting, Note: "released by operator"})
}

// Schedule sets the next attempt of matching open recipients, and returns how many. Held ones
// stay held. Their destinations are tried even if they could not be reached a moment ago. What its sender wants to be sent
// later is left alone, unless it is selected by id.
func (q *Queue) Schedule(ctx context.Context, f queuedb.Filter, next time.Time) (int, error) {
	if len(f.IDs) == 0 {
		f.SendBefore = q.opts.Now()
	}
	return q.update(ctx, f, queuedb.Change{State: queuedb.Waiting, Next: next, KeepHeld: true})
}

// Drop ends matching open recipients without notice to the sender, and returns how many. An attempt that
// runs goes on; what comes of it is not recorded.
func (q *Queue) Drop(ctx context.Context, f queuedb.Filter) (int, error) {
	return q.update(ctx, f, queuedb.Change{State: queuedb.Dropped, Note: "dropped by operator"})
}

// Fail ends matching open recipients with a notification to the sender, and returns how many. An attempt
// that runs goes on; what comes of it is not recorded.
func (q *Queue) Fail(ctx context.Context, f queuedb.Filter) (int, error) {
	c := queuedb.Change{State: queuedb.Failed, Note: "delivery canceled by the operator"}
	c.Notify = func(entries []queuedb.Entry) ([]queuedb.NewMessage, error) {
		return q.failureNotices(ctx, entries, c.Note)
	}
	return q.update(ctx, f, c)
}

func (q *Queue) update(ctx context.Context, f queuedb.Filter, c queuedb.Change) (int, error) {
	n := 0
	err := q.db.Update(ctx, f, c, func(ch queuedb.Changed) {
		n += len(ch.Recipients)
		for _, r := range ch.Recipients {
			q.suspended.lift(r.Destination)
		}
		q.want(ch.Recipients)
		q.want(ch.Added)
		q.tellDone(ch.Done)
	})
	return n, err
}

// Cancel takes a message back, with all its recipients, if no attempt for it has begun and its SendAt, if it has one, has
// not come; it reports whether it did. Returns queuedb.ErrNoMessage.
func (q *Queue) Cancel(ctx context.Context, envelopeID string) (canceled bool, rerr error) {
	return q.locked(ctx, envelopeID, func() (bool, error) {
		m, canceled, err := q.db.Cancel(ctx, envelopeID, "canceled by sender")
		if canceled {
			q.tellDone([]queuedb.Message{m})
		}
		return canceled, err
	})
}

// Reschedule sets another SendAt for a message that has one, under the conditions of Cancel; it reports whether it did.
// Recipients that are held stay so. Returns queuedb.ErrNoMessage.
func (q *Queue) Reschedule(ctx context.Context, envelopeID string, at time.Time) (bool, error) {
	return q.locked(ctx, envelopeID, func() (bool, error) {
		rcpts, ok, err := q.db.Reschedule(ctx, envelopeID, at)
		q.want(rcpts)
		return ok, err
	})
}

// locked calls change while no attempt for a message can begin, unless one runs.
func (q *Queue) locked(ctx context.Context, envelopeID string, change func() (bool, error)) (bool, error) {
	m, err := q.db.MessageByEnvelope(ctx, envelopeID)
	if err != nil {
		return false, err
	}
	// What is tried is known here only, what was tried is in the database. With the lock nothing can go
	// from the one to the other unseen.
	q.mu.Lock()
	ok := q.sched.lock(m.ID)
	q.mu.Unlock()
	if !ok {
		return false, nil
	}
	defer func() {
		q.mu.Lock()
		q.sched.unlock(m.ID, q.opts.Now())
		q.mu.Unlock()
		q.wakeUp()
	}()
	return change()
}
