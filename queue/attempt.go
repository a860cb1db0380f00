package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"mox/queuedb"
	"mox/smtp"
)

// attempt makes one attempt for recipients of one message and destination and writes
// what became of it.
func (q *Queue) attempt(d *dest, id queuedb.MessageID, rcpts []queuedb.RecipientID) {
	var pause time.Duration
	defer func() { q.release(d, id, rcpts, pause) }()
	defer func() {
		if x := recover(); x != nil {
			q.panicked("attempt", x)
			pause = time.Minute
		}
	}()

	m, batch, err := q.db.Claim(q.runCtx, id, rcpts, q.opts.Now())
	if errors.Is(err, queuedb.ErrNoMessage) {
		return // It was forgotten meanwhile.
	} else if err != nil {
		q.opts.Log.Error("reading queued message; trying again in a minute", "message", id, "err", err)
		pause = time.Minute
		return
	}
	if len(batch) == 0 {
		return // What was found was out of date.
	}
	if !m.SendAt.IsZero() {
		if err := q.opts.Begun(m); err != nil {
			q.opts.Log.Error("telling that sending begins", "message", m.ID, "envelope", m.EnvelopeID, "err", err)
		}
	}
	results := q.deliver(&m, batch)
	if q.runCtx.Err() != nil {
		// Broken off: what had an answer is kept, the rest stays as it is.
		results = answered(results)
	}
	if len(results) > 0 {
		q.record(m, results)
	}
}

// panicked logs and counts a panic, which is a bug in mox.
func (q *Queue) panicked(where string, x any) {
	q.met.panics.Inc()
	q.opts.Log.Error("panic in delivery", "in", where, "panic", x, "stack", string(debug.Stack()))
}

// answered leaves out temporary results that no remote host gave.
func answered(l []result) []result {
	var kept []result
	for _, r := range l {
		if r.outcome.Err == nil || isReply(r.outcome.Err) {
			kept = append(kept, r)
		}
	}
	return kept
}

func isReply(err error) bool {
	_, ok := errors.AsType[*smtp.Error](err)
	return ok
}

// result pairs a recipient with what became of it.
type result struct {
	rcpt    queuedb.Recipient
	outcome Outcome
	start   time.Time
	took    time.Duration
}

// deliver hands the recipients to their transports.
func (q *Queue) deliver(m *queuedb.Message, batch []queuedb.Recipient) []result {
	body, err := q.db.OpenBody(q.runCtx, m.ID)
	if err != nil {
		err = fmt.Errorf("opening queued message: %w", err)
		q.opts.Log.Error("delivery not possible", "message", m.ID, "err", err)
		return q.results(batch, same(Job{Recipients: batch}, Outcome{Err: err}), q.opts.Now())
	}
	defer body.Close()
	signed := batch
	if m.Unsigned {
		if signed, err = q.signNow(body, batch); err != nil {
			q.opts.Log.Error("delivery not possible", "message", m.ID, "err", err)
			return q.results(batch, same(Job{Recipients: batch}, Outcome{Err: err}), q.opts.Now())
		}
	}

	var results []result
	for _, g := range q.group(m, signed) {
		start := q.opts.Now()
		outcomes := q.try(g.transport, Job{Message: *m, Recipients: g.rcpts, Body: body, Size: body.Size()})
		l := q.results(g.rcpts, outcomes, start)
		results = append(results, l...)
		for _, r := range l {
			q.logResult(m, r, g.transport)
		}
	}
	return results
}

type group struct {
	transport Transport
	rcpts     []queuedb.Recipient
}

// group splits recipients by transport and prefix.
func (q *Queue) group(m *queuedb.Message, batch []queuedb.Recipient) []group {
	var groups []group
next:
	for _, r := range batch {
		t := Transport(local{q.opts.Local})
		if r.Account == "" {
			t = q.opts.Route(m, &r)
		}
		for i := range groups {
			g := &groups[i]
			if g.transport == t && string(g.rcpts[0].Prefix) == string(r.Prefix) {
				g.rcpts = append(g.rcpts, r)
				continue next
			}
		}
		groups = append(groups, group{t, []queuedb.Recipient{r}})
	}
	return groups
}

// try makes the attempt, unless the destination was out of reach a moment ago.
func (q *Queue) try(t Transport, j Job) []Outcome {
	k := suspensionKey{j.Recipients[0].Destination, t.Name()}
	if err := q.suspended.check(k, q.opts.Now()); err != nil {
		return same(j, Outcome{Err: err})
	}
	ctx, cancel := context.WithTimeout(q.runCtx, q.opts.AttemptTimeout)
	defer cancel()
	outcomes := q.call(ctx, t, j)
	q.suspended.note(k, outcomes, q.opts.Now())
	return outcomes
}

// call calls the transport. A panic must not lose the message nor stop the queue, so it counts as a
// temporary error.
func (q *Queue) call(ctx context.Context, t Transport, j Job) (outcomes []Outcome) {
	defer func() {
		if x := recover(); x != nil {
			q.panicked(t.Name(), x)
			outcomes = same(j, Outcome{Err: errors.New("internal error")})
		}
	}()
	outcomes = t.Deliver(ctx, j)
	if len(outcomes) != len(j.Recipients) {
		return same(j, Outcome{Err: fmt.Errorf("transport %s gave %d results for %d recipients", t.Name(), len(outcomes), len(j.Recipients))})
	}
	return outcomes
}

func (q *Queue) results(rcpts []queuedb.Recipient, outcomes []Outcome, start time.Time) []result {
	took := q.opts.Now().Sub(start)
	l := make([]result, len(rcpts))
	for i, r := range rcpts {
		l[i] = result{r, outcomes[i], start, took}
	}
	return l
}

func (q *Queue) logResult(m *queuedb.Message, r result, t Transport) {
	res := "delivered"
	if r.outcome.Err != nil {
		res = "temporary"
		if _, ok := permanent(r.outcome.Err); ok {
			res = "permanent"
		}
	}
	q.met.attempts.WithLabelValues(res).Inc()
	q.met.seconds.Observe(r.took.Seconds())
	if needsTLS(m) {
		secured := res
		if isInsecure(r.outcome.Err) {
			secured = "insecure"
		}
		q.met.requireTLS.WithLabelValues(secured).Inc()
	}
	q.opts.Log.Info("delivery attempt", "message", m.ID, "envelope", m.EnvelopeID, "recipient", r.rcpt.ID, "to", r.rcpt.Path.String(),
		"transport", t.Name(), "remote", r.outcome.Remote, "attempt", r.rcpt.Attempts+1, "result", res, "took", r.took, "err", r.outcome.Err)
}
