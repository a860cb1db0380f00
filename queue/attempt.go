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
func (q *Queue) attempt(d *dest, batch []queuedb.Recipient) {
	again := q.opts.Now()
	defer func() { q.release(d, batch, again) }()

	m, err := q.db.Message(q.runCtx, batch[0].Message)
	if err != nil {
		q.opts.Log.Error("reading queued message; trying again in a minute", "message", batch[0].Message, "err", err)
		again = again.Add(time.Minute)
		return
	}
	results := q.deliver(&m, batch)
	if q.runCtx.Err() != nil {
		// Broken off: what had an answer is kept, the rest stays as it is.
		results = answered(results)
	}
	if len(results) == 0 {
		return
	}
	if err := q.finish(m, results); err != nil {
		q.opts.Log.Error("writing results of delivery; trying again in a minute", "message", m.ID, "err", err)
		again = again.Add(time.Minute)
	}
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

	var results []result
	for _, g := range q.group(m, batch) {
		ctx, cancel := context.WithTimeout(q.runCtx, q.opts.AttemptTimeout)
		start := q.opts.Now()
		outcomes := q.try(ctx, g.transport, Job{Message: *m, Recipients: g.rcpts, Body: body, Size: body.Size()})
		cancel()
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

// try calls the transport. A panic is a bug in mox: it must not lose the message nor stop the
// queue, so it counts as a temporary error.
func (q *Queue) try(ctx context.Context, t Transport, j Job) (outcomes []Outcome) {
	defer func() {
		if x := recover(); x != nil {
			q.met.panics.Inc()
			q.opts.Log.Error("panic in delivery", "transport", t.Name(), "panic", x, "stack", string(debug.Stack()))
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
	q.opts.Log.Info("delivery attempt", "message", m.ID, "envelope", m.EnvelopeID, "recipient", r.rcpt.ID, "to", r.rcpt.Path.String(),
		"transport", t.Name(), "remote", r.outcome.Remote, "attempt", r.rcpt.Attempts+1, "result", res, "took", r.took, "err", r.outcome.Err)
}

// finish decides what follows from the results, and writes it with the notifications.
func (q *Queue) finish(m queuedb.Message, results []result) error {
	now := q.opts.Now()
	writes := make([]queuedb.Result, len(results))
	var failed, delayed []notice
	for i, r := range results {
		w := decide(&q.opts, &m, r, now)
		writes[i] = w
		switch {
		case w.State == queuedb.Failed:
			failed = append(failed, notice{r.rcpt, w, r.outcome.Err})
		case w.DelayTold:
			delayed = append(delayed, notice{r.rcpt, w, r.outcome.Err})
		}
	}
	// Notifications must not end with the attempt's context.
	ctx := context.WithoutCancel(q.runCtx)
	news, err := q.notifications(ctx, m, failed, delayed)
	if err != nil {
		return err
	}
	done, added, err := q.db.Finish(ctx, writes, news)
	if err != nil {
		return err
	}
	q.want(added)
	for i, w := range writes {
		if w.State == queuedb.Waiting {
			q.mu.Lock()
			q.sched.want(results[i].rcpt.Destination, w.Next)
			q.mu.Unlock()
		}
	}
	for _, d := range done {
		q.opts.Done(d)
	}
	return nil
}

// decide turns an outcome into what is written. It is a pure function of its arguments, but for the
// variation in the back-off.
func decide(opts *Options, m *queuedb.Message, r result, now time.Time) queuedb.Result {
	w := queuedb.Result{Recipient: r.rcpt.ID, Attempt: attemptOf(r)}
	err := r.outcome.Err
	if err == nil {
		w.State = queuedb.Delivered
		return w
	}
	if _, ok := permanent(err); ok {
		w.State = queuedb.Failed
		return w
	}
	w.State = queuedb.Waiting
	w.Next = now.Add(opts.Backoff(r.rcpt.Attempts + 1))
	age := now.Sub(m.Received)
	if age >= opts.Lifetime {
		// RFC 5321 §4.5.4.1: give up and report.
		w.State = queuedb.Failed
		w.Attempt.Text += "; giving up after " + opts.Lifetime.String()
		return w
	}
	if end := m.Received.Add(opts.Lifetime); w.Next.After(end) {
		w.Next = end // A last attempt, after which the sender hears of it in time.
	}
	w.DelayTold = age >= opts.DelayAfter && !r.rcpt.DelayTold
	return w
}

func attemptOf(r result) queuedb.Attempt {
	a := queuedb.Attempt{Start: r.start, Duration: r.took, Remote: r.outcome.Remote, Success: r.outcome.Err == nil}
	if err := r.outcome.Err; err != nil {
		a.Text = err.Error()
		if e, ok := errors.AsType[*smtp.Error](err); ok {
			a.Code, a.Enhanced, a.Text = e.Code, e.Enhanced.String(), e.Text
		}
	}
	return a
}
