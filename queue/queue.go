package queue

import (
	"context"
	"errors"
	"sync"
	"time"

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
	stop      chan struct{}
	stopOnce  sync.Once
	scheduled chan struct{} // Closed when the scheduling goroutine has ended.
	attempts  sync.WaitGroup

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
		sched: newScheduler(opts.MaxConcurrent, opts.MaxPerDestination),
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
	select {
	case <-ended:
		q.breakOff()
		return nil
	case <-ctx.Done():
		q.breakOff()
		<-ended
		return ctx.Err()
	}
}

// add stores a message and has its recipients tried.
func (q *Queue) add(ctx context.Context, m queuedb.NewMessage) error {
	_, rcpts, duplicate, err := q.db.Add(ctx, m)
	if err != nil {
		return err
	}
	if !duplicate {
		q.met.added.Inc()
		q.want(rcpts)
	}
	return nil
}

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

// purgeInterval is how often finished messages are forgotten.
const purgeInterval = time.Hour

// schedule starts attempts as they become due.
func (q *Queue) schedule() {
	defer close(q.scheduled)
	purge := time.NewTicker(purgeInterval)
	defer purge.Stop()
	for {
		wait, timed := q.startDue()
		var timer <-chan time.Time
		if timed {
			t := time.NewTimer(wait)
			defer t.Stop()
			timer = t.C
		}
		select {
		case <-q.wake:
		case <-timer:
		case <-purge.C:
			q.purge()
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
		skip := len(q.sched.inFlight)
		q.mu.Unlock()
		q.claim(d, skip)
	}
}

// claim takes the recipients of the first message that is due for the destination, and starts an
// attempt for them.
func (q *Queue) claim(d *dest, skip int) {
	now := q.opts.Now()
	due, next, err := q.db.Due(q.runCtx, d.name, now, q.opts.MaxRecipients+skip)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		q.opts.Log.Error("reading queue; trying again in a minute", "destination", d.name, "err", err)
		q.sched.want(d.name, now.Add(time.Minute))
		return
	}
	var batch []queuedb.Recipient
	more := false
	for _, r := range due {
		if _, busy := q.sched.inFlight[r.ID]; busy {
			continue
		}
		if _, locked := q.sched.lockedAgainst[r.Message]; locked {
			continue // Cancel asks for the destination again.
		}
		if len(batch) > 0 && (r.Message != batch[0].Message || len(batch) == q.opts.MaxRecipients) {
			more = true
			continue
		}
		batch = append(batch, r)
	}
	if len(batch) > 0 {
		q.sched.begin(d, batch)
		q.attempts.Add(1)
		go q.attempt(d, batch)
	}
	switch {
	case more:
		q.sched.want(d.name, now)
	case !next.IsZero():
		q.sched.want(d.name, next)
	}
	q.sched.forget(d)
}

// release ends an attempt for the scheduler and looks at the destination again.
func (q *Queue) release(d *dest, batch []queuedb.Recipient, again time.Time) {
	q.mu.Lock()
	q.sched.end(d, batch)
	q.sched.want(d.name, again)
	q.mu.Unlock()
	q.wakeUp()
	q.attempts.Done()
}

func (q *Queue) purge() {
	const batch = 500
	before := q.opts.Now().Add(-q.opts.Remember)
	for {
		n, err := q.db.Purge(q.runCtx, before, batch)
		if err != nil {
			q.opts.Log.Error("forgetting finished messages", "err", err)
		}
		if err != nil || n < batch {
			return
		}
	}
}
