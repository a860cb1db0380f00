package pipeline

import (
	"context"
	"crypto/tls"
	"io"
	"net/netip"

	"mox/authres"
	"mox/smtp"
)

// Conn is what is known about the sending side of a connection.
type Conn struct {
	ID         string // Connection id, for logs.
	Listener   string // Name of the listener in the configuration.
	RemoteIP   netip.Addr
	LocalIP    netip.Addr
	Hello      string // Domain or address literal given in EHLO or HELO.
	TLS        *tls.ConnectionState
	Submission bool
	Account    string // Logged-in account; empty without login.
}

// Verdict is what a check wants to happen. The runner takes the strictest.
type Verdict uint8

// Verdicts, from lenient to strict.
const (
	Neutral Verdict = iota
	Quarantine
	Reject
)

func (v Verdict) String() string {
	switch v {
	case Neutral:
		return "neutral"
	case Quarantine:
		return "quarantine"
	case Reject:
		return "reject"
	}
	return "invalid"
}

// Result is what a check found out at one stage. The zero Result has no opinion.
// The runner owns a Result and its slices once it is returned.
type Result struct {
	Verdict Verdict

	// Reply is for Reject. Nil gives a neutral 550 5.7.1.
	Reply *smtp.Error

	// Reason is a short token of letters, digits, ".", "_" and "-" for log, metric and the
	// reason header field.
	Reason string

	AuthResults []AuthResult
	Prepend     []byte // Header fields, each ended by CRLF.
	Facts       []Fact

	// Recipients holds opinions on single recipients, to be added to what the Result says
	// about all. Of the message stage only: nil, or one per element of Message.Recipients.
	Recipients []Result
}

// AuthResult is one method of an Authentication-Results field (RFC 8601 §2.2).
type AuthResult = authres.Result

// AuthProp is a property of an AuthResult, e.g. smtp.mailfrom=example.org.
type AuthProp = authres.Prop

// Fact is something a check learnt that later decisions may use, by the name of a closed set.
type Fact struct{ Name, Value string }

// Message is what the message stage looks at.
type Message struct {
	Envelope   Envelope
	Recipients []Recipient // Accepted so far, in the order of RCPT TO.
	Body       Body
}

// Check judges messages. Implementations are safe for concurrent use; they never change a
// message.
type Check interface {
	// Name is a short token from a closed set, for configuration, log and metric.
	Name() string

	// Start begins a message on a connection. The state follows this message only. A plain NopState takes no
	// part.
	// After an error the check takes no part in the message. The context is that of the
	// whole message: the state may keep it for work that goes on between stages.
	Start(ctx context.Context, conn Conn) (CheckState, error)
}

// CheckState follows one message. Its methods are called by one goroutine at a time, in the
// order of the stages: Connection and Sender once, Recipient once per recipient, Message
// once. A message may end after any of them. Close is called exactly once, last, on every
// path; it ends what the state still has going on.
//
// A stage holds up the dialogue with the client. A check with slow work begins it in an
// early stage and collects the answer in the message stage. The context of a stage ends at
// the check's timeout, or when the server stops; a stage that does not return soon after is
// left behind, and its state is closed when it does return and not asked again.
//
// An error means that the check could not decide: it is logged, and the stage counts as a
// zero Result, unless the error is (or wraps) an *smtp.Error, which is then the reply of a
// Reject.
//
// A panic, also of Start and of the writer that Stream returns, and a stage that is left behind are bugs. They
// refuse for now (451) what the check was asked about, unless its Use is Advisory: who finds a bug in a
// check does not get past it.
type CheckState interface {
	Connection(ctx context.Context) (Result, error)

	// Sender gets the envelope as MAIL has given it; Size is the announced one.
	Sender(ctx context.Context, env Envelope) (Result, error)

	// Recipient judges a forward-path that is otherwise acceptable. Prefix, Keywords and
	// Auth are not set yet. A Reject refuses the recipient only.
	Recipient(ctx context.Context, to Recipient) (Result, error)

	// Message must not keep the Body, and must not change what m points to.
	Message(ctx context.Context, m Message) (Result, error)

	Close()
}

// Streamer is implemented by a CheckState that wants the bytes of the message while they
// arrive, for example to compute digests in the one pass there is. Mail from outside streams as its
// sender has signed it, before forged fields are taken out; a submission as it is kept.
// Stream is called after the last recipient and before Message, by the goroutine that also writes; the writer gets
// the message in pieces that it must not keep or change. An error of the writer ends the
// stream to it and nothing else. The message may be broken off, or refused without a message
// stage.
type Streamer interface {
	Stream() io.Writer
}

// Prompter is implemented by a CheckState that has stages in which it waits for nothing: no lookup, no other
// program. The runner calls these in the goroutine of the dialogue, without a time limit, which costs less than
// a goroutine that can be left behind.
type Prompter interface {
	Prompt(stage Stage) bool
}

// Immediate is implemented by a CheckState that mostly has all that its message stage needs by then. The runner asks
// it in the goroutine of the dialogue, as at a Prompter's stages, before it asks Message in one that can be left behind.
type Immediate interface {
	// MessageNow does what Message does if that waits for nothing. If it returns false, Message is called after it.
	MessageNow(m Message) (r Result, ok bool, err error)
}

// NopState is a CheckState without opinion, to be embedded by states that care for some
// stages only.
type NopState struct{}

var _ CheckState = NopState{}

// Connection implements CheckState.
func (NopState) Connection(context.Context) (Result, error) { return Result{}, nil }

// Sender implements CheckState.
func (NopState) Sender(context.Context, Envelope) (Result, error) { return Result{}, nil }

// Recipient implements CheckState.
func (NopState) Recipient(context.Context, Recipient) (Result, error) { return Result{}, nil }

// Message implements CheckState.
func (NopState) Message(context.Context, Message) (Result, error) { return Result{}, nil }

// Close implements CheckState.
func (NopState) Close() {}
