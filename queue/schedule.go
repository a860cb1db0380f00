package queue

import (
	"maps"
	"time"

	"mox/queuedb"
)

// want has the waiting ones among the recipients tried when they are due.
func (q *Queue) want(rcpts []queuedb.Recipient) {
	q.mu.Lock()
	for _, r := range rcpts {
		if r.State == queuedb.Waiting {
			q.sched.want(r.Destination, r.NextAttempt)
		}
	}
	q.mu.Unlock()
	q.wakeUp()
}

func (q *Queue) wakeUp() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// maxWait bounds how long the scheduling goroutine sleeps, since the clock may be set meanwhile.
const maxWait = 10 * time.Minute

// schedule starts attempts as they become due.
func (q *Queue) schedule() {
	defer close(q.scheduled)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, timed := q.startDue()
		var due <-chan time.Time
		if timed {
			timer.Reset(min(wait, maxWait))
			due = timer.C
		}
		select {
		case <-q.wake:
		case <-due:
		case <-q.stop:
			return
		}
	}
}

// startDue starts what is due and returns how long until the next is.
func (q *Queue) startDue() (wait time.Duration, timed bool) {
	for {
		select {
		case <-q.stop:
			return 0, false
		default:
		}
		q.mu.Lock()
		d, wait, timed := q.sched.next(q.opts.Now())
		if d == nil {
			q.mu.Unlock()
			return wait, timed
		}
		busy := maps.Clone(d.busy)
		q.mu.Unlock()
		q.look(d, busy)
	}
}

// look finds what is due for the destination and starts an attempt.
//
// What it finds may be out of date: an attempt that was running when the database was asked may have ended
// since. So the attempt, which no other can overtake once it is noted, asks again for its
// recipients before it does anything.
func (q *Queue) look(d *dest, busy map[queuedb.RecipientID]struct{}) {
	now := q.opts.Now()
	due, err := q.db.Due(q.runCtx, d.name, now, busy, q.opts.MaxRecipients)
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.sched.looked(d)
	if err != nil {
		q.opts.Log.Error("reading queue; trying again in a minute", "destination", d.name, "err", err)
		q.sched.want(d.name, now.Add(time.Minute))
		return
	}
	if due.Message != 0 {
		if !q.sched.begin(d, due.Message, due.Recipients) {
			return // Looked at again when the message is unlocked.
		}
		q.attempts.Add(1)
		go q.attempt(d, due.Message, due.Recipients)
	}
	if !due.Next.IsZero() {
		// What is long overdue lines up behind others: destinations with a backlog take turns.
		q.sched.want(d.name, later(due.Next, now))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// release ends an attempt for the scheduler and looks at the destination again after a time.
func (q *Queue) release(d *dest, m queuedb.MessageID, rcpts []queuedb.RecipientID, after time.Duration) {
	q.mu.Lock()
	q.sched.end(d, m, rcpts)
	q.sched.want(d.name, q.opts.Now().Add(after))
	q.mu.Unlock()
	q.wakeUp()
	q.attempts.Done()
}
