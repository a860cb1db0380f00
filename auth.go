package main

import (
	"context"
	"errors"

	"mox/config"
	"mox/sasl"
	"mox/smtp"
	"mox/store"
)

// authenticator checks logins against configuration and store.
type authenticator struct {
	live  *config.Live
	store *store.Store
}

// login returns the account that a user name and password belong to. It returns
// store.ErrCredentials, also for an account that may not log in; that one is then
// returned too.
func (a *authenticator) login(ctx context.Context, username, password string) (*config.Account, error) {
	account := a.live.Current().LookupLogin(username)
	name := "" // Nobody has it, and finding that out takes as long as for a wrong password.
	if account != nil {
		name = account.Name
	}
	if err := a.store.Authenticate(ctx, name, password); err != nil {
		return nil, err
	}
	if account == nil {
		return nil, store.ErrCredentials
	}
	if account.LoginDisabled != "" {
		return account, store.ErrCredentials
	}
	return account, nil
}

// imap is for imapserver.Options.
func (a *authenticator) imap(ctx context.Context, username, password string) (string, error) {
	account, err := a.login(ctx, username, password)
	if err != nil {
		return "", err
	}
	return account.Name, nil
}

// smtp is for smtpserver.Options.
func (a *authenticator) smtp(ctx context.Context, username, password string) (string, error) {
	account, err := a.login(ctx, username, password)
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
