package checks

import (
	"context"
	"strconv"
	"strings"
	"time"

	"mox/pipeline"
	"mox/smtp"
)

// TestAddress gives the answer that an address asks for, so that people who develop software
// can see what theirs does with it. It is meant for localserve only.
//
// A localpart that ends in "temperror" or "permerror", in a three-digit reply code from 400
// to 599, or in "timeout" asks for that failure. Recipients get it when the message has been
// sent, or at RCPT if the localpart begins with "rcptto"; reverse-paths that begin with
// "mailfrom" get it at MAIL. One such recipient fails the message for all.
//
// A localpart that begins with "queue" is accepted in a submission: it fails later, when the
// queue delivers it, with the answer it asks for or else as with "permerror".
type TestAddress struct {
	// Timeout is how long a "timeout" waits before it answers with 451. The check must be
	// used with a longer pipeline.Use.Timeout. Zero means one hour.
	Timeout time.Duration

	// Stop, once closed, ends all waiting with that answer. Nil never does.
	Stop <-chan struct{}
}

var _ pipeline.Check = TestAddress{}

// Name implements pipeline.Check.
func (TestAddress) Name() string { return "testaddress" }

// Start implements pipeline.Check.
func (c TestAddress) Start(_ context.Context, conn pipeline.Conn) (pipeline.CheckState, error) {
	if c.Timeout == 0 {
		c.Timeout = time.Hour
	}
	return &testAddressState{check: c, submission: conn.Submission}, nil
}

type testAddressState struct {
	pipeline.NopState
	check      TestAddress
	submission bool
}

// Prompt implements pipeline.Prompter.
func (*testAddressState) Prompt(stage pipeline.Stage) bool { return stage == pipeline.StageConnection }

func (s *testAddressState) Sender(ctx context.Context, env pipeline.Envelope) (pipeline.Result, error) {
	l := string(env.MailFrom.Localpart)
	if !strings.HasPrefix(l, "mailfrom") {
		return pipeline.Result{}, nil
	}
	return s.answer(ctx, l)
}

func (s *testAddressState) Recipient(ctx context.Context, to pipeline.Recipient) (pipeline.Result, error) {
	l := string(to.Path.Localpart)
	if !strings.HasPrefix(l, "rcptto") {
		return pipeline.Result{}, nil
	}
	return s.answer(ctx, l)
}

func (s *testAddressState) Message(ctx context.Context, m pipeline.Message) (pipeline.Result, error) {
	for _, to := range m.Recipients {
		l := string(to.Path.Localpart)
		queued := strings.HasPrefix(l, "queue")
		if queued && s.submission {
			continue
		}
		r, err := s.answer(ctx, l)
		if err == nil && queued && r.Verdict == pipeline.Neutral {
			r = refusal(smtp.C554TransactionFailed)
		}
		if err != nil || r.Verdict != pipeline.Neutral {
			return r, err
		}
	}
	return pipeline.Result{}, nil
}

// answer gives what the localpart asks for.
func (s *testAddressState) answer(ctx context.Context, localpart string) (pipeline.Result, error) {
	code := 0
	switch {
	case strings.HasSuffix(localpart, "temperror"):
		code = smtp.C451LocalError
	case strings.HasSuffix(localpart, "permerror"):
		code = smtp.C554TransactionFailed
	case strings.HasSuffix(localpart, "timeout"):
		timer := time.NewTimer(s.check.Timeout)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-s.check.Stop:
		case <-timer.C:
		}
		code = smtp.C451LocalError
	default:
		code = replyCode(localpart)
	}
	if code == 0 {
		return pipeline.Result{}, nil
	}
	return refusal(code), nil
}

// refusal is the failure with a reply code.
func refusal(code int) pipeline.Result {
	return pipeline.Result{
		Verdict: pipeline.Reject,
		Reply:   smtp.NewError(code, smtp.E500Other.Of(code/100), "the address asks for this answer", nil),
		Reason:  "testaddress",
	}
}

// replyCode returns the reply code of a failure that s ends in, or zero. More than three
// digits are no code.
func replyCode(s string) int {
	if len(s) < 3 {
		return 0
	}
	digits := s[len(s)-3:]
	if rest := s[:len(s)-3]; rest != "" && isDigit(rest[len(rest)-1]) {
		return 0
	}
	for i := range digits {
		if !isDigit(digits[i]) {
			return 0
		}
	}
	code, err := strconv.Atoi(digits)
	if err != nil || code < 400 || code > 599 {
		return 0
	}
	return code
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
