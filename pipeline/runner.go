package pipeline

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"mox/internal/panics"
	"mox/smtp"
)

// DefaultTimeout is how long a check may take per stage when its Use does not say. The
// client's patience is longer: five minutes for MAIL and RCPT, ten after the data
// (RFC 5321 §4.5.3.2).
const DefaultTimeout = 30 * time.Second

// grace is how long after the end of its context a stage may still return.
const grace = time.Second

// Stage is a moment in the dialogue at which checks are asked.
type Stage uint8

// Stages, in order.
const (
	StageStart Stage = iota
	StageConnection
	StageSender
	StageRecipient
	StageMessage
)

func (s Stage) String() string {
	names := [...]string{"start", "connection", "sender", "recipient", "message"}
	if int(s) < len(names) {
		return names[s]
	}
	return "invalid"
}

// Use is a check as a listener uses it.
type Use struct {
	Check   Check
	Timeout time.Duration // Per stage. Zero means DefaultTimeout.

	// Advisory says that what the check finds is only noted, so that a message goes on when it breaks. Otherwise
	// that refuses for now what it was asked about, as nobody knows what it would have said.
	Advisory bool
}

// RunnerOptions for NewRunner.
type RunnerOptions struct {
	Checks   []Use  // In order; among equally strict opinions the first one counts.
	Hostname string // For Authentication-Results.

	Log *slog.Logger // Default: discard.

	// Observe, if not nil, is told of every call of a check; of one that panics with a *panics.Error. It must be
	// fast and is called by several goroutines.
	Observe func(check string, stage Stage, verdict Verdict, err error, d time.Duration)
}

// Runner drives checks. It is safe for concurrent use.
type Runner struct {
	opts RunnerOptions
}

// NewRunner returns a runner.
func NewRunner(opts RunnerOptions) *Runner {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Runner{opts}
}

// Transaction is one message on its way through the checks. Its methods are called by one
// goroutine, in the order of the stages. The caller must Close it.
type Transaction struct {
	r          *Runner
	cid        string // Of the connection, for logs.
	checks     []*run
	message    Outcome
	recipients []Judged
}

// run is one check at work on one message.
type run struct {
	use   Use
	state CheckState

	// lost is set when a stage was left behind; its goroutine then owns the state.
	lost bool

	now *answer // To the message stage, if it is known before.
}

// Begin starts a message. The context is that of the whole message and should not end
// before Close.
func (r *Runner) Begin(ctx context.Context, conn Conn) *Transaction {
	t := &Transaction{r: r, cid: conn.ID}
	for _, u := range r.opts.Checks {
		state, err := r.start(ctx, u, conn)
		if bug, ok := errors.AsType[*panics.Error](err); ok {
			t.message.Add(u.Check.Name(), t.broken(u, StageStart, bug))
			continue
		}
		if err != nil {
			t.log().Error("check cannot start", "check", u.Check.Name(), "err", err)
			continue
		}
		if state == (NopState{}) {
			continue
		}
		t.checks = append(t.checks, &run{use: u, state: state})
	}
	return t
}

// log returns the logger, which few messages need.
func (t *Transaction) log() *slog.Logger { return t.r.opts.Log.With("cid", t.cid) }

func (r *Runner) start(ctx context.Context, u Use, conn Conn) (state CheckState, err error) {
	begin := time.Now()
	defer func() {
		if x := recover(); x != nil {
			err = panics.Recovered(x)
		}
		r.observe(u, StageStart, Neutral, err, begin)
	}()
	return u.Check.Start(ctx, conn)
}

func (r *Runner) observe(u Use, stage Stage, v Verdict, err error, begin time.Time) {
	if r.opts.Observe != nil {
		r.opts.Observe(u.Check.Name(), stage, v, err, time.Since(begin))
	}
}

// Sender runs the connection and sender stages. A non-nil error is the refusal.
func (t *Transaction) Sender(ctx context.Context, env Envelope) *smtp.Error {
	if t.message.Reply == nil {
		t.all(ctx, StageConnection, &t.message, nil, func(ctx context.Context, s CheckState) (Result, error) { return s.Connection(ctx) })
	}
	if t.message.Reply == nil {
		t.all(ctx, StageSender, &t.message, nil, func(ctx context.Context, s CheckState) (Result, error) { return s.Sender(ctx, env) })
	}
	return t.message.Reply
}

// Recipient runs the recipient stage. If it returns nil the recipient is one of the message,
// else it is refused with that reply.
func (t *Transaction) Recipient(ctx context.Context, to Recipient) *smtp.Error {
	var o Outcome
	t.all(ctx, StageRecipient, &o, nil, func(ctx context.Context, s CheckState) (Result, error) { return s.Recipient(ctx, to) })
	if o.Reply == nil {
		t.recipients = append(t.recipients, Judged{to, o})
	}
	return o.Reply
}

// Recipients returns the recipients accepted so far. The slice must not be changed.
func (t *Transaction) Recipients() []Recipient {
	l := make([]Recipient, len(t.recipients))
	for i, j := range t.recipients {
		l[i] = j.Recipient
	}
	return l
}

// Stream returns what hands the message, while it arrives, to the checks that want it; nil if none
// does. Its Write always succeeds: the first error of a check ends the stream to it, and a panic is its answer
// in the message stage.
func (t *Transaction) Stream() io.Writer {
	var l streams
	for _, c := range t.checks {
		if s, ok := c.state.(Streamer); ok && !c.lost {
			st := &stream{t: t, c: c}
			st.guard(func() { st.w = s.Stream() })
			l = append(l, st)
		}
	}
	if len(l) == 0 {
		return nil
	}
	return l
}

type streams []*stream

func (l streams) Write(p []byte) (int, error) {
	for _, s := range l {
		s.write(p)
	}
	return len(p), nil
}

// stream is the way of the bytes to one check.
type stream struct {
	t *Transaction
	c *run
	w io.Writer // Nil once the check wants no more.
}

func (s *stream) write(p []byte) {
	if s.w == nil {
		return
	}
	s.guard(func() {
		if _, err := s.w.Write(p); err != nil {
			s.w = nil
		}
	})
}

// guard calls a function of the check.
func (s *stream) guard(f func()) {
	begin := time.Now()
	if bug := panics.Catch(f); bug != nil {
		s.w = nil
		s.c.now = &answer{err: bug}
		s.t.r.observe(s.c.use, StageMessage, Neutral, bug, begin)
	}
}

// Message runs the message stage and decides, with a decision per recipient in the order of
// Recipients. trace is header fields that every copy gets.
func (t *Transaction) Message(ctx context.Context, env Envelope, body Body, trace []byte) []Decision {
	m := Message{Envelope: env, Recipients: t.Recipients(), Body: body}
	for _, c := range t.checks {
		if !c.lost && c.now == nil && !c.prompt(StageMessage) {
			c.now = t.messageNow(c, m)
		}
	}
	t.all(ctx, StageMessage, &t.message, t.recipients, func(ctx context.Context, s CheckState) (Result, error) { return s.Message(ctx, m) })
	return Decide(Header{Hostname: t.r.opts.Hostname, Trace: trace}, t.message, t.recipients)
}

// Close ends the message for all checks.
func (t *Transaction) Close() {
	for _, c := range t.checks {
		if !c.lost {
			t.close(c)
		}
	}
	t.checks = nil
}

func (t *Transaction) close(c *run) {
	if bug := panics.Catch(c.state.Close); bug != nil {
		t.log().Error("check failed", "check", c.use.Check.Name(), "stage", "close", "err", bug, "stack", string(bug.Stack))
	}
}

// answer is what came back from one check.
type answer struct {
	result Result
	err    error
}

// all asks all checks at the same time and adds what they say, in their order, to o, and
// opinions on single recipients to those.
func (t *Transaction) all(ctx context.Context, stage Stage, o *Outcome, recipients []Judged, ask func(context.Context, CheckState) (Result, error)) {
	var waits []func() (answer, bool) // Nil, or one for each check.
	for i, c := range t.checks {
		if c.lost || c.now != nil || c.prompt(stage) {
			continue
		}
		if waits == nil {
			waits = make([]func() (answer, bool), len(t.checks))
		}
		waits[i] = t.ask(ctx, c, stage, ask)
	}
	for i, c := range t.checks {
		var a answer
		switch {
		case c.lost:
			continue
		case c.now != nil:
			a = *c.now
		case waits == nil || waits[i] == nil:
			a = t.call(ctx, c, stage, ask)
		default:
			var ok bool
			if a, ok = waits[i](); !ok {
				c.lost = true
				a = answer{err: errStuck}
			}
		}
		name := c.use.Check.Name()
		r := t.verify(c.use, stage, a, len(recipients))
		o.Add(name, r)
		for j, rr := range r.Recipients {
			recipients[j].Outcome.Add(name, rr)
		}
	}
}

// prompt tells whether a stage of the check does not wait.
func (r *run) prompt(stage Stage) bool {
	p, ok := r.state.(Prompter)
	return ok && p.Prompt(stage)
}

// ask asks one check in a goroutine. The function it returns waits for the answer, and
// returns false if there was none in time.
func (t *Transaction) ask(ctx context.Context, c *run, stage Stage, ask func(context.Context, CheckState) (Result, error)) func() (answer, bool) {
	timeout := c.use.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	sctx, cancel := context.WithTimeout(ctx, timeout)
	answers := make(chan answer) // Not buffered: a send that nobody waits for fails.
	gone := make(chan struct{})
	go func() {
		defer cancel()
		a := t.call(sctx, c, stage, ask)
		select {
		case answers <- a:
		case <-gone:
			t.close(c)
		}
	}()
	return func() (answer, bool) {
		select {
		case a := <-answers:
			return a, true
		case <-sctx.Done():
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case a := <-answers:
			return a, true
		case <-timer.C:
			close(gone)
			return answer{}, false
		}
	}
}

// messageNow returns the answer of a check that needs not wait for it, else nil.
func (t *Transaction) messageNow(c *run, m Message) (a *answer) {
	state, ok := c.state.(Immediate)
	if !ok {
		return nil
	}
	begin := time.Now()
	defer func() {
		if x := recover(); x != nil {
			a = &answer{err: panics.Recovered(x)}
		}
		if a != nil {
			t.r.observe(c.use, StageMessage, a.result.Verdict, a.err, begin)
		}
	}()
	r, ok, err := state.MessageNow(m)
	if !ok {
		return nil
	}
	return &answer{r, err}
}

func (t *Transaction) call(ctx context.Context, c *run, stage Stage, ask func(context.Context, CheckState) (Result, error)) (a answer) {
	begin := time.Now()
	defer func() {
		if x := recover(); x != nil {
			a = answer{err: panics.Recovered(x)}
		}
		t.r.observe(c.use, stage, a.result.Verdict, a.err, begin)
	}()
	r, err := ask(ctx, c.state)
	return answer{r, err}
}

// verify turns an answer into a Result that keeps the contract. A check may be somebody
// else's program, and what it says ends up in headers and replies.
func (t *Transaction) verify(u Use, stage Stage, a answer, recipients int) Result {
	complain := func(text string, attrs ...any) {
		t.log().With("check", u.Check.Name(), "stage", stage).Error(text, attrs...)
	}
	if a.err != nil {
		if reply, ok := errors.AsType[*smtp.Error](a.err); ok {
			return Result{Verdict: Reject, Reply: reply}
		}
		if _, ok := errors.AsType[*panics.Error](a.err); ok || a.err == errStuck {
			return t.broken(u, stage, a.err)
		}
		complain("check failed", "err", a.err)
		return Result{}
	}
	r := a.result
	if len(r.Recipients) > 0 && len(r.Recipients) != recipients {
		complain("check speaks of other recipients than there are, ignored", "recipients", len(r.Recipients))
		r.Recipients = nil
	}
	clean := func(r *Result) {
		if len(r.Prepend) > 0 && !ValidFields(r.Prepend) {
			complain("check gives malformed header fields, ignored", "fields", string(r.Prepend))
			r.Prepend = nil
		}
	}
	clean(&r)
	for i := range r.Recipients {
		clean(&r.Recipients[i])
	}
	return r
}

// errStuck is the answer of a check that was left behind.
var errStuck = errors.New("check does not return")

// broken returns what follows from a bug in a check: a panic, or errStuck.
func (t *Transaction) broken(u Use, stage Stage, err error) Result {
	log := t.log().With("check", u.Check.Name(), "stage", stage, "err", err)
	if bug, ok := errors.AsType[*panics.Error](err); ok {
		log = log.With("stack", string(bug.Stack))
	}
	if u.Advisory {
		log.Error("bug: check breaks, going on without it")
		return Result{}
	}
	log.Error("bug: check breaks, refusing for now what it was asked about")
	return Result{Verdict: Reject, Reason: "broken", Reply: smtp.NewError(smtp.C451LocalError, smtp.E430SystemOther, "a check of the message failed, try again later", err)}
}
