package queue

import (
	"context"
	"errors"
	"sync"

	"mox/queuedb"
)

// Queue owns the messages on their way. It is safe for concurrent use.
type Queue struct {
	opts Options
	db   *queuedb.DB
	met  *metrics

	// wake tells the scheduling goroutine that the scheduler changed; it holds one value.
	wake chan struct{}

	runCtx    context.Context // Ended to break attempts off.
	breakOff  context.CancelFunc
	stop      chan struct{} // Closed by Shutdown.
	stopOnce  sync.Once
	scheduled chan struct{}  // Closed when the scheduling goroutine has ended.
	attempts  sync.WaitGroup // With the upkeep.

	suspended suspensions
	told      told

	mu      sync.Mutex // Guards sched and started.
	sched   *scheduler
	started bool
}

// New makes a queue on its database; Start begins delivering. The queue does not close the
// database.
func New(opts Options) (*Queue, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	q := &Queue{
		opts: opts, db: opts.DB, met: newMetrics(opts.Registerer),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), scheduled: make(chan struct{}),
		suspended: suspensions{d: opts.Suspend, m: map[suspensionKey]suspension{}},
		sched:     newScheduler(opts.MaxConcurrent, opts.MaxLocal, opts.MaxPerDestination),
	}
	q.runCtx, q.breakOff = context.WithCancel(context.Background())
	return q, nil
}

// Start begins delivering: recipients whose attempt is due are claimed at once.
func (q *Queue) Start() error {
	dests, err := q.db.Destinations(q.runCtx)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started {
		return errors.New("queue was started already")
	}
	q.started = true
	for _, d := range dests {
		q.sched.want(d.Name, d.Due)
	}
	go q.schedule()
	q.attempts.Add(1)
	go q.upkeep()
	return nil
}

// Shutdown stops claiming and waits for running attempts until the context ends, then
// breaks them off; their recipients keep their state and are tried again after a start.
func (q *Queue) Shutdown(ctx context.Context) error {
	q.stopOnce.Do(func() { close(q.stop) })
	q.mu.Lock()
	started := q.started
	q.mu.Unlock()
	if started {
		<-q.scheduled
	}
	ended := make(chan struct{})
	go func() {
		q.attempts.Wait()
		close(ended)
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	q.breakOff()
	<-ended
	q.noteTold(context.WithoutCancel(ctx))
	return err
}

// add stores a message, of which it returns the id, and has its recipients tried.
func (q *Queue) add(ctx context.Context, m queuedb.NewMessage) (queuedb.MessageID, error) {
	msg, rcpts, duplicate, err := q.db.Add(ctx, m)
	if err != nil {
		return 0, err
	}
	if !duplicate {
		q.met.added.Inc()
		q.want(rcpts)
	}
	return msg.ID, nil
}
