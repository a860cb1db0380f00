package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally has the times of operations that several workers do, and what went wrong.
type tally struct {
	ctx  context.Context
	left int // Numbers not given out yet.
	n    int

	mu        sync.Mutex
	latencies []time.Duration
	failures  map[string]int // By their text.
	failed    int
}

// maxFailures is the number of failures after which a run ends.
const maxFailures = 100

// work has c workers do n operations, and returns how long that took. A worker takes numbers of
// operations from next until there are none, and calls done or fail for each.
func work(ctx context.Context, n, c int, worker func(t *tally) error) (*tally, time.Duration) {
	t := &tally{ctx: ctx, left: n, n: n, failures: map[string]int{}}
	var wg sync.WaitGroup
	start := time.Now()
	for range min(c, n) {
		wg.Go(func() {
			if err := worker(t); err != nil {
				t.fail(err)
			}
		})
	}
	wg.Wait()
	return t, time.Since(start)
}

// next returns the number of an operation that is to be done, from 0 on.
func (t *tally) next() (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left == 0 || t.ctx.Err() != nil || t.failed > maxFailures {
		return 0, false
	}
	t.left--
	return t.n - t.left - 1, true
}

// done notes an operation that began at start and went well.
func (t *tally) done(start time.Time) {
	d := time.Since(start)
	t.mu.Lock()
	t.latencies = append(t.latencies, d)
	t.mu.Unlock()
}

func (t *tally) fail(err error) {
	t.mu.Lock()
	t.failures[err.Error()]++
	t.failed++
	t.mu.Unlock()
}

// err returns an error unless all operations went well.
func (t *tally) err() error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if len(t.latencies) == t.n && t.failed == 0 {
		return nil
	}
	var l []string
	for text, n := range t.failures {
		l = append(l, fmt.Sprintf("%d x %s", n, text))
	}
	slices.Sort(l)
	return fmt.Errorf("%d of %d did not go well: %s", t.n-len(t.latencies), t.n, strings.Join(l, "; "))
}

// poll calls check until it says that it is done, at most for a time.
func poll(ctx context.Context, every, atMost time.Duration, check func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		done, err := check()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("waited too long")
		case <-tick.C:
		}
	}
}
