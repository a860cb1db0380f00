package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/queuedb"
)

// Whoever wants to know that a message is done is told, also if that fails at first or the process
// ends just then.
func TestDoneIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // Guards told and fail.
		var told []string
		fail := true
		open := func() *testQueue {
			q := newQueue(t, dir, func(o *Options) {
				o.Done = func(m queuedb.Message) error {
					mu.Lock()
					defer mu.Unlock()
					if fail {
						return errors.New("disk full")
					}
					told = append(told, m.EnvelopeID)
					return nil
				}
			})
			q.start()
			return q
		}
		setFail := func(v bool) {
			mu.Lock()
			defer mu.Unlock()
			fail = v
		}
		check := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(told)
			if !slices.Equal(told, want) {
				t.Fatalf("%s: told %v, want %v", when, told, want)
			}
		}
		q := open()
		q.send("e1", "a@local.example", "x@remote.example")
		q.send("e2", "a@local.example", "x@remote.example")
		check("disk full")
		setFail(false)
		time.Sleep(2 * time.Hour)
		check("two hours later", "e1", "e2")
		setFail(true)
		q.send("e3", "a@local.example", "x@remote.example")
		synctest.Wait()
		q.close()
		setFail(false)
		q = open()
		check("restart", "e1", "e2", "e3")
		q.close()
		q = open()
		defer q.close()
		check("another restart", "e1", "e2", "e3")
	})
}

func TestDoneIsNotedInParts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.start()
		defer q.close()
		const n = 2*toldBatch + 10
		for i := range n {
			q.send(fmt.Sprint("e", i), "a@local.example", fmt.Sprintf("x@d%d.example", i%7))
		}
		synctest.Wait()
		if got := len(q.finished()); got != n {
			t.Fatalf("%d messages done, want %d", got, n)
		}
		l, err := q.db.Untold(t.Context(), 0, n)
		if err != nil || len(l) >= toldBatch {
			t.Errorf("%d not noted, %v; want less than %d", len(l), err, toldBatch)
		}
	})
}

// Shutdown in the middle of attempts: those that end in time count, others begin anew after a start.
func TestShutdownInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, dir, nil)
		q.transport.deliver = func(ctx context.Context, j Job) []Outcome {
			switch j.Recipients[0].Destination {
			case "quick.example":
				time.Sleep(10 * time.Second)
			case "answers.example":
				<-ctx.Done()
				return same(j, Outcome{Err: errPermanent()})
			default:
				<-ctx.Done()
				return same(j, Outcome{Err: ctx.Err()})
			}
			return same(j, Outcome{})
		}
		q.start()
		q.send("e1", "", "x@quick.example", "x@slow.example", "x@answers.example")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		results := make(chan error, 2)
		for range 2 { // Twice is once.
			go func() { results <- q.Shutdown(ctx) }()
		}
		synctest.Wait()
		q.send("e2", "", "x@other.example")
		for range 2 {
			if err := <-results; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("shutdown: %v", err)
			}
		}
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("shutdown took %v", d)
		}
		want := map[string]queuedb.State{
			"x@quick.example": queuedb.Delivered, "x@slow.example": queuedb.Waiting, "x@answers.example": queuedb.Failed, "x@other.example": queuedb.Waiting,
		}
		q.checkStates(want)
		if n := len(q.transport.records()); n != 3 {
			t.Errorf("%d attempts, want none after Shutdown", n)
		}
		if err := q.db.Close(); err != nil {
			t.Fatal(err)
		}

		q = newQueue(t, dir, nil)
		q.start()
		defer q.close()
		synctest.Wait()
		want["x@slow.example"], want["x@other.example"] = queuedb.Delivered, queuedb.Delivered
		q.checkStates(want)
		if n := len(q.transport.records()); n != 2 {
			t.Errorf("%d attempts after the start, want 2", n)
		}
	})
}

func TestStartTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.start()
		defer q.close()
		if err := q.Start(); err == nil {
			t.Error("started twice")
		}
	})
}
