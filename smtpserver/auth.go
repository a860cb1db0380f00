package smtpserver

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"mox/internal/logging"
	"mox/sasl"
	"mox/smtp"
)

const (
	// authTimeout is how long verifying credentials may take.
	authTimeout = time.Minute

	// A failed login is answered after a while, which grows with each failure.
	failDelay    = time.Second
	maxFailDelay = 10 * time.Second
)

// mayAuth tells whether logins are offered on the connection as it is.
func (c *conn) mayAuth() bool {
	return c.isSubmission() && (c.tls != nil || c.l.AuthWithoutTLS)
}

// auth is AUTH (RFC 4954 §4).
func (c *conn) auth(args string) error {
	switch {
	case !c.isSubmission():
		return smtp.NewError(smtp.C502CommandNotImplemented, smtp.E551InvalidCommand, "no logins here", nil)
	case !c.mayAuth():
		return smtp.NewError(smtp.C538EncryptionRequiredAuth, smtp.E5711EncryptionForAuth, "encryption required, use STARTTLS", nil)
	case c.login != nil:
		return smtp.NewError(smtp.C503BadSequence, smtp.E551InvalidCommand, "already logged in", nil)
	}
	name, initial, has := strings.Cut(strings.TrimRight(args, " "), " ")
	name = strings.ToUpper(name)
	if name == "" {
		return smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, "syntax is AUTH mechanism [initial-response]", nil)
	}
	m := c.mechanism(name)
	if m == nil {
		return smtp.NewError(smtp.C504ParamNotImplemented, smtp.E554InvalidArguments, "unknown mechanism", nil)
	}
	err := c.exchange(m, initial, has)
	c.s.metrics.auth.WithLabelValues(c.l.Kind.String(), name, authResult(err)).Inc()
	if err != nil {
		return err
	}
	c.reply(smtp.C235AuthSuccess, smtp.E270SecurityOther, "welcome")
	return nil
}

// mechanisms are the names of those offered, best first.
var mechanisms = []string{sasl.Plain, sasl.Login}

// mechanism returns the server's side of a mechanism, or nil.
func (c *conn) mechanism(name string) sasl.Server {
	switch name {
	case sasl.Plain:
		return sasl.NewPlainServer(verifier{c})
	case sasl.Login:
		return sasl.NewLoginServer(verifier{c})
	}
	return nil
}

// exchange makes the exchange of challenges and responses. At its end the connection is logged
// in.
func (c *conn) exchange(m sasl.Server, initial string, has bool) error {
	var response []byte
	if has {
		var err error
		if response, err = decodeInitial(initial); err != nil {
			return err
		}
	}
	for {
		challenge, done, err := m.Next(c.ctx(), response)
		switch {
		case errors.Is(err, sasl.ErrMalformed):
			return smtp.NewError(smtp.C501BadParamSyntax, smtp.E552Syntax, "malformed response", err)
		case err != nil:
			return err
		case done:
			return nil
		}
		c.reply(smtp.C334ContinueAuth, "", base64.StdEncoding.EncodeToString(challenge))
		line, err := c.readLine(true)
		if errors.Is(err, errLineTooLong) {
			return smtp.NewError(smtp.C500BadSyntax, smtp.E556AuthLineTooLong, "line too long", nil)
		} else if err != nil {
			return &connError{err}
		}
		c.traceResponse(line)
		if string(line) == "*" {
			return smtp.NewError(smtp.C501BadParamSyntax, smtp.E570SecurityOther, "authentication canceled", nil)
		}
		// Here an empty line is an empty response, and "=" is no base64.
		if response, err = decodeBase64(string(line)); err != nil {
			return err
		}
	}
}

func (c *conn) traceResponse(line []byte) {
	if c.in != nil {
		defer c.in.SetKind(c.in.SetKind(logging.LevelTraceauth))
		c.in.Log(line)
	}
}

// decodeInitial decodes an initial response, of which an empty one is "=".
func decodeInitial(s string) ([]byte, error) {
	if s == "=" {
		return []byte{}, nil
	}
	return decodeBase64(s)
}

func decodeBase64(s string) ([]byte, error) {
	// The decoder skips CR and LF, which cannot be in a line but as a bare CR.
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, smtp.NewError(smtp.C501BadParamSyntax, smtp.E552Syntax, "bad base64", err)
	}
	return b, nil
}

// verifier logs a connection in with the credentials of an exchange.
type verifier struct{ c *conn }

var _ sasl.PasswordVerifier = verifier{}

// VerifyPassword implements sasl.PasswordVerifier. Its errors are replies.
func (v verifier) VerifyPassword(ctx context.Context, cr sasl.Credentials) error {
	c := v.c
	log := c.log.With("username", cr.Username, "remote", c.remoteIP)
	logins := c.l.Limits.logins
	if !c.unlimited && (!logins.Allow(c.remoteIP) || !logins.AllowName(c.remoteIP, cr.Username)) {
		// The password is not looked at, and a guesser does not learn that.
		log.Info("login refused, too many failures")
		return c.loginFailed(sasl.ErrCredentials)
	}
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	account, err := c.s.opts.Authenticate(ctx, cr.Username, cr.Password.Reveal())
	if err == nil && cr.AuthzID != "" && cr.AuthzID != cr.Username {
		// Nobody may act for another one.
		err = sasl.ErrCredentials
	}
	switch {
	case err == nil:
		return c.logIn(account, cr.Username)
	case errors.Is(err, sasl.ErrCredentials):
		log.Info("login failed")
		if !c.unlimited {
			logins.Failed(c.remoteIP, cr.Username)
		}
		return c.loginFailed(err)
	}
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		log.Info("login refused", "err", err)
		return e
	}
	log.Error("verifying credentials", "err", err)
	return smtp.NewError(smtp.C454TemporaryAuthFailure, smtp.E470SecurityOther, "cannot verify credentials now, try again later", err)
}

// logIn makes the connection one of the account.
func (c *conn) logIn(account, username string) error {
	if !c.l.Limits.accounts.Acquire(account) {
		return smtp.NewError(smtp.C454TemporaryAuthFailure, smtp.E470SecurityOther, "too many open connections of your account", nil)
	}
	c.l.Limits.logins.Succeeded(c.remoteIP, username)
	c.login = &login{account: account}
	c.engaged = true
	c.log = c.log.With("account", account)
	c.log.Info("login", "username", username, "remote", c.remoteIP)
	return nil
}

// loginFailed answers a failed login, slowly.
func (c *conn) loginFailed(cause error) error {
	c.failed++
	if !c.unlimited {
		c.sleep(min(time.Duration(c.failed)*failDelay, maxFailDelay))
	}
	return smtp.NewError(smtp.C535AuthCredentialsInvalid, smtp.E578CredentialsInvalid, "wrong user name or password", cause)
}

// authResult is the label of how a login ended.
func authResult(err error) string {
	_, aborted := errors.AsType[*connError](err)
	switch {
	case err == nil:
		return "ok"
	case aborted:
		return "aborted"
	case errors.Is(err, sasl.ErrCredentials):
		return "badcredentials"
	case smtp.IsTemporary(err):
		return "error"
	}
	return "refused"
}
