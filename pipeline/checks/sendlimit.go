package checks

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"mox/internal/ratelimit"
	"mox/pipeline"
	"mox/smtp"
)

// SendLimits are how much an account may send. Zero is no limit.
type SendLimits struct {
	MessagesPerHour   int // Messages begun, whatever becomes of them and how many recipients they have.
	RecipientsPerHour int
	RecipientsPerDay  int // In 24 hours.
}

// SendLimit refuses messages and recipients that are submitted once an account has sent to many, so
// that a stolen password does limited damage. It counts in memory: a restart forgives. It is
// made by NewSendLimit and safe for concurrent use.
type SendLimit struct {
	limits func(account string) SendLimits
	now    func() time.Time

	mu sync.Mutex // Guards sent.
	// Counters of accounts, by limits: few accounts have some of their own.
	sent map[SendLimits]sent
}

// sent counts what accounts with the same limits have sent.
type sent struct{ messages, recipients *ratelimit.Limiter[string] }

var _ pipeline.Check = (*SendLimit)(nil)

// NewSendLimit returns a SendLimit. After a change of the limits of an account counting begins anew. A nil now
// means time.Now.
func NewSendLimit(limits func(account string) SendLimits, now func() time.Time) *SendLimit {
	return &SendLimit{limits: limits, now: now, sent: map[SendLimits]sent{}}
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

// Prompt implements pipeline.Prompter.
func (sendLimitState) Prompt(pipeline.Stage) bool { return true }

// Sender implements pipeline.CheckState.
func (s sendLimitState) Sender(context.Context, pipeline.Envelope) (pipeline.Result, error) {
	limits := s.check.limits(s.account)
	if s.check.counters(limits).messages.Allow(s.account, 1) {
		return pipeline.Result{}, nil
	}
	return overLimit("messages", limits.MessagesPerHour, 0)
}

// Recipient implements pipeline.CheckState.
func (s sendLimitState) Recipient(context.Context, pipeline.Recipient) (pipeline.Result, error) {
	limits := s.check.limits(s.account)
	if s.check.counters(limits).recipients.Allow(s.account, 1) {
		return pipeline.Result{}, nil
	}
	return overLimit("recipients", limits.RecipientsPerHour, limits.RecipientsPerDay)
}

// overLimit refuses for now: the client keeps the message and tries again.
func overLimit(what string, perHour, perDay int) (pipeline.Result, error) {
	var l []string
	if perHour > 0 {
		l = append(l, fmt.Sprintf("%d in an hour", perHour))
	}
	if perDay > 0 {
		l = append(l, fmt.Sprintf("%d in 24 hours", perDay))
	}
	text := "limit of " + what + " is reached, " + strings.Join(l, " and ") + ", try again later"
	return pipeline.Result{
		Verdict: pipeline.Reject,
		Reply:   smtp.NewError(smtp.C450MailboxUnavailable, smtp.E471NotAuthorized, text, nil),
		Reason:  "sendlimit",
	}, nil
}

func (s *SendLimit) counters(l SendLimits) sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.sent[l]
	if !ok {
		limiter := func(rates ...ratelimit.Rate) *ratelimit.Limiter[string] {
			return ratelimit.New[string](ratelimit.Options{Rates: rates, Now: s.now})
		}
		c = sent{
			messages:   limiter(ratelimit.Rate{Period: time.Hour, Max: int64(l.MessagesPerHour)}),
			recipients: limiter(ratelimit.Rate{Period: time.Hour, Max: int64(l.RecipientsPerHour)}, ratelimit.Rate{Period: 24 * time.Hour, Max: int64(l.RecipientsPerDay)}),
		}
		s.sent[l] = c
	}
	return c
}
