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
