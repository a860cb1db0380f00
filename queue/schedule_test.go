package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/queuedb"
	"mox/smtp"
	"mox/smtpclient"
)

// What an attempt finds changed since it was scheduled it leaves alone.
func TestAttemptLooksAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		defer q.close()
		q.send("e1", "a@local.example", "x@remote.example", "y@remote.example", "z@remote.example")
		l, err := q.List(t.Context(), queuedb.Filter{}, queuedb.Page{})
		if err != nil {
			t.Fatal(err)
		}
		m := l[0].Message.ID
		var ids []queuedb.RecipientID
		for _, e := range l {
			ids = append(ids, e.Recipient.ID)
		}
		if _, err := q.Hold(t.Context(), queuedb.Filter{To: "x@"}); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Schedule(t.Context(), queuedb.Filter{To: "y@"}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		attempt := func() {
			q.mu.Lock()
			d, _, _ := q.sched.next(time.Now())
			begun := d != nil && q.sched.begin(d, m, ids)
			if begun {
				q.sched.looked(d)
			}
			q.mu.Unlock()
			if !begun {
				t.Fatal("no attempt could begin")
			}
			q.attempts.Add(1)
			q.attempt(d, m, ids)
		}
		attempt()
		if jobs := q.transport.records(); len(jobs) != 1 || fmt.Sprint(jobs[0].to) != "[z@remote.example]" {
			t.Fatalf("attempts %v, want one for z", jobs)
		}
		attempt()
		if _, err := q.Drop(t.Context(), queuedb.Filter{}); err != nil {
			t.Fatal(err)
		}
		attempt()
		if n := len(q.transport.records()); n != 1 {
			t.Fatalf("%d attempts, want no other", n)
		}
	})
}

// A message being canceled is not tried, and what else waits for the same host is.
func TestLockedMessageIsPassedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.send("e1", "a@local.example", "x@remote.example")
		q.send("e2", "a@local.example", "y@remote.example")
		m, err := q.db.MessageByEnvelope(t.Context(), "e1")
		if err != nil {
			t.Fatal(err)
		}
		lock := func() bool {
			q.mu.Lock()
			defer q.mu.Unlock()
			return q.sched.lock(m.ID)
		}
		unlock := func() {
			q.mu.Lock()
			q.sched.unlock(m.ID, time.Now())
			q.mu.Unlock()
			q.wakeUp()
			synctest.Wait()
		}
		if first, second := lock(), lock(); !first || !second {
			t.Fatal("message cannot be locked")
		}
		q.start()
		defer q.close()
		synctest.Wait()
		if n := len(q.transport.records()); n != 0 {
			t.Fatalf("%d attempts with the lock held", n)
		}
		unlock()
		if n := len(q.transport.records()); n != 0 {
			t.Fatalf("%d attempts with the lock held by another", n)
		}
		unlock()
		if n := len(q.transport.records()); n != 2 {
			t.Fatalf("%d attempts after the lock was released, want 2", n)
		}
	})
}

// A destination with a backlog, older than anything else, does not keep others waiting.
func TestDestinationsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), func(o *Options) { o.MaxConcurrent, o.MaxPerDestination = 2, 2 })
		q.transport.deliver = func(_ context.Context, j Job) []Outcome {
			time.Sleep(time.Second)
			return same(j, Outcome{})
		}
		for i := range 40 {
			q.send(fmt.Sprint("old", i), "a@local.example", "x@big.example")
			q.send(fmt.Sprint("older", i), "a@local.example", "x@bigger.example")
		}
		time.Sleep(time.Hour)
		q.start()
		defer q.close()
		time.Sleep(1500 * time.Millisecond)
		q.send("new", "a@local.example", "x@small.example", "b@local.example")
		begin := time.Now()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if n := len(q.local.messages()); n != 1 {
			t.Errorf("%d local deliveries, want one at once", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		jobs := q.transport.records()
		i := slices.IndexFunc(jobs, func(j jobRecord) bool { return j.to[0] == "x@small.example" })
		if wait := jobs[i].at.Sub(begin); wait > 3*time.Second {
			t.Errorf("the small destination waited %v", wait)
		}
		if n := len(q.finished()); n != 81 {
			t.Errorf("%d messages done, want 81", n)
		}
	})
}

// Recipients that fail together are tried together again.
func TestRetriesStayTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), func(o *Options) { o.Backoff = Backoff })
		q.transport.deliver = answer(errTemporary)
		q.start()
		defer q.close()
		q.send("e1", "a@local.example", "x@remote.example", "y@remote.example", "z@remote.example")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		jobs := q.transport.records()
		for _, j := range jobs {
			if len(j.to) != 3 {
				t.Errorf("attempt for %v, want for three", j.to)
			}
		}
		if n := len(jobs); n < 7 || n > 9 {
			t.Errorf("%d attempts in a day", n)
		}
		// RFC 5321 §4.5.4.1: two attempts in the first hour, and then fewer.
		if d := jobs[2].at.Sub(jobs[0].at); d > time.Hour {
			t.Errorf("second retry after %v", d)
		}
	})
}

func TestManyRecipientsInParts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), func(o *Options) { o.MaxRecipients = 10 })
		var to []string
		for i := range 35 {
			to = append(to, fmt.Sprintf("r%d@remote.example", i))
		}
		q.send("e1", "a@local.example", to...)
		q.start()
		defer q.close()
		synctest.Wait()
		var got []string
		jobs := q.transport.records()
		for _, j := range jobs {
			got = append(got, j.to...)
		}
		slices.Sort(got)
		slices.Sort(to)
		if len(jobs) != 4 || !slices.Equal(got, to) {
			t.Errorf("%d attempts, recipients %v", len(jobs), got)
		}
	})
}

// unreachable is what a transport returns that cannot connect.
func unreachableOutcome() Outcome {
	return Outcome{Err: &smtpclient.Error{Command: "connect", Enhanced: smtp.E441NoAnswer, Err: errors.New("no route to host")}}
}

// What cannot be reached is not tried for each message again, only after a while.
func TestUnreachableDestination(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		outcome := unreachableOutcome()
		q.transport.deliver = func(_ context.Context, j Job) []Outcome { return same(j, outcome) }
		q.start()
		defer q.close()
		check := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			if n := len(q.transport.records()); n != want {
				t.Fatalf("%s: %d attempts, want %d", what, n, want)
			}
		}
		q.send("e1", "a@local.example", "x@remote.example")
		check("first", 1)
		for i := range 20 {
			q.send(fmt.Sprint("more", i), "a@local.example", "x@remote.example")
		}
		check("others", 1)
		l, err := q.List(t.Context(), queuedb.Filter{EnvelopeID: "more3"}, queuedb.Page{})
		if err != nil || l[0].Recipient.Attempts != 1 || l[0].Recipient.Results[0].Enhanced != "4.4.1" || time.Until(l[0].Recipient.NextAttempt) != time.Hour {
			t.Fatalf("recipient that was not tried: %+v, %v", l, err)
		}
		q.send("elsewhere", "a@local.example", "x@other.example")
		check("another destination", 2)

		time.Sleep(6 * time.Minute)
		outcome = Outcome{Err: errTemporary}
		q.send("later", "a@local.example", "x@remote.example")
		check("after a while", 3)
		q.send("again", "a@local.example", "x@remote.example")
		check("replies are not remembered", 4)

		outcome = unreachableOutcome()
		q.send("down", "a@local.example", "x@remote.example")
		check("down again", 5)
		outcome = Outcome{}
		if n, err := q.Schedule(t.Context(), queuedb.Filter{EnvelopeID: "e1"}, time.Now()); n != 1 || err != nil {
			t.Fatalf("schedule: %d, %v", n, err)
		}
		check("an operator knows better", 6)
	})
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	connect := &smtpclient.Error{Command: "connect", Enhanced: smtp.E441NoAnswer}
	for _, tc := range []struct {
		name string
		l    []Outcome
		want bool
	}{
		{"no connection", []Outcome{{Err: connect}}, true},
		{"name server does not answer", []Outcome{{Err: &smtpclient.Error{Command: "MX"}}, {Err: connect}}, true},
		{"connected", []Outcome{{Err: connect, Remote: "mx"}}, false},
		{"one connected", []Outcome{{Err: connect}, {Remote: "mx"}}, false},
		{"reply", []Outcome{{Err: &smtpclient.Error{Command: "RCPT", Code: 450}}}, false},
		{"permanent", []Outcome{{Err: &smtpclient.Error{Command: "MX", Permanent: true, Enhanced: smtp.E5110NullMX}}}, false},
		{"our own fault", []Outcome{{Err: errors.New("disk")}}, false},
		{"by configuration", []Outcome{{Err: errTemporary}}, false},
		{"delivered", []Outcome{{}}, false},
	} {
		if got := unreachable(tc.l); (got != nil) != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// Everything at once: messages come, attempts succeed and fail, operators hold, release and
// schedule, senders cancel. Nobody gets anything twice or what was canceled, and nothing is forgotten.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { everythingAtOnce(t, seed) })
		})
	}
}

func everythingAtOnce(t *testing.T, seed uint64) {
	q := newQueue(t, t.TempDir(), func(o *Options) {
		o.MaxConcurrent, o.MaxPerDestination, o.MaxRecipients = 6, 3, 2
		o.Backoff = func(n int) time.Duration { return time.Duration(n) * time.Second }
		o.DelayAfter = 24 * time.Hour
	})
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, 0))
	number := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return rnd.IntN(n)
	}
	delivered, tried := map[string]int{}, map[string]int{}
	q.transport.deliver = func(_ context.Context, j Job) []Outcome {
		mu.Lock()
		tried[j.Message.EnvelopeID]++
		mu.Unlock()
		time.Sleep(time.Duration(number(5)) * 50 * time.Millisecond)
		l := same(j, Outcome{Err: errTemporary})
		for i, r := range j.Recipients {
			if number(3) > 0 {
				l[i].Err = nil
				mu.Lock()
				delivered[j.Message.EnvelopeID+" "+r.Path.String()]++
				mu.Unlock()
			}
		}
		return l
	}
	q.start()
	defer q.close()

	const senders, each = 4, 20
	var canceled []string
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("m%d-%d", s, i)
				q.send(id, "a@local.example", "x@one.example", "y@one.example", "z@one.example", fmt.Sprintf("x@d%d.example", i%3))
				time.Sleep(time.Duration(number(4)) * 20 * time.Millisecond)
				if number(2) == 0 {
					ok, err := q.Cancel(t.Context(), id)
					if err != nil {
						t.Error(err)
					}
					if ok {
						mu.Lock()
						canceled = append(canceled, id)
						mu.Unlock()
					}
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range 30 {
				var err error
				switch number(3) {
				case 0:
					_, err = q.Hold(t.Context(), queuedb.Filter{To: "y@"})
				case 1:
					_, err = q.Unhold(t.Context(), queuedb.Filter{})
				case 2:
					_, err = q.Schedule(t.Context(), queuedb.Filter{}, time.Now())
				}
				if err != nil {
					t.Error(err)
				}
				time.Sleep(time.Duration(number(5)) * 30 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	if _, err := q.Unhold(t.Context(), queuedb.Filter{}); err != nil {
		t.Error(err)
	}
	time.Sleep(24 * time.Hour)
	synctest.Wait()

	l, err := q.List(t.Context(), queuedb.Filter{}, queuedb.Page{Limit: 10000})
	if err != nil || len(l) != senders*each*4 {
		t.Fatalf("%d recipients, %v", len(l), err)
	}
	for _, e := range l {
		id, want := e.Message.EnvelopeID, queuedb.Delivered
		if slices.Contains(canceled, id) {
			want = queuedb.Dropped
			if tried[id] > 0 {
				t.Errorf("%s was canceled and tried", id)
			}
		}
		n := delivered[id+" "+e.Recipient.Path.String()]
		if e.Recipient.State != want || want == queuedb.Delivered && n != 1 {
			t.Errorf("%s to %s is %s, delivered %d times", id, e.Recipient.Path, e.Recipient.State, n)
		}
	}
	if got := q.finished(); len(got) != senders*each {
		t.Errorf("%d messages done, want %d", len(got), senders*each)
	}
	if len(canceled) == 0 || len(canceled) == senders*each {
		t.Errorf("%d messages canceled: the test tests nothing", len(canceled))
	}
}
