package store

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrBusy says that too many password checks wait already. It is temporary.
var ErrBusy = errors.New("too many logins at the same time")

// hashQueuePerWorker bounds how many callers wait for a worker, per worker. At some 50 ms a hash,
// the last in the queue waits about three seconds, which clients put up with.
const hashQueuePerWorker = 64

// hashPool bounds how many password hashes are computed at a time, and how many callers wait.
// It is safe for concurrent use.
type hashPool struct {
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64 // Most callers that wait.
}

func newHashPool(workers, queue int) *hashPool {
	return &hashPool{slots: make(chan struct{}, workers), queue: int64(queue)}
}

// do runs fn in the caller's goroutine once there is a place. It returns ErrBusy if the queue
// is full, and the context's error if that ends before fn was begun.
func (p *hashPool) do(ctx context.Context, fn func()) error {
	select {
	case p.slots <- struct{}{}:
	default:
		if p.waiting.Add(1) > p.queue {
			p.waiting.Add(-1)
			return ErrBusy
		}
		select {
		case p.slots <- struct{}{}:
			p.waiting.Add(-1)
		case <-ctx.Done():
			p.waiting.Add(-1)
			return ctx.Err()
		}
	}
	defer func() { <-p.slots }()
	fn()
	return nil
}
