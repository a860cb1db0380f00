package imapserver

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"

	"mox/sasl"
	"mox/store"
)

// Verifiers has what mechanisms need that do not send the password. User names are as clients
// send them. Methods may be called concurrently.
type Verifiers interface {
	// Mechanisms returns which of SCRAM-SHA-256, SCRAM-SHA-1 and CRAM-MD5 are offered now, best
	// first. Their -PLUS variants are offered where the connection can be bound to. The slice is
	// not changed.
	Mechanisms() []string

	// SCRAM and CRAMMD5 do as for sasl.SCRAMVerifiers and sasl.CRAMMD5Verifiers.
	SCRAM(ctx context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error)
	CRAMMD5(ctx context.Context, username string) (sasl.CRAMMD5Verifier, error)

	// KeyAccount returns the account that the key of a TLS client is registered for, empty if none.
	// A listener's TLS must request certificates for that.
	KeyAccount(key sasl.KeyFingerprint) string

	// Account returns the account that a user logs in to who has proved to be that user. Errors are
	// as for Options.Authenticate.
	Account(ctx context.Context, username string) (account string, err error)
}

// verifier checks who logs in to a connection, for one command. It changes nothing of the
// connection: when it is content, the exchange may not be over.
type verifier struct {
	c *conn

	login   string // As the client gave it, once known.
	account string // Once credentials were right.
	limited bool   // There were too many failures: credentials are wrong whatever they are.
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
		return sasl.NewCRAMMD5Server(v, v.c.srv.opts.Hostname)
	}
	if m, err := sasl.NewSCRAMServer(name, v, sasl.ChannelBindings(v.c.tlsState())); err == nil {
		return m
	}
	return nil
}

// admit notes who logs in, and whether that may be tried.
func (v *verifier) admit(login string) {
	v.login = login
	limits := v.c.srv.opts.FailedLogins
	v.limited = limits != nil && v.c.ip.IsValid() && limits.Exceeded(v.c.ip)
}

// VerifyPassword implements sasl.PasswordVerifier.
func (v *verifier) VerifyPassword(ctx context.Context, cred sasl.Credentials) error {
	v.admit(cred.Username)
	if v.limited || cred.AuthzID != "" && cred.AuthzID != cred.Username {
		return sasl.ErrCredentials // Nobody can act for another account.
	}
	return v.accept(v.c.srv.opts.Authenticate(ctx, cred.Username, cred.Password.Reveal()))
}

// SCRAM implements sasl.SCRAMVerifiers.
func (v *verifier) SCRAM(ctx context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	v.admit(username)
	return v.c.srv.opts.Verifiers.SCRAM(ctx, username, h)
}

// CRAMMD5 implements sasl.CRAMMD5Verifiers.
func (v *verifier) CRAMMD5(ctx context.Context, username string) (sasl.CRAMMD5Verifier, error) {
	v.admit(username)
	return v.c.srv.opts.Verifiers.CRAMMD5(ctx, username)
}

// Authorize implements sasl.Authorizer.
func (v *verifier) Authorize(ctx context.Context, username, authzID string) error {
	if v.limited || authzID != "" && authzID != username {
		return sasl.ErrCredentials
	}
	return v.accept(v.c.srv.opts.Verifiers.Account(ctx, username))
}

// VerifyExternal implements sasl.ExternalVerifier. The identity may be any login of the account that
// the key is registered for.
func (v *verifier) VerifyExternal(ctx context.Context, authzID string) error {
	key, _ := sasl.ClientKey(v.c.tlsState())
	owner := v.c.srv.opts.Verifiers.KeyAccount(key)
	if authzID == "" {
		authzID = owner
	}
	v.admit(authzID)
	if v.limited || owner == "" {
		return sasl.ErrCredentials
	}
	account, err := v.c.srv.opts.Verifiers.Account(ctx, authzID)
	if err == nil && account != owner {
		return sasl.ErrCredentials
	}
	return v.accept(account, err)
}

// accept takes what credentials lead to.
func (v *verifier) accept(account string, err error) error {
	if errors.Is(err, store.ErrCredentials) {
		return fmt.Errorf("%w: %w", sasl.ErrCredentials, err)
	}
	v.account = account
	return err
}
