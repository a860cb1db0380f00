package imapserver

import (
	"context"
	"errors"
	"time"

	"mox/imap"
	"mox/login"
	"mox/sasl"
	"mox/store"
)

// handleLogin carries out LOGIN (RFC 9051 §6.2.3, RFC 3501 §6.2.3).
func (c *conn) handleLogin(_ *request) (imap.Code, error) {
	if !c.tls && !c.lo.PlaintextAuth {
		// Before the client is asked for a literal with the password.
		return "", errPrivacyRequired()
	}
	if !c.logins.TakesPasswords() {
		return "", imap.No(imap.CodeCannot, "Passwords are not taken here, use AUTHENTICATE", nil)
	}
	c.dec.SP()
	username := c.dec.AString()
	c.dec.SP()
	password := c.dec.AString()
	if err := c.end(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(c.srv.ctx, authTimeout)
	defer cancel()
	a := c.logins.Attempt(c.tlsState())
	return c.finishLogin(a, a.Password(ctx, username, password))
}

func errPrivacyRequired() error {
	return imap.No(imap.CodePrivacyRequired, "Use TLS first, then log in", nil)
}

// finishLogin moves the connection to the authenticated state, or with an error of checking
// credentials, tells the client. Failures are answered slowly, so that guessing takes time.
func (c *conn) finishLogin(a *login.Attempt, err error) (imap.Code, error) {
	wait, err := a.End(err)
	if err == nil {
		if err = c.openAccount(a.Username(), a.Account()); err != nil {
			c.logins.Close()
		}
	}
	if wait > 0 {
		c.pause(wait)
	}
	var result string
	var refusal error
	disabled, isDisabled := errors.AsType[*login.DisabledError](err)
	switch {
	case err == nil:
		c.loginResult("ok", a.Username(), nil)
		return imap.Capability(c.capabilities()...), nil
	case errors.Is(err, login.ErrLimited):
		result, refusal = "limit", errWrongCredentials()
	case errors.Is(err, sasl.ErrCredentials):
		result, refusal = "credentials", errWrongCredentials()
	case isDisabled:
		// RFC 5530 §3.
		result, refusal = "disabled", imap.No(imap.CodeContactAdmin, disabled.Error(), nil)
	case errors.Is(err, login.ErrConnections):
		result, refusal = "connections", imap.No(imap.CodeLimit, "Too many open connections of your account, close some first", nil)
	default:
		result, refusal = "error", imap.No(imap.CodeUnavailable, "Logging in is not possible now, try again later", err)
	}
	c.loginResult(result, a.Username(), err)
	return "", refusal
}

// errWrongCredentials does not say which of the two is wrong (RFC 9051 §11.7).
func errWrongCredentials() error {
	return imap.No(imap.CodeAuthenticationFailed, "Wrong user name or password", nil)
}

func (c *conn) openAccount(username, name string) error {
	ctx, cancel := context.WithTimeout(c.srv.ctx, authTimeout)
	defer cancel()
	acc, err := c.srv.opts.Accounts.Open(ctx, name)
	if err != nil {
		return err
	}
	c.auth = &authState{login: username, account: acc, actor: store.Actor{Account: acc.ID(), Session: c.session}}
	c.setLog(c.log.With("account", name))
	c.rw.loggedIn()
	c.dec.SetLimits(c.limits())
	return nil
}

func (c *conn) loginResult(result, username string, err error) {
	c.srv.met.logins.WithLabelValues(result).Inc()
	c.log.Info("login", "result", result, "login", username, "tls", c.tls, "err", err)
}

// pause waits, unless the connection is to end.
func (c *conn) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.rw.interrupts():
	}
}
