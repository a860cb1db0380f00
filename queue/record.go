package queue

import (
	"context"
	"errors"
	"time"

	"mox/dsn"
	"mox/queuedb"
	"mox/smtp"
	"mox/smtpclient"
)

// record writes the results of an attempt. It does not give up while the queue runs: the
// recipients stay claimed, as another attempt would deliver again what was delivered. While the
// disk takes nothing, attempts pile up here until no more begin.
func (q *Queue) record(m queuedb.Message, results []result) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		var err error
		if results, err = q.finish(m, results); err == nil {
			return
		}
		select {
		case <-q.stop:
			q.opts.Log.Error("results of delivery cannot be written; recipients are tried again after the next start", "message", m.ID, "err", err)
			return
		default:
		}
		q.opts.Log.Error("writing results of delivery; trying again", "message", m.ID, "in", wait, "err", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-q.stop: // Once more.
		}
		timer.Stop()
	}
}

// finish decides what follows from the results, and writes it with the notifications. On
// error it returns the results that are still to be written.
func (q *Queue) finish(m queuedb.Message, results []result) (left []result, rerr error) {
	defer func() {
		if x := recover(); x != nil {
			q.panicked("results", x)
			left, rerr = results, errors.New("internal error")
		}
	}()
	// It must not end with the attempt's context.
	ctx := context.WithoutCancel(q.runCtx)
	for {
		writes, notices := q.decide(&m, results)
		news, err := q.notifications(ctx, m, notices)
		if err != nil {
			return results, err
		}
		done, added, err := q.db.Finish(ctx, writes, news)
		if err == nil {
			q.want(added)
			q.wantRetries(results, writes)
			q.tellDone(done)
			return nil, nil
		}
		if !errors.Is(err, queuedb.ErrChanged) {
			return results, err
		}
		// An operator ended some while the attempt ran. The others remain.
		if results, err = q.stillOpen(ctx, results); err != nil || len(results) == 0 {
			return results, err
		}
	}
}

func (q *Queue) wantRetries(results []result, writes []queuedb.Result) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range writes {
		if w.State == queuedb.Waiting {
			q.sched.want(results[i].rcpt.Destination, w.Next)
		}
	}
}

// stillOpen returns the results for recipients that have no final state.
func (q *Queue) stillOpen(ctx context.Context, results []result) ([]result, error) {
	f := queuedb.Filter{OpenOnly: true}
	for _, r := range results {
		f.IDs = append(f.IDs, r.rcpt.ID)
	}
	l, err := q.db.List(ctx, f, queuedb.Page{Limit: len(results)})
	if err != nil {
		return results, err
	}
	open := map[queuedb.RecipientID]bool{}
	for _, e := range l {
		open[e.Recipient.ID] = true
	}
	var left []result
	for _, r := range results {
		if open[r.rcpt.ID] {
			left = append(left, r)
		}
	}
	return left, nil
}

// decide turns results into what is written and what the sender may be told.
func (q *Queue) decide(m *queuedb.Message, results []result) (writes []queuedb.Result, notices []notice) {
	now := q.opts.Now()
	// Recipients that fail together are tried again together.
	next := map[int]time.Time{}
	for _, r := range results {
		n := r.rcpt.Attempts + 1
		if next[n].IsZero() {
			next[n] = now.Add(q.opts.Backoff(n))
		}
		w := decide(&q.opts, m, r, now, next[n])
		writes = append(writes, w)
		if action := actionOf(r, w); action != "" {
			notices = append(notices, notice{rcpt: r.rcpt, action: action, attempt: w.Attempt, err: r.outcome.Err})
		}
	}
	return writes, notices
}

// decide turns the outcome for a recipient into what is written. It is a pure function. Next is when
// the next attempt would be.
func decide(opts *Options, m *queuedb.Message, r result, now, next time.Time) queuedb.Result {
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
	age := now.Sub(m.Begin())
	if age >= opts.Lifetime {
		// RFC 5321 §4.5.4.1: give up and report.
		w.State = queuedb.Failed
		w.Attempt.Text += "; giving up after " + opts.Lifetime.String()
		if w.Attempt.Enhanced == "" {
			w.Attempt.Enhanced = string(smtp.E447Expired)
		}
		return w
	}
	w.State = queuedb.Waiting
	w.Next = next
	if end := m.Begin().Add(opts.Lifetime); w.Next.After(end) {
		w.Next = end // A last attempt, after which the sender hears of it in time.
	}
	if r.rcpt.Notify.Delay() && !r.rcpt.DelayTold {
		// Rather a little early than hours late: the next attempt may be far away.
		soon := age >= opts.DelayAfter*3/4 && w.Next.Sub(m.Begin()) > opts.DelayAfter
		w.DelayTold = age >= opts.DelayAfter || soon
	}
	return w
}

// actionOf is what a result means to the sender, as far as it cares (RFC 3461 §5.2); empty for nothing
// to tell.
func actionOf(r result, w queuedb.Result) dsn.Action {
	notify := r.rcpt.Notify
	switch {
	case w.State == queuedb.Failed && notify.Failure():
		return dsn.Failed
	case w.State == queuedb.Waiting && w.DelayTold:
		return dsn.Delayed
	case w.State == queuedb.Delivered && notify.Success() && r.rcpt.Account != "":
		return dsn.Delivered
	case w.State == queuedb.Delivered && notify.Success() && r.outcome.NoDSN:
		return dsn.Relayed
	}
	return ""
}

func attemptOf(r result) queuedb.Attempt {
	a := queuedb.Attempt{Start: r.start, Duration: r.took, Remote: r.outcome.Remote, Success: r.outcome.Err == nil}
	err := r.outcome.Err
	if err == nil {
		return a
	}
	a.Text = err.Error()
	if e, ok := errors.AsType[*smtpclient.Error](err); ok {
		a.Enhanced = e.Enhanced.String()
	}
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		a.Code, a.Enhanced, a.Text = e.Code, e.Enhanced.String(), e.Text
	}
	return a
}
