package checks

import (
	"context"

	"mox/pipeline"
	"mox/smtp"
)

// Quota refuses recipients whose account is full, so that the client hears of it before it
// sends the message. What slips through is refused when the message is delivered.
type Quota struct {
	// Usage returns how many bytes an account holds and may hold, zero for no limit.
	Usage func(ctx context.Context, account string) (used, limit int64, err error)
}

var _ pipeline.Check = Quota{}

// Name implements pipeline.Check.
func (Quota) Name() string { return "quota" }

// Start implements pipeline.Check.
func (q Quota) Start(context.Context, pipeline.Conn) (pipeline.CheckState, error) {
	return &quotaState{check: q}, nil
}

type quotaState struct {
	pipeline.NopState
	check Quota
	size  int64
}

// Prompt implements pipeline.Prompter.
func (*quotaState) Prompt(pipeline.Stage) bool { return true }

func (s *quotaState) Sender(_ context.Context, env pipeline.Envelope) (pipeline.Result, error) {
	s.size = env.Size
	return pipeline.Result{}, nil
}

func (s *quotaState) Recipient(ctx context.Context, to pipeline.Recipient) (pipeline.Result, error) {
	if to.Account == "" {
		return pipeline.Result{}, nil
	}
	used, limit, err := s.check.Usage(ctx, to.Account)
	if err != nil {
		return pipeline.Result{}, err
	}
	// An announced size of zero, or none, is a message of at least one byte.
	size := max(s.size, 1)
	var reply *smtp.Error
	switch {
	case limit == 0 || used+size <= limit:
		return pipeline.Result{}, nil
	case size > limit:
		// It will never fit.
		reply = smtp.NewError(smtp.C552MailboxFull, smtp.E522MailboxFull, "message is larger than the mailbox may be", nil)
	default:
		reply = smtp.NewError(smtp.C452StorageFull, smtp.E422MailboxFull, "mailbox is full", nil)
	}
	return pipeline.Result{Verdict: pipeline.Reject, Reply: reply, Reason: "quota"}, nil
}
