package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
	"mox/message"
	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
)

// fakeTransport answers attempts with a function and records them.
type fakeTransport struct {
	deliver func(ctx context.Context, j Job) []Outcome

	mu   sync.Mutex
	jobs []jobRecord
}

type jobRecord struct {
	at   time.Time
	to   []string
	text string
}

func (t *fakeTransport) Name() string { return "fake" }

func (t *fakeTransport) Deliver(ctx context.Context, j Job) []Outcome {
	b, err := io.ReadAll(j.Reader())
	if err != nil {
		return same(j, Outcome{Err: err})
	}
	rec := jobRecord{at: time.Now(), text: string(b)}
	for _, r := range j.Recipients {
		rec.to = append(rec.to, r.Path.String())
	}
	t.mu.Lock()
	t.jobs = append(t.jobs, rec)
	t.mu.Unlock()
	return t.deliver(ctx, j)
}

func (t *fakeTransport) records() []jobRecord {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.jobs)
}

func answer(err error) func(context.Context, Job) []Outcome {
	return func(_ context.Context, j Job) []Outcome { return same(j, Outcome{Err: err}) }
}

// fakeLocal is a target for local accounts.
type fakeLocal struct {
	mu   sync.Mutex
	got  []localMessage
	fail error
}

type localMessage struct{ env, account, text string }

type fakeLocalDelivery struct {
	t     *fakeLocal
	env   pipeline.Envelope
	rcpts []pipeline.Recipient
	body  pipeline.Body
}

func (t *fakeLocal) Begin(_ context.Context, env pipeline.Envelope) (pipeline.Delivery, error) {
	return &fakeLocalDelivery{t: t, env: env}, nil
}

func (d *fakeLocalDelivery) Recipient(_ context.Context, r pipeline.Recipient) error {
	d.rcpts = append(d.rcpts, r)
	return nil
}

func (d *fakeLocalDelivery) Body(_ context.Context, b pipeline.Body) error { d.body = b; return nil }

func (d *fakeLocalDelivery) Commit(context.Context) []error {
	d.t.mu.Lock()
	defer d.t.mu.Unlock()
	errs := make([]error, len(d.rcpts))
	for i, r := range d.rcpts {
		if errs[i] = d.t.fail; errs[i] != nil {
			continue
		}
		b, err := io.ReadAll(io.NewSectionReader(d.body, 0, d.body.Size()))
		errs[i] = err
		d.t.got = append(d.t.got, localMessage{d.env.ID, r.Account, string(r.Prefix) + string(b)})
	}
	return errs
}

func (d *fakeLocalDelivery) Abort() {}

func (t *fakeLocal) messages() []localMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.got)
}

func path(t *testing.T, s string) smtp.Path {
	t.Helper()
	p, err := smtp.ParsePath(s)
	if err != nil {
		t.Fatalf("parsing path %q: %v", s, err)
	}
	return p
}

type testQueue struct {
	*Queue
	t         *testing.T
	dir       string
	files     *faultfs.FS // Of bodies.
	db        *queuedb.DB
	transport *fakeTransport
	local     *fakeLocal

	mu   sync.Mutex
	done []string
}

// newQueue opens a queue in dir whose paths in local.example are accounts of this host, named by
// their localpart.
func newQueue(t *testing.T, dir string, change func(*Options)) *testQueue {
	t.Helper()
	files := &faultfs.FS{FS: vfs.OS{}}
	db, err := queuedb.Open(t.Context(), queuedb.Options{Dir: dir, FS: files})
	if err != nil {
		t.Fatalf("opening queue database: %v", err)
	}
	tq := &testQueue{t: t, dir: dir, files: files, db: db, transport: &fakeTransport{deliver: answer(nil)}, local: &fakeLocal{}}
	opts := Options{
		DB: db, Local: tq.local, Hostname: dns.Domain{ASCII: "mox.example"},
		Route: func(*queuedb.Message, *queuedb.Recipient) Transport { return tq.transport },
		LookupLocal: func(_ context.Context, p smtp.Path) (string, string, bool, error) {
			return string(p.Localpart), "", p.IPDomain.Domain.ASCII == "local.example", nil
		},
		Done: func(m queuedb.Message) error {
			tq.mu.Lock()
			defer tq.mu.Unlock()
			tq.done = append(tq.done, m.EnvelopeID)
			return nil
		},
		Backoff: func(n int) time.Duration { return time.Duration(n) * time.Hour },
	}
	if change != nil {
		change(&opts)
	}
	tq.Queue, err = New(opts)
	if err != nil {
		t.Fatalf("new queue: %v", err)
	}
	return tq
}

func (tq *testQueue) start() {
	tq.t.Helper()
	if err := tq.Start(); err != nil {
		tq.t.Fatalf("starting queue: %v", err)
	}
}

func (tq *testQueue) close() {
	tq.t.Helper()
	if err := tq.Shutdown(context.Background()); err != nil {
		tq.t.Fatalf("shutting down: %v", err)
	}
	if err := tq.db.Close(); err != nil {
		tq.t.Fatalf("closing: %v", err)
	}
}

func (tq *testQueue) finished() []string {
	tq.mu.Lock()
	defer tq.mu.Unlock()
	return slices.Clone(tq.done)
}

const testMessage = "Message-ID: <orig@local.example>\r\nSubject: test\r\nFrom: <a@local.example>\r\n\r\nbody\r\n"

// recipient returns a recipient. Paths in local.example become local ones.
func (tq *testQueue) recipient(addr string) pipeline.Recipient {
	r := pipeline.Recipient{Path: path(tq.t, addr), Prefix: []byte("Received: test\r\n")}
	if lp, ok := strings.CutSuffix(addr, "@local.example"); ok {
		r.Account = lp
	}
	return r
}

// send queues a message.
func (tq *testQueue) send(id, from string, to ...string) {
	tq.t.Helper()
	env := pipeline.Envelope{ID: id, Received: time.Now()}
	if from != "" {
		env.MailFrom = path(tq.t, from)
	}
	var rcpts []pipeline.Recipient
	for _, addr := range to {
		rcpts = append(rcpts, tq.recipient(addr))
	}
	tq.submit(env, testMessage, rcpts...)
}

func (tq *testQueue) submit(env pipeline.Envelope, text string, rcpts ...pipeline.Recipient) {
	tq.t.Helper()
	b, err := newBody(strings.NewReader(text), int64(len(text)))
	if err != nil {
		tq.t.Fatalf("body: %v", err)
	}
	errs, err := pipeline.Deliver(tq.t.Context(), tq.Target(), env, rcpts, b)
	if err := errors.Join(append(errs, err)...); err != nil {
		tq.t.Fatalf("queueing %s: %v", env.ID, err)
	}
}

func (tq *testQueue) states(f queuedb.Filter) map[string]queuedb.State {
	tq.t.Helper()
	l, err := tq.List(tq.t.Context(), f, queuedb.Page{Limit: 1000})
	if err != nil {
		tq.t.Fatalf("list: %v", err)
	}
	states := map[string]queuedb.State{}
	for _, e := range l {
		states[e.Recipient.Path.String()] = e.Recipient.State
	}
	return states
}

func (tq *testQueue) checkStates(want map[string]queuedb.State) {
	tq.t.Helper()
	if got := tq.states(queuedb.Filter{}); fmt.Sprint(got) != fmt.Sprint(want) {
		tq.t.Fatalf("states %v, want %v", got, want)
	}
}

var errTemporary = &smtp.Error{Code: smtp.C451LocalError, Enhanced: smtp.E441NoAnswer, Text: "connection refused"}

func errPermanent() error {
	return &smtp.Error{Code: 550, Enhanced: smtp.E511UnknownMailbox, Text: "no such user"}
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.start()
		defer q.close()
		q.send("e1", "a@local.example", "x@remote.example", "y@remote.example", "b@local.example", "z@other.example")
		synctest.Wait()

		jobs := q.transport.records()
		slices.SortFunc(jobs, func(a, b jobRecord) int { return strings.Compare(a.to[0], b.to[0]) })
		if len(jobs) != 2 || fmt.Sprint(jobs[0].to, jobs[1].to) != "[x@remote.example y@remote.example] [z@other.example]" {
			t.Fatalf("jobs %v, want one per destination", jobs)
		}
		if want := "Received: test\r\n" + testMessage; jobs[0].text != want {
			t.Fatalf("sent %q, want %q", jobs[0].text, want)
		}
		if l := q.local.messages(); len(l) != 1 || l[0].account != "b" || l[0].env != "e1" || l[0].text != jobs[0].text {
			t.Fatalf("local deliveries %v", l)
		}
		if done := q.finished(); fmt.Sprint(done) != "[e1]" {
			t.Fatalf("done %v", done)
		}
		m, err := q.db.MessageByEnvelope(t.Context(), "e1")
		if err != nil || m.Open != 0 {
			t.Fatalf("message %v, %v", m, err)
		}
		if _, err := q.OpenBody(t.Context(), m.ID); !errors.Is(err, queuedb.ErrNoMessage) {
			t.Fatalf("body of finished message: %v, want ErrNoMessage", err)
		}

		// The same envelope again is not delivered again.
		q.send("e1", "a@local.example", "x@remote.example")
		synctest.Wait()
		if n := len(q.transport.records()); n != 2 {
			t.Fatalf("%d attempts after duplicate, want 2", n)
		}
	})
}

func TestRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		begin := time.Now()
		n := 0
		q.transport.deliver = func(_ context.Context, j Job) []Outcome {
			n++
			if n < 3 {
				return same(j, Outcome{Err: errTemporary})
			}
			return same(j, Outcome{Remote: "mx.remote.example [192.0.2.1]"})
		}
		q.start()
		defer q.close()
		q.send("e1", "a@local.example", "x@remote.example")
		time.Sleep(24 * time.Hour)
		synctest.Wait()

		var at []time.Duration
		for _, j := range q.transport.records() {
			at = append(at, j.at.Sub(begin))
		}
		if want := []time.Duration{0, time.Hour, 3 * time.Hour}; !slices.Equal(at, want) {
			t.Fatalf("attempts at %v, want %v", at, want)
		}
		q.checkStates(map[string]queuedb.State{"x@remote.example": queuedb.Delivered})
		l, _ := q.List(t.Context(), queuedb.Filter{}, queuedb.Page{})
		if r := l[0].Recipient; len(r.Results) != 3 || r.Results[0].Text != "connection refused" || !r.Results[2].Success || r.Results[2].Remote == "" {
			t.Fatalf("results %+v", r.Results)
		}
		if l := q.local.messages(); len(l) != 0 {
			t.Fatalf("unexpected notification %v", l)
		}
	})
}

// notification parses a notification delivered to a local account.
func notification(t *testing.T, m localMessage) *message.Part {
	t.Helper()
	p, err := message.Parse(strings.NewReader(m.text))
	if err != nil {
		t.Fatalf("parsing notification: %v", err)
	}
	if p.MediaType() != "multipart/report" || len(p.Parts) != 3 || p.Parts[1].MediaType() != "message/delivery-status" {
		t.Fatalf("notification is no delivery status report:\n%s", m.text)
	}
	if strings.Contains(m.text, "Return-Path:") {
		t.Errorf("notification has a Return-Path before its final delivery, which adds it:\n%s", m.text)
	}
	return p
}

func wantText(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.transport.deliver = func(_ context.Context, j Job) []Outcome {
			l := make([]Outcome, len(j.Recipients))
			for i, r := range j.Recipients {
				if r.Path.Localpart == "bad" {
					l[i] = Outcome{Err: errPermanent(), Remote: "mx.remote.example"}
				}
			}
			return l
		}
		q.start()
		defer q.close()
		q.send("e1", "a@local.example", "good@remote.example", "bad@remote.example")
		synctest.Wait()
		l := q.local.messages()
		if len(l) != 1 || l[0].account != "a" {
			t.Fatalf("notifications %v, want one for a", l)
		}
		p := notification(t, l[0])
		wantText(t, l[0].text, "bad@remote.example", "Action: failed", "Status: 5.1.1", "no such user", "Auto-Submitted: auto-replied", "Reporting-MTA: dns; mox.example")
		if strings.Contains(l[0].text, "good@remote.example") {
			t.Errorf("notification names the recipient that was delivered:\n%s", l[0].text)
		}
		if refs := p.Envelope.References; !slices.Contains(refs, "orig@local.example") {
			t.Errorf("references %v, want the original message", refs)
		}

		// A message from the null reverse-path never causes a notification.
		q.send("e2", "", "bad@remote.example")
		synctest.Wait()
		if n := len(q.local.messages()); n != 1 {
			t.Fatalf("%d notifications, want 1", n)
		}
		if st := q.states(queuedb.Filter{EnvelopeID: "e2"}); st["bad@remote.example"] != queuedb.Failed {
			t.Fatalf("states %v", st)
		}
	})
}

func TestDelayAndGivingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.transport.deliver = answer(errTemporary)
		q.start()
		defer q.close()
		begin := time.Now()
		q.send("e1", "a@local.example", "x@remote.example")
		time.Sleep(5*24*time.Hour - time.Minute)
		synctest.Wait()
		l := q.local.messages()
		if len(l) != 1 {
			t.Fatalf("%d notifications before the end, want one of delay", len(l))
		}
		notification(t, l[0])
		wantText(t, l[0].text, "Action: delayed", "x@remote.example", "connection refused")

		time.Sleep(2 * time.Minute)
		synctest.Wait()
		l = q.local.messages()
		if len(l) != 2 {
			t.Fatalf("%d notifications, want delay and failure", len(l))
		}
		wantText(t, l[1].text, "Action: failed", "x@remote.example")
		jobs := q.transport.records()
		if last := jobs[len(jobs)-1].at.Sub(begin); last != 5*24*time.Hour {
			t.Errorf("last attempt after %v, want at the end of the lifetime", last)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := len(q.transport.records()); n != len(jobs) {
			t.Errorf("attempts after giving up")
		}
	})
}

func TestConcurrencyLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), func(o *Options) { o.MaxConcurrent, o.MaxPerDestination = 3, 2 })
		var mu sync.Mutex
		running, most := map[string]int{}, map[string]int{}
		q.transport.deliver = func(_ context.Context, j Job) []Outcome {
			d := j.Recipients[0].Destination
			mu.Lock()
			for _, k := range []string{d, "all"} {
				running[k]++
				most[k] = max(most[k], running[k])
			}
			mu.Unlock()
			time.Sleep(time.Minute)
			mu.Lock()
			running[d]--
			running["all"]--
			mu.Unlock()
			return same(j, Outcome{})
		}
		q.start()
		defer q.close()
		for i := range 6 {
			q.send(fmt.Sprintf("a%d", i), "a@local.example", "x@one.example")
			q.send(fmt.Sprintf("b%d", i), "a@local.example", "x@two.example")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(q.finished()); n != 12 {
			t.Fatalf("%d messages done, want 12", n)
		}
		if most["all"] != 3 || most["one.example"] != 2 || most["two.example"] != 2 {
			t.Fatalf("at most %v at a time", most)
		}
	})
}

func TestOperator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.transport.deliver = answer(errTemporary)
		q.start()
		defer q.close()
		ctx := t.Context()
		q.send("e1", "a@local.example", "x@one.example")
		q.send("e2", "a@local.example", "y@two.example")
		q.send("e3", "a@local.example", "z@three.example")
		synctest.Wait()
		check := func(what string, n int, err error, want int) {
			t.Helper()
			if err != nil || n != want {
				t.Fatalf("%s: %d, %v; want %d", what, n, err, want)
			}
		}
		n, err := q.Hold(ctx, queuedb.Filter{Domain: "one.example"})
		check("hold", n, err, 1)
		n, err = q.Hold(ctx, queuedb.Filter{Domain: "one.example"})
		check("hold again", n, err, 0)
		n, err = q.Schedule(ctx, queuedb.Filter{}, time.Now())
		check("schedule", n, err, 3)
		synctest.Wait()
		if n := len(q.transport.records()); n != 5 {
			t.Fatalf("%d attempts, want 5: the held one is not tried", n)
		}
		n, err = q.Unhold(ctx, queuedb.Filter{})
		check("unhold", n, err, 1)
		synctest.Wait()
		if n := len(q.transport.records()); n != 6 {
			t.Fatalf("%d attempts, want 6", n)
		}
		n, err = q.Drop(ctx, queuedb.Filter{To: "Y@two"})
		check("drop", n, err, 1)
		n, err = q.Fail(ctx, queuedb.Filter{To: "z@"})
		check("fail", n, err, 1)
		n, err = q.Fail(ctx, queuedb.Filter{To: "nobody"})
		check("fail nothing", n, err, 0)
		synctest.Wait()
		l := q.local.messages()
		if len(l) != 1 {
			t.Fatalf("%d notifications, want one for the failed recipient", len(l))
		}
		wantText(t, l[0].text, "z@three.example", "Action: failed")
		if st := q.states(queuedb.Filter{}); st["x@one.example"] != queuedb.Waiting || st["y@two.example"] != queuedb.Dropped || st["z@three.example"] != queuedb.Failed {
			t.Fatalf("states %v", st)
		}
		slices.Sort(q.done)
		if got := q.finished(); !slices.Contains(got, "e2") || !slices.Contains(got, "e3") || slices.Contains(got, "e1") {
			t.Fatalf("done %v", got)
		}
	})
}

// Giving up on everything tells each sender: it does not also give up on the notifications.
func TestFailAllKeepsNotifications(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		const n = 20 // More than are notified of at a time.
		for i := range n {
			q.send(fmt.Sprintf("e%d", i), fmt.Sprintf("a%d@local.example", i), "x@one.example")
		}
		if got, err := q.Fail(t.Context(), queuedb.Filter{}); err != nil || got != n {
			t.Fatalf("failed %d, %v; want %d", got, err, n)
		}
		q.start()
		defer q.close()
		synctest.Wait()
		if l := q.local.messages(); len(l) != n {
			t.Fatalf("%d notifications, want %d", len(l), n)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		ctx := t.Context()
		q.send("e1", "a@local.example", "x@one.example", "y@two.example")
		if ok, err := q.Cancel(ctx, "e1"); err != nil || !ok {
			t.Fatalf("cancel before the first attempt: %v, %v", ok, err)
		}
		release := make(chan struct{})
		q.transport.deliver = func(_ context.Context, j Job) []Outcome {
			<-release
			return same(j, Outcome{Err: errTemporary})
		}
		q.start()
		defer q.close()
		q.send("e2", "a@local.example", "x@one.example")
		synctest.Wait()
		if ok, err := q.Cancel(ctx, "e2"); err != nil || ok {
			t.Fatalf("cancel during an attempt: %v, %v", ok, err)
		}
		close(release)
		synctest.Wait()
		if ok, err := q.Cancel(ctx, "e2"); err != nil || ok {
			t.Fatalf("cancel after an attempt: %v, %v", ok, err)
		}
		if ok, err := q.Cancel(ctx, "nothing"); !errors.Is(err, queuedb.ErrNoMessage) || ok {
			t.Fatalf("cancel of unknown: %v, %v", ok, err)
		}
		for _, j := range q.transport.records() {
			if j.to[0] == "y@two.example" {
				t.Fatal("canceled message was sent")
			}
		}
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, dir, nil)
		q.transport.deliver = func(ctx context.Context, j Job) []Outcome {
			<-ctx.Done()
			return same(j, Outcome{Err: ctx.Err()})
		}
		q.start()
		q.send("e1", "a@local.example", "x@one.example")
		synctest.Wait()
		// The attempt does not end by itself: shutdown breaks it off.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := q.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("shutdown: %v", err)
		}
		if err := q.db.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}

		q = newQueue(t, dir, nil)
		q.start()
		defer q.close()
		synctest.Wait()
		if jobs := q.transport.records(); len(jobs) != 1 || jobs[0].to[0] != "x@one.example" {
			t.Fatalf("attempts after restart: %v", jobs)
		}
		q.checkStates(map[string]queuedb.State{"x@one.example": queuedb.Delivered})
	})
}

func TestTransportPanicIsTemporary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.transport.deliver = func(context.Context, Job) []Outcome { panic("bug") }
		q.start()
		defer q.close()
		q.send("e1", "a@local.example", "x@one.example")
		synctest.Wait()
		q.checkStates(map[string]queuedb.State{"x@one.example": queuedb.Waiting})
	})
}

func TestFinishedAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.start()
		defer q.close()
		q.send("e1", "a@local.example", "x@one.example")
		time.Sleep(6 * 24 * time.Hour)
		synctest.Wait()
		q.checkStates(map[string]queuedb.State{"x@one.example": queuedb.Delivered})
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		q.checkStates(map[string]queuedb.State{})
	})
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Fatal("queue without a database was made")
	}
}
