package queue

import (
	"context"
	"time"
)

// upkeepInterval is how often upkeep does its work.
const upkeepInterval = time.Hour

// upkeep does, at the start and then every hour, what nobody waits for.
func (q *Queue) upkeep() {
	defer q.attempts.Done()
	ctx, cancel := context.WithCancel(q.runCtx)
	defer cancel()
	stopped := make(chan struct{})
	defer close(stopped)
	go func() {
		select {
		case <-q.stop:
			cancel()
		case <-stopped:
		}
	}()
	ticker := time.NewTicker(upkeepInterval)
	defer ticker.Stop()
	for {
		q.tellAgain(ctx)
		q.lookAround(ctx)
		q.purge(ctx)
		q.suspended.sweep(q.opts.Now())
		if err := q.db.Compact(ctx); err != nil && ctx.Err() == nil {
			q.opts.Log.Error("compacting message bodies", "err", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// lookAround finds destinations that have something to do of which nobody told: that of a write which was in doubt
// and took place after all.
func (q *Queue) lookAround(ctx context.Context) {
	dests, err := q.db.Destinations(ctx)
	if err != nil {
		if ctx.Err() == nil {
			q.opts.Log.Error("looking for what is to be delivered", "err", err)
		}
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range dests {
		q.sched.want(d.Name, d.Due)
	}
	q.wakeUp()
}

// purge forgets finished messages.
func (q *Queue) purge(ctx context.Context) {
	// Small batches, as others wait meanwhile.
	const rows = 200
	before := q.opts.Now().Add(-q.opts.Remember)
	for more := true; more; {
		var err error
		if more, err = q.db.Purge(ctx, before, rows); err != nil {
			if ctx.Err() == nil {
				q.opts.Log.Error("forgetting finished messages", "err", err)
			}
			return
		}
	}
}
