package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/panics"
	"mox/pipeline"
	"mox/pipeline/checktest"
	"mox/smtp"
)

var simple = "From: a@example.org\r\n\r\nbody\r\n"

func spooled(t *testing.T, content string) *pipeline.Spool {
	t.Helper()
	s := pipeline.NewSpool(t.TempDir(), 0)
	t.Cleanup(func() { s.Close() })
	if _, err := io.WriteString(s, content); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	return s
}

func uses(checks ...pipeline.Check) (l []pipeline.Use) {
	for _, c := range checks {
		l = append(l, pipeline.Use{Check: c})
	}
	return l
}

// whole takes a message with recipients through all stages.
func whole(t *testing.T, tx *pipeline.Transaction, to ...string) []pipeline.Decision {
	t.Helper()
	if err := tx.Sender(t.Context(), pipeline.Envelope{MailFrom: path(t, "s@example.org")}); err != nil {
		t.Fatalf("Sender: %v", err)
	}
	return rest(t, tx, to...)
}

func TestStagesInOrder(t *testing.T) {
	t.Parallel()
	a, b := &checktest.Scripted{CheckName: "a"}, &checktest.Scripted{CheckName: "b"}
	tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(a, b)}).Begin(t.Context(), pipeline.Conn{})
	d := whole(t, tx, "one@example.org", "two@example.org")
	if len(d) != 2 || d[0].Refuse != nil || d[1].Refuse != nil {
		t.Fatalf("decisions %+v", d)
	}
	tx.Close()
	want := []string{"start", "connection", "sender", "recipient", "recipient", "message", "close"}
	for _, c := range []*checktest.Scripted{a, b} {
		if got := c.Calls(); !slices.Equal(got, want) {
			t.Errorf("check %s: called %v", c.Name(), got)
		}
	}
}

func TestNoChecks(t *testing.T) {
	t.Parallel()
	tx := pipeline.NewRunner(pipeline.RunnerOptions{}).Begin(t.Context(), pipeline.Conn{})
	defer tx.Close()
	if d := whole(t, tx, "one@example.org"); len(d) != 1 || d[0].Refuse != nil {
		t.Fatalf("decisions %+v", d)
	}
}

func TestChecksOfAStageRunTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, m pipeline.Message) (pipeline.Result, error) {
			time.Sleep(10 * time.Second)
			return pipeline.Result{Facts: []pipeline.Fact{{Name: "slow"}}}, nil
		}
		var checks []pipeline.Check
		for i := range 5 {
			checks = append(checks, &checktest.Scripted{CheckName: fmt.Sprint(i), OnMessage: slow})
		}
		tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(checks...)}).Begin(t.Context(), pipeline.Conn{})
		defer tx.Close()
		begin := time.Now()
		d := whole(t, tx, "one@example.org")
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		if n := strings.Count(string(d[0].Recipient.Auth), "slow"); n != 5 {
			t.Errorf("%d of 5 checks were heard", n)
		}
	})
}

func TestFirstOfEqualRefusalsCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refuse := func(text string, d time.Duration) func(context.Context, pipeline.Envelope) (pipeline.Result, error) {
			return func(context.Context, pipeline.Envelope) (pipeline.Result, error) {
				time.Sleep(d)
				return pipeline.Result{Verdict: pipeline.Reject, Reply: reply(550, "5.7.1", text)}, nil
			}
		}
		// The one that answers later stands first in the configuration.
		a := &checktest.Scripted{OnSender: refuse("first", time.Second)}
		b := &checktest.Scripted{OnSender: refuse("second", 0)}
		tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(a, b)}).Begin(t.Context(), pipeline.Conn{})
		defer tx.Close()
		if err := tx.Sender(t.Context(), pipeline.Envelope{}); err == nil || err.Text != "first" {
			t.Fatalf("got %v", err)
		}
	})
}

func TestRefusedConnectionAsksNothingMore(t *testing.T) {
	t.Parallel()
	c := &checktest.Scripted{OnConnection: func(context.Context) (pipeline.Result, error) {
		return pipeline.Result{Verdict: pipeline.Reject}, nil
	}}
	tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(c)}).Begin(t.Context(), pipeline.Conn{})
	if err := tx.Sender(t.Context(), pipeline.Envelope{}); err == nil || err.Code != 550 {
		t.Fatalf("got %v", err)
	}
	tx.Close()
	if got, want := c.Calls(), []string{"start", "connection", "close"}; !slices.Equal(got, want) {
		t.Fatalf("called %v", got)
	}
}

func TestRefusedRecipientIsNotOneOfTheMessage(t *testing.T) {
	t.Parallel()
	var seen []string
	c := &checktest.Scripted{
		OnRecipient: func(_ context.Context, to pipeline.Recipient) (pipeline.Result, error) {
			if to.Path.Localpart == "bad" {
				return pipeline.Result{}, reply(452, "4.2.2", "full")
			}
			return pipeline.Result{}, nil
		},
		OnMessage: func(_ context.Context, m pipeline.Message) (pipeline.Result, error) {
			for _, r := range m.Recipients {
				seen = append(seen, r.Path.String())
			}
			return pipeline.Result{Recipients: []pipeline.Result{{}, {Verdict: pipeline.Quarantine, Reason: "for-b"}}}, nil
		},
	}
	tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(c)}).Begin(t.Context(), pipeline.Conn{})
	defer tx.Close()
	tx.Sender(t.Context(), pipeline.Envelope{})
	if err := tx.Recipient(t.Context(), pipeline.Recipient{Path: path(t, "bad@example.org")}); err == nil || err.Code != 452 {
		t.Fatalf("got %v", err)
	}
	d := rest(t, tx, "a@example.org", "b@example.org")
	if want := []string{"a@example.org", "b@example.org"}; !slices.Equal(seen, want) {
		t.Fatalf("the check saw %v", seen)
	}
	if d[0].Recipient.Mailbox != "" || d[1].Recipient.Mailbox != pipeline.JunkMailbox || d[1].Reason != "for-b" {
		t.Fatalf("decisions %+v", d)
	}
}

// rest takes a message through the stages after the sender.
func rest(t *testing.T, tx *pipeline.Transaction, to ...string) []pipeline.Decision {
	t.Helper()
	for _, s := range to {
		if err := tx.Recipient(t.Context(), pipeline.Recipient{Path: path(t, s), Account: s}); err != nil {
			t.Fatalf("Recipient: %v", err)
		}
	}
	return tx.Message(t.Context(), pipeline.Envelope{ID: "x"}, spooled(t, simple), nil)
}

func TestFailingCheckHasNoOpinion(t *testing.T) {
	t.Parallel()
	boom := func(context.Context, pipeline.Message) (pipeline.Result, error) {
		return pipeline.Result{Verdict: pipeline.Reject}, errors.New("boom")
	}
	for name, c := range map[string]*checktest.Scripted{
		"start":          {OnStart: func(pipeline.Conn) error { return errors.New("boom") }},
		"message":        {OnMessage: boom},
		"panic in close": {OnClose: func() { panic("boom") }},
		"malformed header": {OnMessage: func(context.Context, pipeline.Message) (pipeline.Result, error) {
			return pipeline.Result{Prepend: []byte("\r\nboom\r\n")}, nil
		}},
		"other recipients": {OnMessage: func(context.Context, pipeline.Message) (pipeline.Result, error) {
			return pipeline.Result{Recipients: []pipeline.Result{{Verdict: pipeline.Reject}, {Verdict: pipeline.Reject, Reason: "boom"}}}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			log := slog.New(slog.NewTextHandler(&logged, nil))
			good := &checktest.Scripted{CheckName: "good", OnMessage: func(context.Context, pipeline.Message) (pipeline.Result, error) {
				return pipeline.Result{Prepend: []byte("Good: yes\r\n")}, nil
			}}
			tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(c, good), Log: log}).Begin(t.Context(), pipeline.Conn{ID: "c1"})
			d := whole(t, tx, "a@example.org")
			tx.Close()
			if d[0].Refuse != nil || string(d[0].Recipient.Prefix) != "Good: yes\r\n" {
				t.Errorf("decision %+v", d[0])
			}
			if !strings.Contains(logged.String(), "cid=c1") || name != "other recipients" && !strings.Contains(logged.String(), "boom") {
				t.Errorf("logged %q", logged.String())
			}
			if c.Open() != 0 || good.Open() != 0 {
				t.Error("a state was not closed")
			}
		})
	}
}

// A check that panics refuses for now what it was asked about, except one on which nothing depends.
func TestPanickingCheck(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"start", "connection", "sender", "recipient", "stream", "write", "message"} {
		for _, advisory := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, advisory %v", name, advisory), func(t *testing.T) {
				t.Parallel()
				boom := func(stage string) (pipeline.Result, error) {
					if stage == name {
						panic("boom")
					}
					return pipeline.Result{}, nil
				}
				c := &checktest.Scripted{
					OnStart:      func(pipeline.Conn) error { _, err := boom("start"); return err },
					OnConnection: func(context.Context) (pipeline.Result, error) { return boom("connection") },
					OnSender:     func(context.Context, pipeline.Envelope) (pipeline.Result, error) { return boom("sender") },
					OnRecipient:  func(context.Context, pipeline.Recipient) (pipeline.Result, error) { return boom("recipient") },
					OnMessage:    func(context.Context, pipeline.Message) (pipeline.Result, error) { return boom("message") },
					OnStream: func() io.Writer {
						boom("stream")
						return writerFunc(func(p []byte) (int, error) { boom("write"); return len(p), nil })
					},
				}
				var logged bytes.Buffer
				bugs := 0
				r := pipeline.NewRunner(pipeline.RunnerOptions{
					Checks: []pipeline.Use{{Check: c, Advisory: advisory}},
					Log:    slog.New(slog.NewTextHandler(&logged, nil)),
					Observe: func(_ string, _ pipeline.Stage, _ pipeline.Verdict, err error, _ time.Duration) {
						if _, ok := errors.AsType[*panics.Error](err); ok {
							bugs++
						}
					},
				})
				tx := r.Begin(t.Context(), pipeline.Conn{ID: "c1"})
				refused := dialogue(t, tx)
				tx.Close()
				if !advisory && (refused == nil || refused.Code != 451) || advisory && refused != nil {
					t.Errorf("refused with %v", refused)
				}
				if bugs != 1 || !strings.Contains(logged.String(), "cid=c1") || !strings.Contains(logged.String(), "TestPanickingCheck") {
					t.Errorf("%d bugs observed, logged %q", bugs, logged.String())
				}
				if c.Open() != 0 {
					t.Error("a state was not closed")
				}
			})
		}
	}
}

// dialogue takes a message for one recipient through all stages, as a server does, up to the first refusal.
func dialogue(t *testing.T, tx *pipeline.Transaction) *smtp.Error {
	t.Helper()
	if refused := tx.Sender(t.Context(), pipeline.Envelope{}); refused != nil {
		return refused
	}
	if refused := tx.Recipient(t.Context(), pipeline.Recipient{Account: "a"}); refused != nil {
		return refused
	}
	if w := tx.Stream(); w != nil {
		for range 2 {
			if n, err := io.WriteString(w, simple); n != len(simple) || err != nil {
				t.Errorf("the stream takes %d bytes, %v", n, err)
			}
		}
	}
	return tx.Message(t.Context(), pipeline.Envelope{}, spooled(t, simple), nil)[0].Refuse
}

// What a check would have said that breaks is not known; what others say counts still.
func TestPanickingCheckAmongOthers(t *testing.T) {
	t.Parallel()
	broken := &checktest.Scripted{OnMessage: func(context.Context, pipeline.Message) (pipeline.Result, error) { panic("boom") }}
	for _, tt := range []struct {
		name    string
		verdict pipeline.Verdict
		code    int
	}{{"no opinion", pipeline.Neutral, 451}, {"junk", pipeline.Quarantine, 451}, {"refusal for good", pipeline.Reject, 550}} {
		other := &checktest.Scripted{OnMessage: func(context.Context, pipeline.Message) (pipeline.Result, error) {
			return pipeline.Result{Verdict: tt.verdict}, nil
		}}
		tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(broken, other)}).Begin(t.Context(), pipeline.Conn{})
		if refused := dialogue(t, tx); refused == nil || refused.Code != tt.code {
			t.Errorf("%s: refused with %v, want %d", tt.name, refused, tt.code)
		}
		tx.Close()
	}
}

func TestCheckThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	for _, advisory := range []bool{false, true} {
		t.Run(fmt.Sprintf("advisory %v", advisory), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { testStuck(t, advisory) })
		})
	}
}

// testStuck has a check that does not heed its timeout.
func testStuck(t *testing.T, advisory bool) {
	forever := make(chan struct{})
	c := &checktest.Scripted{CheckName: "stuck", OnSender: func(context.Context, pipeline.Envelope) (pipeline.Result, error) {
		<-forever
		return pipeline.Result{Verdict: pipeline.Reject}, nil
	}}
	var mu sync.Mutex
	var observed []string
	r := pipeline.NewRunner(pipeline.RunnerOptions{
		Checks: []pipeline.Use{{Check: c, Timeout: 5 * time.Second, Advisory: advisory}},
		Observe: func(check string, stage pipeline.Stage, v pipeline.Verdict, err error, d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			observed = append(observed, fmt.Sprint(check, " ", stage, " ", v, " ", err, " ", d))
		},
	})
	tx := r.Begin(t.Context(), pipeline.Conn{})
	begin := time.Now()
	refused := dialogue(t, tx)
	if took := time.Since(begin); took != 6*time.Second {
		t.Errorf("waited %v", took)
	}
	if !advisory && (refused == nil || refused.Code != 451) || advisory && refused != nil {
		t.Errorf("refused with %v", refused)
	}
	tx.Close()
	synctest.Wait()
	if got, want := c.Calls(), []string{"start", "connection", "sender"}; !slices.Equal(got, want) {
		t.Errorf("called %v while the stage runs", got)
	}
	time.Sleep(time.Minute)
	close(forever)
	synctest.Wait()
	if c.Open() != 0 {
		t.Error("the state was not closed when the stage returned")
	}
	want := []string{"stuck start neutral <nil> 0s", "stuck connection neutral <nil> 0s", "stuck sender reject <nil> 1m6s"}
	if !slices.Equal(observed, want) {
		t.Errorf("observed %q", observed)
	}
}

func TestCheckHeedsItsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &checktest.Scripted{OnSender: func(ctx context.Context, _ pipeline.Envelope) (pipeline.Result, error) {
			<-ctx.Done()
			return pipeline.Result{}, ctx.Err()
		}}
		tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(c)}).Begin(t.Context(), pipeline.Conn{})
		begin := time.Now()
		whole(t, tx, "a@example.org")
		if took := time.Since(begin); took != pipeline.DefaultTimeout {
			t.Errorf("waited %v", took)
		}
		tx.Close()
		if got := c.Calls(); !slices.Contains(got, "message") {
			t.Errorf("a check that returned in time is not asked again: %v", got)
		}
	})
}

func TestStreams(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	var failed int
	a := &checktest.Scripted{OnStream: func() io.Writer { return &got }}
	b := &checktest.Scripted{OnStream: func() io.Writer {
		return writerFunc(func([]byte) (int, error) { failed++; return 0, errors.New("enough") })
	}}
	tx := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(b, &checktest.Scripted{}, a)}).Begin(t.Context(), pipeline.Conn{})
	defer tx.Close()
	s := pipeline.NewSpool(t.TempDir(), 10)
	defer s.Close()
	w := io.MultiWriter(tx.Stream(), s)
	for _, piece := range []string{"From: a@exam", "ple.org\r\n\r\n", "\xe2", "body\r\n"} {
		if _, err := io.WriteString(w, piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	want := "From: a@example.org\r\n\r\n\xe2body\r\n"
	if got.String() != want {
		t.Errorf("streamed %q", got.String())
	}
	if failed != 1 {
		t.Errorf("a failed sink was written to %d times", failed)
	}
	content, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
	if err != nil || string(content) != want {
		t.Errorf("read back %q, %v", content, err)
	}
	if s.Root() == nil || s.Root().BodyOffset != 23 || !s.EightBit() {
		t.Errorf("root %+v, eight bit %v", s.Root(), s.EightBit())
	}
	if spooled(t, simple).EightBit() {
		t.Error("ASCII is taken for 8-bit content")
	}
	none := pipeline.NewRunner(pipeline.RunnerOptions{Checks: uses(&checktest.Scripted{})}).Begin(t.Context(), pipeline.Conn{})
	defer none.Close()
	if none.Stream() != nil {
		t.Error("a stream for checks that want none")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSpoolTellsOfAFullDisk(t *testing.T) {
	t.Parallel()
	s := pipeline.NewSpool("/nonexistent", -1)
	defer s.Close()
	if _, err := s.Write([]byte("x")); err == nil {
		t.Fatal("no error")
	}
}

func BenchmarkRunner(b *testing.B) {
	for _, n := range []int{0, 1, 5} {
		b.Run(fmt.Sprint(n, " checks"), func(b *testing.B) {
			var checks []pipeline.Use
			for range n {
				checks = append(checks, pipeline.Use{Check: nop{}})
			}
			r := pipeline.NewRunner(pipeline.RunnerOptions{Checks: checks})
			body := pipeline.NewSpool("", 0)
			defer body.Close()
			body.Finish()
			b.ReportAllocs()
			for b.Loop() {
				tx := r.Begin(b.Context(), pipeline.Conn{})
				tx.Sender(b.Context(), pipeline.Envelope{})
				tx.Recipient(b.Context(), pipeline.Recipient{})
				tx.Message(b.Context(), pipeline.Envelope{}, body, nil)
				tx.Close()
			}
		})
	}
}

// nop is a check without opinion.
type nop struct{}

func (nop) Name() string { return "nop" }
func (nop) Start(context.Context, pipeline.Conn) (pipeline.CheckState, error) {
	return pipeline.NopState{}, nil
}

// promptCheck waits in no stage but that of the recipient.
type promptCheck struct {
	pipeline.NopState
	caller *string // Goroutine of the last call.
}

func (c promptCheck) Name() string { return "prompt" }

func (c promptCheck) Start(context.Context, pipeline.Conn) (pipeline.CheckState, error) {
	return c, nil
}

func (promptCheck) Prompt(s pipeline.Stage) bool { return s != pipeline.StageRecipient }

func (c promptCheck) Sender(context.Context, pipeline.Envelope) (pipeline.Result, error) {
	*c.caller = goroutine()
	return pipeline.Result{Verdict: pipeline.Quarantine}, nil
}

func (c promptCheck) Recipient(context.Context, pipeline.Recipient) (pipeline.Result, error) {
	*c.caller = goroutine()
	return pipeline.Result{}, nil
}

func (promptCheck) Message(context.Context, pipeline.Message) (pipeline.Result, error) {
	panic("broken")
}

// goroutine names the one that calls.
func goroutine() string {
	b := make([]byte, 64)
	name, _, _ := strings.Cut(string(b[:runtime.Stack(b, false)]), " [")
	return name
}

// Stages that do not wait run in the dialogue's goroutine, others do not; both are held to the contract.
func TestPromptStages(t *testing.T) {
	t.Parallel()
	var caller string
	var failed error
	r := pipeline.NewRunner(pipeline.RunnerOptions{
		Checks: uses(promptCheck{caller: &caller}, &checktest.Scripted{}),
		Observe: func(_ string, stage pipeline.Stage, _ pipeline.Verdict, err error, _ time.Duration) {
			if stage == pipeline.StageMessage && err != nil {
				failed = err
			}
		},
	})
	tx := r.Begin(t.Context(), pipeline.Conn{})
	defer tx.Close()
	if reply := tx.Sender(t.Context(), pipeline.Envelope{}); reply != nil || caller != goroutine() {
		t.Errorf("sender: %v, in %s of %s", reply, caller, goroutine())
	}
	if reply := tx.Recipient(t.Context(), pipeline.Recipient{Account: "a"}); reply != nil || caller == goroutine() {
		t.Errorf("recipient: %v, in %s", reply, caller)
	}
	d := tx.Message(t.Context(), pipeline.Envelope{}, spooled(t, simple), nil)
	if failed == nil || len(d) != 1 || d[0].Refuse == nil || d[0].Refuse.Code != 451 {
		t.Errorf("message: %v, decisions %+v", failed, d)
	}
}

// immediateCheck has its answer at once, or not.
type immediateCheck struct {
	pipeline.NopState
	now    func() (pipeline.Result, bool, error)
	waited *bool
}

func (immediateCheck) Name() string { return "immediate" }

func (c immediateCheck) Start(context.Context, pipeline.Conn) (pipeline.CheckState, error) {
	return c, nil
}

func (c immediateCheck) MessageNow(pipeline.Message) (pipeline.Result, bool, error) { return c.now() }

func (c immediateCheck) Message(context.Context, pipeline.Message) (pipeline.Result, error) {
	*c.waited = true
	return pipeline.Result{Verdict: pipeline.Quarantine}, nil
}

// A check that has its answer is not asked for it again, one that has not is.
func TestImmediate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                  string
		now                   func() (pipeline.Result, bool, error)
		waits, fails, refused bool
		mailbox               string
	}{
		{"has it", func() (pipeline.Result, bool, error) { return pipeline.Result{}, true, nil }, false, false, false, ""},
		{"refuses", func() (pipeline.Result, bool, error) { return pipeline.Result{Verdict: pipeline.Reject}, true, nil }, false, false, true, pipeline.RejectsMailbox},
		{"waits", func() (pipeline.Result, bool, error) { return pipeline.Result{Verdict: pipeline.Reject}, false, nil }, true, false, false, pipeline.JunkMailbox},
		{"fails", func() (pipeline.Result, bool, error) { return pipeline.Result{}, true, errors.New("broken") }, false, true, false, ""},
		{"panics", func() (pipeline.Result, bool, error) { panic("broken") }, false, true, true, pipeline.RejectsMailbox},
	} {
		var waited, failed bool
		calls := 0
		r := pipeline.NewRunner(pipeline.RunnerOptions{
			Checks: uses(immediateCheck{now: tt.now, waited: &waited}),
			Observe: func(_ string, stage pipeline.Stage, _ pipeline.Verdict, err error, _ time.Duration) {
				if stage == pipeline.StageMessage {
					calls++
					failed = err != nil
				}
			},
		})
		tx := r.Begin(t.Context(), pipeline.Conn{})
		defer tx.Close()
		tx.Sender(t.Context(), pipeline.Envelope{})
		tx.Recipient(t.Context(), pipeline.Recipient{Account: "a"})
		d := tx.Message(t.Context(), pipeline.Envelope{}, spooled(t, simple), nil)
		if waited != tt.waits || failed != tt.fails || calls != 1 || (d[0].Refuse != nil) != tt.refused || d[0].Recipient.Mailbox != tt.mailbox {
			t.Errorf("%s: waited %v, failed %v, %d calls, %+v", tt.name, waited, failed, calls, d)
		}
	}
}
