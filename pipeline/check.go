package pipeline

import (
	"context"
	"crypto/tls"
	"net/netip"

	"mox/smtp"
)

// Conn is what is known about the sending side of a connection.
type Conn struct {
	ID         string // Connection id, for logs.
	Listener   string
	RemoteIP   netip.Addr
	LocalIP    netip.Addr
	Hello      string // Domain or address literal given in EHLO; empty before.
	TLS        *tls.ConnectionState
	Submission bool
	Account    string // Logged-in account.
}

// Verdict is what a check wants to happen. The runner takes the strictest.
type Verdict uint8

// Verdicts, from lenient to strict.
const (
	Neutral Verdict = iota
	Quarantine
	Reject
)

// Result is what a check found out at one stage. The zero Result has no opinion.
type Result struct {
	Verdict Verdict
	Reply   *smtp.Error // For Reject. Nil gives a neutral 550 5.7.1.
	Reason  string      // Short token for log, metric and the reason header.

	AuthResults []AuthResult
	Prepend     []byte // Header fields, each ended by CRLF.
	Facts       []Fact
}

// AuthResult is one method of an Authentication-Results field (RFC 8601 §2.2).
type AuthResult struct {
	Method, Result, Reason string
	Props                  []AuthProp
}

// AuthProp is a property of an AuthResult, e.g. smtp.mailfrom=example.org.
type AuthProp struct{ Type, Property, Value string }

// Fact is something a check learnt that decisions may use, by the name of a closed set.
type Fact struct{ Name, Value string }

// Check judges messages. Implementations are safe for concurrent use; they never change a
// message. An error from a stage means that the check could not decide: the runner logs it and
// goes on as with a zero Result, unless the error is an *smtp.Error, which is the reply.
type Check interface {
	Name() string

	// Start begins a message on a connection. The returned state is used by one goroutine
	// at a time and closed on every path.
	Start(ctx context.Context, conn Conn) (CheckState, error)
}

// CheckState follows one message. Stages come in this order, Recipient once per recipient.
type CheckState interface {
	Connection(ctx context.Context) (Result, error)
	Sender(ctx context.Context, from smtp.Path) (Result, error)
	Recipient(ctx context.Context, to smtp.Path) (Result, error)
	Message(ctx context.Context, env Envelope, b Body) (Result, error)
	Close()
}
