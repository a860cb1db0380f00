package imapserver

import (
	"context"
	"errors"
	"time"

	"mox/imap"
	"mox/sasl"
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
	ctx, cancel := context.WithTimeout(c.srv.ctx, authTimeout)
	defer cancel()
	v := &verifier{c: c}
	err := v.VerifyPassword(ctx, sasl.Credentials{Username: login, Password: sasl.NewSecret(password)})
	return c.finishLogin(v, err)
}

func errPrivacyRequired() error {
	return imap.No(imap.CodePrivacyRequired, "Use TLS first, then log in", nil)
}

// finishLogin moves the connection to the authenticated state, or with an error of checking
// credentials, tells the client.
func (c *conn) finishLogin(v *verifier, err error) (imap.Code, error) {
	if err == nil {
		err = c.openAccount(v.login, v.account)
	}
	switch {
	case err == nil:
		c.loginResult("ok", v.login, nil)
		return imap.Capability(c.capabilities()...), nil
	case v.limited:
		// As if credentials were wrong: a guesser must not learn that they are not even looked at.
		c.loginResult("limit", v.login, nil)
		return "", c.loginFailed()
	case errors.Is(err, sasl.ErrCredentials):
		if limits := c.srv.opts.FailedLogins; limits != nil && c.ip.IsValid() {
			limits.Add(c.ip, 1)
		}
		c.loginResult("credentials", v.login, err)
		return "", c.loginFailed()
	}
	c.loginResult("error", v.login, err)
	return "", imap.No(imap.CodeUnavailable, "Logging in is not possible now, try again later", err)
}

func (c *conn) openAccount(login, name string) error {
	ctx, cancel := context.WithTimeout(c.srv.ctx, authTimeout)
	defer cancel()
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
