package smtpserver

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"mox/internal/logging"
	"mox/login"
	"mox/sasl"
	"mox/smtp"
)

// authTimeout is how long verifying credentials may take.
const authTimeout = time.Minute

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
	a := c.logins.Attempt(c.tls)
	m := a.Mechanism(name)
	if m == nil {
		return smtp.NewError(smtp.C504ParamNotImplemented, smtp.E554InvalidArguments, "unknown mechanism", nil)
	}
	err := c.exchange(a, m, initial, has)
	c.s.metrics.auth.WithLabelValues(c.l.Kind.String(), name, authResult(err)).Inc()
	if err != nil {
		return err
	}
	c.reply(smtp.C235AuthSuccess, smtp.E270SecurityOther, "welcome")
	return nil
}

// exchange makes the exchange of challenges and responses. At its end the connection is logged
// in.
func (c *conn) exchange(a *login.Attempt, m sasl.Server, initial string, has bool) error {
	var response []byte
	if has {
		var err error
		if response, err = decodeInitial(initial); err != nil {
			return err
		}
	}
	for {
		challenge, done, err := c.authStep(m, response)
		switch {
		case errors.Is(err, sasl.ErrMalformed):
			return smtp.NewError(smtp.C501BadParamSyntax, smtp.E552Syntax, "malformed response", err)
		case err != nil || done && challenge == nil:
			return c.endLogin(a, err)
		}
		if response, err = c.challenge(challenge); err != nil {
			return err
		}
		if done {
			// The challenge was data that belongs to the success, which 235 cannot carry. Only
			// now the client is content.
			if len(response) > 0 {
				return smtp.NewError(smtp.C501BadParamSyntax, smtp.E552Syntax, "nothing more was expected", nil)
			}
			return c.endLogin(a, nil)
		}
	}
}

func (c *conn) authStep(m sasl.Server, response []byte) (challenge []byte, done bool, err error) {
	ctx, cancel := context.WithTimeout(c.ctx(), authTimeout)
	defer cancel()
	return m.Next(ctx, response)
}

// challenge sends a challenge and reads the response.
func (c *conn) challenge(challenge []byte) ([]byte, error) {
	text := base64.StdEncoding.EncodeToString(challenge)
	if text == "" {
		c.reply(smtp.C334ContinueAuth, "", text)
	} else {
		// With those of SCRAM, passwords could be tried at leisure: they are no less secret.
		kind := c.out.SetKind(logging.LevelTraceauth)
		c.reply(smtp.C334ContinueAuth, "", text)
		c.out.SetKind(kind)
	}
	line, err := c.readLine(true)
	if errors.Is(err, errLineTooLong) {
		return nil, smtp.NewError(smtp.C500BadSyntax, smtp.E556AuthLineTooLong, "line too long", nil)
	} else if err != nil {
		return nil, &connError{err}
	}
	c.traceResponse(line)
	if string(line) == "*" {
		return nil, smtp.NewError(smtp.C501BadParamSyntax, smtp.E570SecurityOther, "authentication canceled", nil)
	}
	// Here an empty line is an empty response, and "=" is no base64.
	return decodeBase64(string(line))
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

// endLogin makes the connection one of the account that credentials were right for. err is how the
// exchange has ended. A failure is answered slowly.
func (c *conn) endLogin(a *login.Attempt, err error) error {
	log := c.log.With("username", a.Username(), "remote", c.remoteIP)
	wait, err := a.End(err)
	if err == nil {
		c.login = &loggedIn{account: a.Account()}
		c.engaged = true
		c.log = c.log.With("account", a.Account())
		log.Info("login", "account", a.Account())
		return nil
	}
	if wait > 0 {
		c.sleep(wait)
	}
	refusal := loginError(err)
	if errors.Is(err, sasl.ErrCredentials) || refusal.Err == nil {
		log.Info("login refused", "err", err)
	} else {
		log.Error("verifying credentials", "err", err)
	}
	return refusal
}

// loginError turns an error of a login into the reply (RFC 4954 §4, §6).
func loginError(err error) *smtp.Error {
	disabled, isDisabled := errors.AsType[*login.DisabledError](err)
	switch {
	case errors.Is(err, sasl.ErrCredentials):
		return smtp.NewError(smtp.C535AuthCredentialsInvalid, smtp.E578CredentialsInvalid, "wrong user name or password", err)
	case isDisabled:
		return smtp.NewError(smtp.C525AccountDisabled, smtp.E5713AccountDisabled, disabled.Error(), nil)
	case errors.Is(err, login.ErrConnections):
		return smtp.NewError(smtp.C454TemporaryAuthFailure, smtp.E470SecurityOther, "too many open connections of your account, close some first", nil)
	}
	return smtp.NewError(smtp.C454TemporaryAuthFailure, smtp.E470SecurityOther, "cannot verify credentials now, try again later", err)
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
