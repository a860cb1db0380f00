package main

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"slices"

	"mox/config"
	"mox/imapserver"
	"mox/sasl"
	"mox/smtp"
	"mox/smtpserver"
	"mox/store"
)

// authenticator checks logins against configuration and store. It has what both servers need,
// but for Account, whose errors differ.
type authenticator struct {
	live  *config.Live
	store *store.Store
}

// lookup returns the account of a user name as a client sends it, or nil.
func (a *authenticator) lookup(username string) *config.Account {
	username, ok := sasl.PrepareUsername(username)
	if !ok {
		return nil
	}
	return a.live.Current().LookupLogin(username)
}

// login returns the account that a user name and password belong to. It returns
// store.ErrCredentials, also for an account that may not log in; that one is then
// returned too.
func (a *authenticator) login(ctx context.Context, username, password string) (*config.Account, error) {
	account := a.lookup(username)
	name := "" // Nobody has it, and finding that out takes as long as for a wrong password.
	if account != nil {
		name = account.Name
	}
	if err := a.store.Authenticate(ctx, name, password); err != nil {
		return nil, err
	}
	return admit(account)
}

// admit returns the account of somebody who has proved to own it, with errors as of login.
func admit(account *config.Account) (*config.Account, error) {
	if account == nil || account.LoginDisabled != "" {
		return account, store.ErrCredentials
	}
	return account, nil
}

// Mechanisms returns the mechanisms that do not send the password.
func (a *authenticator) Mechanisms() []string {
	return append([]string{sasl.SCRAMSHA256}, a.live.Current().PasswordMechanisms()...)
}

// verifierOf says whose verifier for a mechanism is to be looked up, and under which name a fake one.
// An account that has given the mechanism up has none any more, even if its password was not set since.
func (a *authenticator) verifierOf(username, mechanism string) (account, login string) {
	login = username
	if prepared, ok := sasl.PrepareUsername(username); ok {
		login = a.live.Current().LoginKey(prepared)
	}
	c := a.lookup(username)
	if c == nil || mechanism != sasl.SCRAMSHA256 && !slices.Contains(c.PasswordMechanisms, mechanism) {
		return "", login
	}
	return c.Name, login
}

// SCRAM returns the verifier of a user, real or fake.
func (a *authenticator) SCRAM(ctx context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	mechanism := sasl.SCRAMSHA256
	if h == crypto.SHA1 {
		mechanism = sasl.SCRAMSHA1
	}
	account, login := a.verifierOf(username, mechanism)
	return a.store.SCRAM(ctx, account, login, h)
}

// CRAMMD5 returns the verifier of a user, real or fake.
func (a *authenticator) CRAMMD5(ctx context.Context, username string) (sasl.CRAMMD5Verifier, error) {
	account, login := a.verifierOf(username, sasl.CRAMMD5)
	return a.store.CRAMMD5(ctx, account, login)
}

// KeyAccount returns the name of the account that a key of a TLS client is registered for, or "".
func (a *authenticator) KeyAccount(key sasl.KeyFingerprint) string {
	if account := a.live.Current().LookupClientKey(key); account != nil {
		return account.Name
	}
	return ""
}

// imapAuthenticator is for imapserver.Options.
type imapAuthenticator struct{ *authenticator }

var _ imapserver.Verifiers = imapAuthenticator{}

func (a imapAuthenticator) authenticate(ctx context.Context, username, password string) (string, error) {
	return a.result(a.login(ctx, username, password))
}

// Account implements imapserver.Verifiers.
func (a imapAuthenticator) Account(_ context.Context, username string) (string, error) {
	return a.result(admit(a.lookup(username)))
}

func (imapAuthenticator) result(account *config.Account, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return account.Name, nil
}

// smtpAuthenticator is for smtpserver.Options.
type smtpAuthenticator struct{ *authenticator }

var _ smtpserver.Verifiers = smtpAuthenticator{}

func (a smtpAuthenticator) authenticate(ctx context.Context, username, password string) (string, error) {
	return a.result(a.login(ctx, username, password))
}

// Account implements smtpserver.Verifiers.
func (a smtpAuthenticator) Account(_ context.Context, username string) (string, error) {
	return a.result(admit(a.lookup(username)))
}

func (smtpAuthenticator) result(account *config.Account, err error) (string, error) {
	switch {
	case errors.Is(err, store.ErrCredentials) && account != nil:
		return "", smtp.NewError(smtp.C535AuthCredentialsInvalid, smtp.E5713AccountDisabled, "login is disabled: "+account.LoginDisabled, err)
	case errors.Is(err, store.ErrCredentials):
		return "", sasl.ErrCredentials
	case err != nil:
		return "", err
	}
	return account.Name, nil
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
