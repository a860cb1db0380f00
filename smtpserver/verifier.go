package smtpserver

import (
	"context"
	"crypto"
	"slices"

	"mox/sasl"
)

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

// verifier checks who logs in to a connection, for one command. It changes nothing of the
// connection: when it is content, the exchange may not be over.
type verifier struct {
	c *conn

	username string // As the client gave it, once known.
	account  string // Once credentials were right.
	limited  bool   // There were too many failures: credentials are wrong whatever they are.
}

var (
	_ sasl.PasswordVerifier = (*verifier)(nil)
	_ sasl.SCRAMVerifiers   = (*verifier)(nil)
	_ sasl.CRAMMD5Verifiers = (*verifier)(nil)
	_ sasl.ExternalVerifier = (*verifier)(nil)
)

// mechanism returns the server's side of a mechanism, nil if it is not offered.
func (v *verifier) mechanism(name string) sasl.Server {
	if !slices.Contains(v.c.mechanisms(), name) {
		return nil
	}
	switch name {
	case sasl.Plain:
		return sasl.NewPlainServer(v)
	case sasl.Login:
		return sasl.NewLoginServer(v)
	case sasl.External:
		return sasl.NewExternalServer(v)
	case sasl.CRAMMD5:
		return sasl.NewCRAMMD5Server(v, v.c.l.Hostname.ASCII)
	}
	if m, err := sasl.NewSCRAMServer(name, v, sasl.ChannelBindings(v.c.tls)); err == nil {
		return m
	}
	return nil
}

// admit notes who logs in, and whether that may be tried.
func (v *verifier) admit(username string) {
	v.username = username
	c, logins := v.c, v.c.l.Limits.logins
	v.limited = !c.unlimited && (!logins.Allow(c.remoteIP) || !logins.AllowName(c.remoteIP, username))
}

// VerifyPassword implements sasl.PasswordVerifier.
func (v *verifier) VerifyPassword(ctx context.Context, cr sasl.Credentials) error {
	v.admit(cr.Username)
	if v.limited {
		return sasl.ErrCredentials
	}
	account, err := v.c.s.opts.Authenticate(ctx, cr.Username, cr.Password.Reveal())
	if err == nil && cr.AuthzID != "" && cr.AuthzID != cr.Username {
		return sasl.ErrCredentials // Nobody may act for another one.
	}
	v.account = account
	return err
}

// SCRAM implements sasl.SCRAMVerifiers.
func (v *verifier) SCRAM(ctx context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	v.admit(username)
	return v.c.s.opts.Verifiers.SCRAM(ctx, username, h)
}

// CRAMMD5 implements sasl.CRAMMD5Verifiers.
func (v *verifier) CRAMMD5(ctx context.Context, username string) (sasl.CRAMMD5Verifier, error) {
	v.admit(username)
	return v.c.s.opts.Verifiers.CRAMMD5(ctx, username)
}

// Authorize implements sasl.Authorizer.
func (v *verifier) Authorize(ctx context.Context, username, authzID string) (err error) {
	if v.limited || authzID != "" && authzID != username {
		return sasl.ErrCredentials
	}
	v.account, err = v.c.s.opts.Verifiers.Account(ctx, username)
	return err
}

// VerifyExternal implements sasl.ExternalVerifier. The identity may be any user name of the
// account that the key is registered for.
func (v *verifier) VerifyExternal(ctx context.Context, authzID string) error {
	key, _ := sasl.ClientKey(v.c.tls)
	owner := v.c.s.opts.Verifiers.KeyAccount(key)
	if authzID == "" {
		authzID = owner
	}
	v.admit(authzID)
	if v.limited || owner == "" {
		return sasl.ErrCredentials
	}
	account, err := v.c.s.opts.Verifiers.Account(ctx, authzID)
	if err == nil && account != owner {
		return sasl.ErrCredentials
	}
	v.account = account
	return err
}
