package checks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mox/internal/ratelimit"
	"mox/pipeline"
	"mox/smtp"
)

// FirstTimeOptions are the options of NewFirstTime. All but Now are required.
type FirstTimeOptions struct {
	// Limit returns to how many recipients outside, to whom it has never sent before, an account may send in 24 hours. Zero
	// is no limit.
	Limit func(account string) int

	// HasSentTo tells whether an account has sent to a recipient before.
	HasSentTo func(ctx context.Context, account string, to smtp.Path) (bool, error)

	Now func() time.Time // Default: time.Now.
}

// FirstTime refuses recipients that an account has never sent to once these were many: who writes to strangers all day
// has stolen the password. It counts in memory, a restart forgives. It is safe for concurrent use.
type FirstTime struct {
	opts FirstTimeOptions

	mu    sync.Mutex                         // Guards added.
	added map[int]*ratelimit.Limiter[string] // New recipients of accounts, by limit.
}

var _ pipeline.Check = (*FirstTime)(nil)

// NewFirstTime returns a FirstTime.
func NewFirstTime(opts FirstTimeOptions) *FirstTime {
	return &FirstTime{opts: opts, added: map[int]*ratelimit.Limiter[string]{}}
}

// Name implements pipeline.Check.
func (*FirstTime) Name() string { return "firsttime" }

// Start implements pipeline.Check.
func (f *FirstTime) Start(_ context.Context, conn pipeline.Conn) (pipeline.CheckState, error) {
	if !conn.Submission || conn.Account == "" {
		return pipeline.NopState{}, nil
	}
	limit := f.opts.Limit(conn.Account)
	if limit == 0 {
		return pipeline.NopState{}, nil
	}
	return firstTimeState{check: f, account: conn.Account, limit: limit}, nil
}

type firstTimeState struct {
	pipeline.NopState
	check   *FirstTime
	account string
	limit   int
}

// Prompt implements pipeline.Prompter.
func (firstTimeState) Prompt(pipeline.Stage) bool { return true }

// Recipient implements pipeline.CheckState.
func (s firstTimeState) Recipient(ctx context.Context, to pipeline.Recipient) (pipeline.Result, error) {
	if to.Account != "" {
		return pipeline.Result{}, nil // Mail between accounts here harms nobody's name.
	}
	known, err := s.check.opts.HasSentTo(ctx, s.account, to.Path)
	if err != nil || known || s.check.counter(s.limit).Allow(s.account, 1) {
		return pipeline.Result{}, err
	}
	text := fmt.Sprintf("limit of recipients that you never sent to before is reached, %d in 24 hours, try again later", s.limit)
	return pipeline.Result{
		Verdict: pipeline.Reject,
		Reply:   smtp.NewError(smtp.C450MailboxUnavailable, smtp.E471NotAuthorized, text, nil),
		Reason:  "firsttime",
	}, nil
}

func (f *FirstTime) counter(limit int) *ratelimit.Limiter[string] {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.added[limit]
	if c == nil {
		c = ratelimit.New[string](ratelimit.Options{Rates: []ratelimit.Rate{{Period: 24 * time.Hour, Max: int64(limit)}}, Now: f.opts.Now})
		f.added[limit] = c
	}
	return c
}
