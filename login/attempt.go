package login

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"mox/sasl"
)

// Attempt is one command that logs in. It changes nothing of its connection before End: when the
// verifier is content, the exchange may not be over. It is for one goroutine.
type Attempt struct {
	c  *Conn
	cs *tls.ConnectionState

	mechanism string // Empty for a command of the protocol's own.
	username  string // As the client gave it, once known.
	account   string // Once credentials were right.
	limited   bool   // There were too many failures: credentials are wrong whatever they are.
}

// Attempt begins one. cs is the state of TLS, nil without. A Conn that is logged in has no further ones.
func (c *Conn) Attempt(cs *tls.ConnectionState) *Attempt { return &Attempt{c: c, cs: cs} }

// Username returns who logs in, as the client has put it; empty while that is not known.
func (a *Attempt) Username() string { return a.username }

// Account returns the account that credentials were right for.
func (a *Attempt) Account() string { return a.account }

// Mechanism returns the server's side of a mechanism, nil if it is not offered.
func (a *Attempt) Mechanism(name string) sasl.Server {
	offered := a.c.Mechanisms(a.cs)
	if !slices.Contains(offered, name) {
		return nil
	}
	a.mechanism = name
	v := (*verifier)(a)
	switch name {
	case sasl.Plain:
		return sasl.NewPlainServer(v)
	case sasl.Login:
		return sasl.NewLoginServer(v)
	case sasl.External:
		return sasl.NewExternalServer(v)
	case sasl.CRAMMD5:
		return sasl.NewCRAMMD5Server(v, a.c.opts.Hostname)
	}
	bindings := sasl.ChannelBindings(a.cs)
	if !slices.Contains(offered, strings.TrimSuffix(name, "-PLUS")+"-PLUS") {
		// A client that could bind and saw no way to says so. That is a sign of an attack only where
		// there is a way (RFC 5802 §6).
		bindings = nil
	}
	if m, err := sasl.NewSCRAMServer(name, v, bindings); err == nil {
		return m
	}
	return nil
}

// Password verifies a password that a command of the protocol's own has brought. Like an exchange, it is
// followed by End.
func (a *Attempt) Password(ctx context.Context, username, password string) error {
	return (*verifier)(a).VerifyPassword(ctx, sasl.Credentials{Username: username, Password: sasl.NewSecret(password)})
}

// End ends the attempt. err is how the exchange has ended, nil if the client is authenticated and content; an
// exchange that was broken off, or not according to the mechanism, needs no End. It returns nil if the
// connection is now one of the account, otherwise one of the errors of the package, and for how long the answer
// should wait.
func (a *Attempt) End(err error) (wait time.Duration, _ error) {
	wait, err = a.end(err)
	if f := a.c.s.opts.Attempted; f != nil && a.username != "" {
		f(Attempted{
			Protocol: a.c.opts.Protocol, Mechanism: a.mechanism, IP: a.c.opts.IP, UserAgent: a.c.opts.UserAgent,
			Username: a.username, Account: a.account, Err: err,
		})
	}
	return wait, err
}

func (a *Attempt) end(err error) (wait time.Duration, _ error) {
	switch {
	case err == nil && a.account == "":
		return 0, errors.New("login ended without an account")
	case err == nil && !a.c.accept(a.account, a.username):
		return 0, ErrConnections
	case err == nil:
		return 0, nil
	case !errors.Is(err, sasl.ErrCredentials):
		return 0, err
	case a.limited:
		return a.c.delay(), ErrLimited
	}
	a.c.noteFailure(a.username)
	return a.c.delay(), err
}

// verifier is what mechanisms see of an Attempt.
type verifier Attempt

var (
	_ sasl.PasswordVerifier = (*verifier)(nil)
	_ sasl.SCRAMVerifiers   = (*verifier)(nil)
	_ sasl.CRAMMD5Verifiers = (*verifier)(nil)
	_ sasl.ExternalVerifier = (*verifier)(nil)
)

// admit notes who logs in, and whether that may be tried. It is asked again once credentials turn out to be
// right: guesses on other connections may have failed meanwhile, and nobody gains by making many at a time.
func (v *verifier) admit(username string) {
	v.username = username
	v.limited = !v.c.allows(username)
}

func (v *verifier) verifiers() Verifiers { return v.c.s.opts.Verifiers }

// VerifyPassword implements sasl.PasswordVerifier.
func (v *verifier) VerifyPassword(ctx context.Context, cr sasl.Credentials) error {
	v.admit(cr.Username)
	if v.limited {
		return sasl.ErrCredentials
	}
	account, err := v.c.s.opts.Authenticate(ctx, cr.Username, cr.Password.Reveal())
	if errors.Is(err, sasl.ErrCredentials) {
		return err
	}
	if v.admit(cr.Username); v.limited {
		return sasl.ErrCredentials
	}
	if err == nil && cr.AuthzID != "" && cr.AuthzID != cr.Username {
		return sasl.ErrCredentials // Nobody may act for another one.
	}
	v.account = account
	return err
}

// SCRAM implements sasl.SCRAMVerifiers.
func (v *verifier) SCRAM(ctx context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	v.admit(username)
	return v.verifiers().SCRAM(ctx, username, h)
}

// CRAMMD5 implements sasl.CRAMMD5Verifiers.
func (v *verifier) CRAMMD5(ctx context.Context, username string) (sasl.CRAMMD5Verifier, error) {
	v.admit(username)
	return v.verifiers().CRAMMD5(ctx, username)
}

// Authorize implements sasl.Authorizer.
func (v *verifier) Authorize(ctx context.Context, username, authzID string) (err error) {
	if v.admit(username); v.limited || authzID != "" && authzID != username {
		return sasl.ErrCredentials
	}
	v.account, err = v.verifiers().Account(ctx, username)
	return err
}

// VerifyExternal implements sasl.ExternalVerifier. The identity may be any user name of the
// account that the key is registered for.
func (v *verifier) VerifyExternal(ctx context.Context, authzID string) error {
	key, _ := sasl.ClientKey(v.cs)
	owner := v.verifiers().KeyAccount(key)
	if authzID == "" {
		authzID = owner
	}
	v.admit(authzID)
	if v.limited || owner == "" {
		return sasl.ErrCredentials
	}
	account, err := v.verifiers().Account(ctx, authzID)
	if err == nil && account != owner {
		return sasl.ErrCredentials
	}
	v.account = account
	return err
}
