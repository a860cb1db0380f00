package main

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"slices"

	"mox/config"
	"mox/internal/ratelimit"
	"mox/login"
	"mox/sasl"
	"mox/store"
)

// authenticator checks logins against configuration and store.
type authenticator struct {
	live  *config.Live
	store *store.Store
}

var _ login.Verifiers = (*authenticator)(nil)

// newLogins returns who may log in to the servers, which share the limits on failures.
func newLogins(live *config.Live, accounts *store.Store) (*login.Service, error) {
	a := &authenticator{live, accounts}
	return login.New(login.Options{
		Authenticate: a.authenticate,
		Verifiers:    a,
		Failures:     ratelimit.NewLogins(live.Current().FailedLogins),
		Key:          a.key,
		Attempted:    a.attempted,
	})
}

// lookup returns the account of a user name as a client sends it, or nil.
func (a *authenticator) lookup(username string) *config.Account {
	username, ok := sasl.PrepareUsername(username)
	if !ok {
		return nil
	}
	return a.live.Current().LookupLogin(username)
}

// authenticate returns the name of the account that a user name and password belong to, for
// login.Options.
func (a *authenticator) authenticate(ctx context.Context, username, password string) (string, error) {
	account := a.lookup(username)
	name := "" // Nobody has it, and finding that out takes as long as for a wrong password.
	if account != nil {
		name = account.Name
	}
	if err := a.store.Authenticate(ctx, name, password); errors.Is(err, store.ErrCredentials) {
		return "", sasl.ErrCredentials
	} else if err != nil {
		return "", err
	}
	return admit(account)
}

// admit returns the name of the account of somebody who has proved to own it.
func admit(account *config.Account) (string, error) {
	switch {
	case account == nil:
		return "", sasl.ErrCredentials
	case account.LoginDisabled != "":
		return "", &login.DisabledError{Reason: account.LoginDisabled}
	}
	return account.Name, nil
}

// Account implements login.Verifiers.
func (a *authenticator) Account(_ context.Context, username string) (string, error) {
	return admit(a.lookup(username))
}

// key returns the form of a user name by which failed logins count.
func (a *authenticator) key(username string) string {
	if prepared, ok := sasl.PrepareUsername(username); ok {
		return a.live.Current().LoginKey(prepared)
	}
	return username
}

// attempted records an attempt to log in to an account. What strangers try is only in the log.
func (a *authenticator) attempted(t login.Attempted) {
	account := t.Account
	if account == "" {
		c := a.lookup(t.Username)
		if c == nil {
			return
		}
		account = c.Name
	}
	a.store.NoteLogin(account, store.LoginAttempt{
		Result: loginResult(t.Err), Protocol: t.Protocol, Mechanism: t.Mechanism, Client: t.IP, UserAgent: t.UserAgent,
	})
}

func loginResult(err error) store.LoginResult {
	_, disabled := errors.AsType[*login.DisabledError](err)
	switch {
	case err == nil:
		return store.LoginOK
	case errors.Is(err, login.ErrLimited):
		return store.LoginLimited
	case errors.Is(err, sasl.ErrCredentials):
		return store.LoginCredentials
	case errors.Is(err, login.ErrConnections):
		return store.LoginConnections
	case disabled:
		return store.LoginDisabled
	}
	return store.LoginError
}

// Mechanisms returns the mechanisms that do not send the password.
func (a *authenticator) Mechanisms() []string {
	return append([]string{sasl.SCRAMSHA256}, a.live.Current().PasswordMechanisms()...)
}

// verifierOf says whose verifier for a mechanism is to be looked up, and under which name a fake one.
// An account that has given the mechanism up has none any more, even if its password was not set since.
func (a *authenticator) verifierOf(username, mechanism string) (account, key string) {
	c := a.lookup(username)
	if c == nil || mechanism != sasl.SCRAMSHA256 && !slices.Contains(c.PasswordMechanisms, mechanism) {
		return "", a.key(username)
	}
	return c.Name, a.key(username)
}

// SCRAM returns the verifier of a user, real or fake.
func (a *authenticator) SCRAM(ctx context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	mechanism := sasl.SCRAMSHA256
	if h == crypto.SHA1 {
		mechanism = sasl.SCRAMSHA1
	}
	account, key := a.verifierOf(username, mechanism)
	return a.store.SCRAM(ctx, account, key, h)
}

// CRAMMD5 returns the verifier of a user, real or fake.
func (a *authenticator) CRAMMD5(ctx context.Context, username string) (sasl.CRAMMD5Verifier, error) {
	account, key := a.verifierOf(username, sasl.CRAMMD5)
	return a.store.CRAMMD5(ctx, account, key)
}

// KeyAccount returns the name of the account that a key of a TLS client is registered for, or "".
func (a *authenticator) KeyAccount(key sasl.KeyFingerprint) string {
	if account := a.live.Current().LookupClientKey(key); account != nil {
		return account.Name
	}
	return ""
}

// requestClientKeys returns a configuration for ports where users log in. Clients are asked for a
// certificate while there is an account that has registered a key: some ask their user then, so
// it is not done for nothing. c may be nil.
func requestClientKeys(live *config.Live, c *tls.Config) *tls.Config {
	if c == nil {
		return nil
	}
	request := c.Clone()
	request.ClientAuth = tls.RequestClientCert
	c = c.Clone()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if live.Current().HasClientKeys() {
			return request, nil
		}
		return nil, nil
	}
	return c
}
