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

// SendLimit refuses recipients of submitted messages once an account has sent to many
// within 24 hours, so that a stolen password does limited damage. It counts in memory: a
// restart forgives. It is made by NewSendLimit and safe for concurrent use.
type SendLimit struct {
	limit func(account string) int
	now   func() time.Time

	mu sync.Mutex // Guards sent.
	// Counters of accounts, by limit: few accounts have one of their own.
	sent map[int]*ratelimit.Limiter[string]
}

var _ pipeline.Check = (*SendLimit)(nil)

// NewSendLimit returns a SendLimit. The limit of an account is the number of recipients
// in 24 hours, zero for no limit; after a change of it counting begins anew. A nil now
// means time.Now.
func NewSendLimit(limit func(account string) int, now func() time.Time) *SendLimit {
	return &SendLimit{limit: limit, now: now, sent: map[int]*ratelimit.Limiter[string]{}}
}

// Name implements pipeline.Check.
func (*SendLimit) Name() string { return "sendlimit" }

// Start implements pipeline.Check.
func (s *SendLimit) Start(_ context.Context, conn pipeline.Conn) (pipeline.CheckState, error) {
	if !conn.Submission || conn.Account == "" {
		return pipeline.NopState{}, nil
	}
	return sendLimitState{check: s, account: conn.Account}, nil
}

type sendLimitState struct {
	pipeline.NopState
	check   *SendLimit
	account string
}

// Recipient implements pipeline.CheckState.
func (s sendLimitState) Recipient(context.Context, pipeline.Recipient) (pipeline.Result, error) {
	limit := s.check.limit(s.account)
	if limit <= 0 || s.check.limiter(limit).Allow(s.account, 1) {
		return pipeline.Result{}, nil
	}
	text := fmt.Sprintf("limit of %d recipients in 24 hours is reached, try again later", limit)
	return pipeline.Result{
		Verdict: pipeline.Reject,
		Reply:   smtp.NewError(smtp.C450MailboxUnavailable, smtp.E571NotAuthorized.Of(4), text, nil),
		Reason:  "sendlimit",
	}, nil
}

func (s *SendLimit) limiter(limit int) *ratelimit.Limiter[string] {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.sent[limit]
	if l == nil {
		l = ratelimit.New[string](ratelimit.Options{
			Rates: []ratelimit.Rate{{Period: 24 * time.Hour, Max: int64(limit)}},
			Now:   s.now,
		})
		s.sent[limit] = l
	}
	return l
}
