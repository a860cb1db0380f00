package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mjl-/bstore"

	"mox/imap"
	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
)

// testAccount opens an account of a new store.
func testAccount(t *testing.T, opts Options) *account {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Verify(context.Background(), "a", true, func(p Problem) { t.Error(p.What) }); err != nil {
			t.Errorf("verifying: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing store: %v", err)
		}
	})
	if err := s.Create(t.Context(), "a"); err != nil && !errors.Is(err, ErrAccountExists) {
		t.Fatal(err)
	}
	a, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a.acc
}

// together runs ops in one batch, and returns how often each ran.
func together(t *testing.T, a *account, ops ...*op) []int {
	t.Helper()
	runs := make([]int, len(ops))
	for i, o := range ops {
		run := o.run
		o.run = func(tx *txn) error {
			runs[i]++
			return run(tx)
		}
	}
	// While one holds up the committer, the others gather.
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		a.write(context.Background(), "test", func(*txn) error {
			close(started)
			<-release
			return nil
		})
	})
	<-started
	for _, o := range ops {
		wg.Go(func() { a.committer.do(context.Background(), o) })
		for waiting := false; !waiting; runtime.Gosched() {
			a.committer.mu.Lock()
			for _, q := range a.committer.queue {
				waiting = waiting || q == o
			}
			a.committer.mu.Unlock()
		}
	}
	close(release)
	wg.Wait()
	return runs
}

func subscribeOp(name string) *op {
	return &op{label: "test", run: func(tx *txn) error { return tx.subscribe(name, true) }}
}

func (a *account) subscribed(name string) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	_, ok := a.subscriptions[name]
	return ok
}

// Who reads of an account that refuses to write, and meets damage, gets an error for that; nobody else notices.
func TestFailingReader(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	refuse := func(err error) {
		a.committer.mu.Lock()
		defer a.committer.mu.Unlock()
		a.committer.broken = err
	}
	refuse(errors.New("nothing is written"))
	failure := errors.New("failure")
	err := a.committer.do(t.Context(), &op{label: "test", reads: true, bulk: true, run: func(tx *txn) error {
		tx.writes++ // As after a panic.
		return failure
	}})
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want %v", err, failure)
	}
	refuse(nil)
	together(t, a, subscribeOp("after"))
	if !a.subscribed("after") {
		t.Error("nothing is written any more")
	}
}

// An op that fails before it wrote fails alone, one that fails after is taken out, and one that panics, too.
func TestFailingOp(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	failure := errors.New("failure")
	early := &op{label: "test", run: func(*txn) error { return failure }}
	late := &op{label: "test", run: func(tx *txn) error {
		if err := tx.subscribe("late", true); err != nil {
			return err
		}
		return failure
	}}
	second := 0
	recovers := &op{label: "test", run: func(tx *txn) error {
		if err := tx.subscribe("recovers", true); err != nil {
			return err
		}
		if second++; second == 1 {
			return failure
		}
		return nil
	}}
	botched := &op{label: "test", run: func(tx *txn) error {
		// Inserting a row that is there spoils a transaction of bstore.
		return tx.insert(&accountRow{ID: 1})
	}}
	bug := &op{label: "test", run: func(tx *txn) error { panic("bug") }}
	var modseqs []imap.ModSeq
	good := func(name string) *op {
		o := subscribeOp(name)
		run := o.run
		o.run = func(tx *txn) error {
			err := run(tx)
			modseqs = append(modseqs, tx.modseq)
			return err
		}
		return o
	}
	first, last := good("first"), good("last")
	runs := together(t, a, first, early, late, recovers, botched, bug, last)
	for _, tc := range []struct {
		name string
		o    *op
		want error
	}{
		{"first", first, nil}, {"early", early, failure}, {"late", late, failure}, {"recovers", recovers, nil}, {"last", last, nil},
	} {
		if !errors.Is(tc.o.err, tc.want) {
			t.Errorf("%s: error %v, want %v", tc.name, tc.o.err, tc.want)
		}
		if got, want := a.subscribed(tc.name), tc.want == nil; got != want {
			t.Errorf("%s: subscribed is %v", tc.name, got)
		}
	}
	if botched.err == nil {
		t.Error("a spoiled transaction is no error")
	}
	if bug.err == nil || strings.Contains(bug.err.Error(), "bug") {
		t.Errorf("panic gives error %v", bug.err)
	}
	if last := len(modseqs) - 1; modseqs[last] <= modseqs[last-1] {
		t.Errorf("modseqs %v", modseqs)
	}
	if runs[2] != 2 || runs[3] != 2 {
		t.Errorf("runs %v: those that failed run once more, alone", runs)
	}
}

// While its transaction is made ready, a message is not durable. If it cannot be made so, neither it nor another one
// of its batch is there, but what else was asked for is done.
func TestBodiesThatCannotBeSynced(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	failure := errors.New("disk is broken")
	fsys := &faultfs.FS{FS: vfs.OS{}, Hook: func(c faultfs.Call) error {
		if c.Op == faultfs.Datasync && broken.Load() {
			return failure
		}
		return nil
	}}
	a := testAccount(t, Options{FS: fsys})
	box := a.boxes.byName["Inbox"]
	add := func() *op {
		body := strings.NewReader("Subject: test\r\n\r\ntext\r\n")
		e, err := a.prepare(t.Context(), &NewMessage{Body: body, Size: body.Size()}, "Inbox", "")
		if err != nil {
			t.Fatal(err)
		}
		return &op{label: "test", bodies: []*newEmail{e}, run: func(tx *txn) error {
			b, err := tx.box(box)
			if err != nil {
				return err
			}
			added, err := tx.addEmail(b, e)
			tx.logAdded(b, []Added{added})
			return err
		}}
	}
	late := &op{label: "test", run: func(tx *txn) error {
		return errors.Join(tx.subscribe("late", true), failure)
	}}
	broken.Store(true)
	first, second, other := add(), add(), subscribeOp("other")
	together(t, a, first, other, late, second)
	if !errors.Is(first.err, failure) || !errors.Is(second.err, failure) || other.err != nil || !errors.Is(late.err, failure) {
		t.Errorf("errors %v, %v, %v, %v", first.err, second.err, other.err, late.err)
	}
	if !a.subscribed("other") || a.subscribed("late") {
		t.Error("what else was in the batch was not done as it should")
	}
	alone := add()
	together(t, a, alone)
	if !errors.Is(alone.err, failure) {
		t.Errorf("error %v", alone.err)
	}
	broken.Store(false)
	after := add()
	together(t, a, after)
	if mb, _ := a.mailbox(box); after.err != nil || mb.row.Total != 1 {
		t.Errorf("%d messages, error %v", mb.row.Total, after.err)
	}
}

func TestWithdrawnOp(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		err := a.write(ctx, "test", func(tx *txn) error {
			cancel() // Too late: it has begun.
			close(started)
			<-release
			return tx.subscribe("begun", true)
		})
		if err != nil {
			t.Errorf("op whose context ended after it had begun: %v", err)
		}
	})
	<-started
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() {
		for waiting := false; !waiting; runtime.Gosched() {
			a.committer.mu.Lock()
			waiting = len(a.committer.queue) > 0
			a.committer.mu.Unlock()
		}
		cancel()
	})
	if err := a.committer.do(ctx, subscribeOp("withdrawn")); !errors.Is(err, context.Canceled) {
		t.Errorf("op whose context ended while it waited: %v", err)
	}
	close(release)
	wg.Wait()
	if !a.subscribed("begun") || a.subscribed("withdrawn") {
		t.Error("the wrong op was done")
	}
}

// Large ops and others take turns.
func TestBulkTakesTurns(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	var order []string
	note := func(name string, bulk bool) *op {
		return &op{label: "test", bulk: bulk, run: func(*txn) error {
			order = append(order, name)
			return nil
		}}
	}
	c := a.committer
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		a.write(context.Background(), "test", func(*txn) error {
			close(started)
			<-release
			return nil
		})
	})
	<-started
	for _, o := range []*op{note("bulk", true), note("bulk", true), note("bulk", true), note("small", false), note("small", false)} {
		wg.Go(func() { c.do(context.Background(), o) })
		for waiting := false; !waiting; runtime.Gosched() {
			c.mu.Lock()
			for _, q := range append(c.queue[:len(c.queue):len(c.queue)], c.bulk...) {
				waiting = waiting || q == o
			}
			c.mu.Unlock()
		}
	}
	close(release)
	wg.Wait()
	if got := strings.Join(order, " "); got != "small small bulk bulk bulk" {
		t.Errorf("order %s", got)
	}
}

// Content of a message whose transaction fails is given up.
func TestFailedDeliveryLeavesNothing(t *testing.T) {
	t.Parallel()
	full := false
	a := testAccount(t, Options{Quota: func(string) int64 {
		if full {
			return 1
		}
		return 0
	}})
	for _, size := range []int{100, 500_000} {
		text := "\r\n" + strings.Repeat("x", size)
		e, err := a.prepare(t.Context(), &NewMessage{Body: strings.NewReader(text), Size: int64(len(text))}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		full = true
		o := &op{label: "test", bodies: []*newEmail{e}, run: func(tx *txn) error {
			_, err := tx.deliver(&Delivery{}, inboxName, e)
			return err
		}}
		if err := a.withBodies(t.Context(), o); !errors.Is(err, ErrQuota) {
			t.Fatalf("error %v", err)
		}
		full = false
		if r, err := a.blobs.Open(e.ref); err == nil && size > 256<<10 {
			t.Error("file of a large message is there")
			r.Close()
		}
	}
	var dead int64
	for _, p := range a.blobs.Packs() {
		dead += p.Dead
	}
	if dead < 100 {
		t.Errorf("%d bytes of packs are known to be of no use", dead)
	}
}

// One who lost the ownership of an account writes nothing any more.
func TestEpoch(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	set := func(by int64) {
		t.Helper()
		err := a.db.Write(t.Context(), func(tx *bstore.Tx) error {
			row := accountRow{ID: 1}
			if err := tx.Get(&row); err != nil {
				return err
			}
			row.Epoch += by
			return tx.Update(&row)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := a.committer.do(t.Context(), subscribeOp("one")); err != nil {
		t.Fatal(err)
	}
	set(1)
	if err := a.committer.do(t.Context(), subscribeOp("two")); err == nil || a.subscribed("two") {
		t.Errorf("wrote after another process took over: %v", err)
	}
	set(-1)
	if err := a.committer.do(t.Context(), subscribeOp("three")); err != nil {
		t.Error(err)
	}
}

// What a transaction in doubt did is known in memory once it was found to be there, whatever was read meanwhile.
func TestDoubtThatTookPlace(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	h, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	a, c := h.acc, h.acc.committer
	c.stop(false) // The test does its work.
	disk := errors.New("disk error")
	err = a.db.Write(t.Context(), func(btx *bstore.Tx) error {
		if err := c.txn.begin(btx); err != nil {
			return err
		}
		c.txn.beginOp()
		if err := subscribeOp("x").run(&c.txn); err != nil {
			return err
		}
		return errors.Join(c.txn.endOp(), c.txn.finish())
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.commitFailed(disk); !errors.Is(err, disk) || c.refused() == nil || a.subscribed("x") {
		t.Fatalf("a transaction that is there: %v", err)
	}
	if err := c.do1(&op{label: "verify", bulk: true, reads: true, run: func(*txn) error { return nil }}); err != nil {
		t.Fatalf("reading in doubt: %v", err)
	}
	if !c.heal(time.Unix(1, 0)) || !a.subscribed("x") {
		t.Errorf("after it was settled: refuses for %v, subscribed: %v", c.refused(), a.subscribed("x"))
	}
	c.stopping, c.done = false, make(chan struct{})
	c.start()
	if err := s.Verify(t.Context(), "a", true, func(p Problem) { t.Errorf("after it was settled: %v", p) }); err != nil {
		t.Error(err)
	}
}

// A transaction whose commit failed but that is there, maybe, ends writing until the database was
// copied and opened again.
func TestDoubt(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	h, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	disk := errors.New("disk error")
	if err := h.acc.committer.commitFailed(disk); !errors.Is(err, disk) || h.acc.committer.refused() != nil {
		t.Errorf("a transaction that is not there: %v", err)
	}
	if err := h.Subscribe(t.Context(), System, "x"); err != nil {
		t.Errorf("writing after a transaction failed: %v", err)
	}
	h.acc.mu.Lock()
	h.acc.row.Commit-- // As if the last one was not known of.
	h.acc.mu.Unlock()
	if err := h.acc.committer.commitFailed(disk); !errors.Is(err, disk) || h.acc.committer.refused() == nil {
		t.Errorf("a transaction that is there: %v", err)
	}
	if err := h.Subscribe(t.Context(), System, "y"); !errors.Is(err, disk) {
		t.Errorf("writing in doubt: %v", err)
	}
	if _, err := h.Mailboxes(t.Context(), System); err != nil {
		t.Errorf("reading in doubt: %v", err)
	}
	// It is found out what is there, and writing goes on.
	c := h.acc.committer
	c.mu.Lock()
	c.healAt = time.Unix(1, 0)
	c.mu.Unlock()
	c.signal()
	for errors.Is(h.Subscribe(t.Context(), System, "z"), disk) {
		runtime.Gosched()
	}
	if err := s.Verify(t.Context(), "a", true, func(p Problem) { t.Errorf("after it was settled: %v", p) }); err != nil {
		t.Errorf("after it was settled: %v", err)
	}
	// So it is when the account is closed.
	c.breakOff(disk)
	old := h.acc
	h.Close()
	for {
		if h, err = s.Open(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if h.acc != old {
			break
		}
		h.Close()
		runtime.Gosched()
	}
	defer h.Close()
	if err := h.Subscribe(t.Context(), System, "y"); err != nil {
		t.Errorf("writing after the account was opened again: %v", err)
	}
}

// An account that is being renamed when it would close, closes later.
func TestExpireWhileRenamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{Dir: t.TempDir(), IdleClose: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Create(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		h, err := s.Open(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		sl := s.byName["a"]
		s.mu.Lock()
		sl.busy = make(chan struct{})
		s.mu.Unlock()
		time.Sleep(61 * time.Second)
		s.mu.Lock()
		if sl.acc == nil {
			t.Error("closed while somebody worked on it")
		}
		sl.unbusy()
		s.mu.Unlock()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		s.mu.Lock()
		if sl.acc != nil {
			t.Error("not closed")
		}
		s.mu.Unlock()
	})
}

func TestDeliveryIDsArePurged(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	a := testAccount(t, Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	text := "\r\nx\r\n"
	for range 3 {
		for _, id := range []string{"a", "b"} {
			d := Delivery{ID: id + now.String(), NewMessage: NewMessage{Body: strings.NewReader(text), Size: int64(len(text))}}
			if _, err := a.deliver(t.Context(), &d); err != nil {
				t.Fatal(err)
			}
		}
		mu.Lock()
		now = now.Add(4 * 24 * time.Hour)
		mu.Unlock()
	}
	var more bool
	err := a.write(t.Context(), "test", func(tx *txn) (err error) {
		more, err = tx.pruneDeliveries(now)
		return err
	})
	if err != nil || more {
		t.Fatal(more, err)
	}
	n := 0
	err = a.db.Read(t.Context(), func(tx *bstore.Tx) (err error) {
		n, err = bstore.QueryTx[deliveryRow](tx).Count()
		return err
	})
	if err != nil || n != 2 {
		t.Errorf("%d delivery ids are left, %v, want 2", n, err)
	}
}

// Ids whose hashes collide are told apart.
func TestDeliveryKeyCollision(t *testing.T) {
	t.Parallel()
	a := testAccount(t, Options{})
	err := a.write(t.Context(), "test", func(tx *txn) error {
		day := deliveryDay(tx.now.Unix())
		if err := tx.insert(&deliveryRow{Key: deliveryKey(day, "x"), ID: "other"}); err != nil {
			return err
		}
		seen, free, err := tx.findDelivery("x")
		if err != nil || seen || free != deliveryKey(day, "x")+1 {
			t.Errorf("seen %v, free key %d, %v", seen, free, err)
		}
		if err := tx.insert(&deliveryRow{Key: free, ID: "x"}); err != nil {
			return err
		}
		if seen, _, err := tx.findDelivery("x"); !seen || err != nil {
			t.Errorf("seen %v, %v", seen, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEmailIDs(t *testing.T) {
	t.Parallel()
	var back atomic.Bool
	a := testAccount(t, Options{Now: func() time.Time {
		now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		if back.Load() {
			now = now.Add(-time.Hour)
		}
		return now
	}})
	last := EmailID{}
	for i := range 10_000 {
		back.Store(i >= 5000) // The clock is set back.
		id, err := a.newEmailID()
		if err != nil || id.Key <= last.Key || id.Random == last.Random {
			t.Fatalf("id %v after %v, %v", id, last, err)
		}
		last = id
	}
}

// Mailbox names that only differ in what the file system would do with them are no matter to the store.
func TestNoFilesByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := testAccount(t, Options{Dir: dir})
	h := &Account{acc: a}
	if _, err := h.CreateMailbox(t.Context(), System, "secret name", ""); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if strings.Contains(path, "secret") {
			t.Errorf("file %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
