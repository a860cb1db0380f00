package imapserver

import (
	"context"
	"errors"
	"time"

	"mox/imap"
	"mox/store"
)

// handleLogin carries out LOGIN (RFC 9051 §6.2.3).
func (c *conn) handleLogin(_ *request) (imap.Code, error) {
	if !c.tls && !c.lo.PlaintextAuth {
		// Before the client is asked for a literal with the password.
		return "", errPrivacyRequired()
	}
	c.dec.SP()
	login := c.dec.AString()
	c.dec.SP()
	password := c.dec.AString()
	if err := c.end(); err != nil {
		return "", err
	}
	return c.login(login, password)
}

func errPrivacyRequired() error {
	return imap.No(imap.CodePrivacyRequired, "Use TLS first, then log in", nil)
}

// login checks credentials and moves the connection to the authenticated state.
func (c *conn) login(login, password string) (imap.Code, error) {
	limits := c.srv.opts.FailedLogins
	if limits != nil && c.ip.IsValid() && limits.Exceeded(c.ip) {
		// As if the password were wrong: a guesser must not learn that it is not even looked at.
		c.loginResult("limit", login, nil)
		return "", c.loginFailed()
	}
	ctx, cancel := context.WithTimeout(c.srv.ctx, time.Minute)
	defer cancel()
	name, err := c.srv.opts.Authenticate(ctx, login, password)
	if err == nil {
		err = c.openAccount(ctx, login, name)
	}
	switch {
	case errors.Is(err, store.ErrCredentials):
		if limits != nil && c.ip.IsValid() {
			limits.Add(c.ip, 1)
		}
		c.loginResult("credentials", login, nil)
		return "", c.loginFailed()
	case err != nil:
		c.loginResult("error", login, err)
		return "", imap.No(imap.CodeUnavailable, "Logging in is not possible now, try again later", err)
	}
	c.loginResult("ok", login, nil)
	return imap.Capability(c.capabilities()...), nil
}

func (c *conn) openAccount(ctx context.Context, login, name string) error {
	acc, err := c.srv.opts.Accounts.Open(ctx, name)
	if err != nil {
		return err
	}
	c.auth = &authState{login: login, account: acc, actor: store.Actor{Account: acc.ID(), Session: c.session}}
	c.setLog(c.log.With("account", name))
	c.rw.loggedIn()
	c.dec.SetLimits(c.limits())
	return nil
}

func (c *conn) loginResult(result, login string, err error) {
	c.srv.met.logins.WithLabelValues(result).Inc()
	c.log.Info("login", "result", result, "login", login, "tls", c.tls, "err", err)
}

// loginFailed waits, so that guessing takes time, and returns the response.
func (c *conn) loginFailed() error {
	if d := c.srv.opts.FailDelay; d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.rw.interrupts():
		}
	}
	return imap.No(imap.CodeAuthenticationFailed, "Wrong user name or password", nil)
}
