package login

import (
	"context"
	"crypto"
	"errors"
	"net/netip"
	"time"

	"mox/internal/ratelimit"
	"mox/sasl"
)

// Errors of logins, for errors.Is. A login also fails with [sasl.ErrCredentials], a [DisabledError], and with
// other errors, which are temporary.
var (
	// ErrLimited says that there were too many failures. It wraps sasl.ErrCredentials: the client is told that
	// its credentials are wrong, since a guesser must not learn that they are not looked at.
	ErrLimited error = limitedError{}

	// ErrConnections says that credentials are right, but that the account has too many connections open.
	ErrConnections = errors.New("too many open connections of the account")
)

type limitedError struct{}

func (limitedError) Error() string { return "too many failed logins" }
func (limitedError) Unwrap() error { return sasl.ErrCredentials }

// DisabledError says that credentials are right, but that the account may not be logged in to for now. Its
// text is for the user, who has proved to be that.
type DisabledError struct {
	Reason string // As the administrator has written it.
}

// Error returns the text for the user.
func (e *DisabledError) Error() string { return "login is disabled: " + e.Reason }

// Verifiers has what mechanisms need that do not send the password. User names are as clients
// send them. Methods may be called concurrently.
type Verifiers interface {
	// Mechanisms returns which of SCRAM-SHA-256, SCRAM-SHA-1 and CRAM-MD5 are offered now,
	// best first. Their -PLUS variants are offered where the connection can be bound to. The
	// slice is not changed.
	Mechanisms() []string

	// SCRAM and CRAMMD5 do as for sasl.SCRAMVerifiers and sasl.CRAMMD5Verifiers.
	SCRAM(ctx context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error)
	CRAMMD5(ctx context.Context, username string) (sasl.CRAMMD5Verifier, error)

	// KeyAccount returns the account that the key of a TLS client is registered for, empty if
	// none. A listener's TLS must request certificates for that.
	KeyAccount(key sasl.KeyFingerprint) string

	// Account returns the account that a user logs in to who has proved to be that user. Errors
	// are as for Options.Authenticate.
	Account(ctx context.Context, username string) (account string, err error)
}

// Attempted is an attempt that has ended, for records of them.
type Attempted struct {
	Protocol  string // As in ConnOptions, as are IP and UserAgent.
	Mechanism string // Of SASL; empty for a command of the protocol's own.
	IP        netip.Addr
	UserAgent string
	Username  string // As the client has put it.
	Account   string // Once credentials were right; not always then if Err is not nil.
	Err       error  // As Attempt.End returned it.
}

// Options for New.
type Options struct {
	// Authenticate verifies a password and returns the account that it logs in to. Errors are
	// sasl.ErrCredentials, a *DisabledError, or a temporary fault. Required.
	Authenticate func(ctx context.Context, username, password string) (account string, err error)

	// Verifiers is for mechanisms that do not send the password. Default: PLAIN and LOGIN only.
	Verifiers Verifiers

	// Failures bounds failed logins. Default: no limit.
	Failures *ratelimit.Logins

	// Key returns a form of a user name that is the same for all its spellings, by which failures are
	// counted. Default: the name itself.
	Key func(username string) string

	// Attempted is told of each attempt that has ended and in which a user name was given. It must not
	// block, and may be called concurrently. May be nil.
	Attempted func(Attempted)

	// FailDelay is how long the first failed login on a connection is to wait for its answer; each
	// further one waits so much longer, up to ten times. Default 1 second, negative for none.
	FailDelay time.Duration
}

// Service checks logins for any number of servers. It is safe for concurrent use.
type Service struct {
	opts Options
}

// New returns a Service.
func New(o Options) (*Service, error) {
	if o.Authenticate == nil {
		return nil, errors.New("login: Authenticate is required")
	}
	if o.Failures == nil {
		o.Failures = ratelimit.NewLogins(ratelimit.LoginOptions{})
	}
	if o.Key == nil {
		o.Key = func(username string) string { return username }
	}
	switch {
	case o.FailDelay == 0:
		o.FailDelay = time.Second
	case o.FailDelay < 0:
		o.FailDelay = 0
	}
	return &Service{o}, nil
}
