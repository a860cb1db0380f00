package smtpserver

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
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
	v := &verifier{c: c}
	m := v.mechanism(name)
	if m == nil {
		return smtp.NewError(smtp.C504ParamNotImplemented, smtp.E554InvalidArguments, "unknown mechanism", nil)
	}
	err := c.exchange(v, m, initial, has)
	c.s.metrics.auth.WithLabelValues(c.l.Kind.String(), name, authResult(err)).Inc()
	if err != nil {
		return err
	}
	c.reply(smtp.C235AuthSuccess, smtp.E270SecurityOther, "welcome")
	return nil
}

// mechanisms are the names of the mechanisms offered, best first.
func (c *conn) mechanisms() []string {
	var l []string
	if v := c.s.opts.Verifiers; v != nil {
		l = slices.Clone(sasl.WithPlus(v.Mechanisms(), sasl.ChannelBindings(c.tls)))
		if key, ok := sasl.ClientKey(c.tls); ok && v.KeyAccount(key) != "" {
			l = append(l, sasl.External)
		}
	}
	return append(l, sasl.Plain, sasl.Login)
}

// exchange makes the exchange of challenges and responses. At its end the connection is logged
// in.
func (c *conn) exchange(v *verifier, m sasl.Server, initial string, has bool) error {
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
		case err != nil:
			return c.refuseLogin(v, err)
		case done && challenge == nil:
			return c.logIn(v)
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
			return c.logIn(v)
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

// refuseLogin returns the reply for an error of checking credentials.
func (c *conn) refuseLogin(v *verifier, err error) error {
	log := c.log.With("username", v.username, "remote", c.remoteIP)
	switch {
	case v.limited:
		// Credentials do not count, and a guesser does not learn that.
		log.Info("login refused, too many failures")
		return c.loginFailed(sasl.ErrCredentials)
	case errors.Is(err, sasl.ErrCredentials):
		log.Info("login failed", "err", err)
		if !c.unlimited {
			c.l.Limits.logins.Failed(c.remoteIP, v.username)
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

// logIn makes the connection one of the account that the verifier accepted.
func (c *conn) logIn(v *verifier) error {
	if !c.l.Limits.accounts.Acquire(v.account) {
		return smtp.NewError(smtp.C454TemporaryAuthFailure, smtp.E470SecurityOther, "too many open connections of your account", nil)
	}
	c.l.Limits.logins.Succeeded(c.remoteIP, v.username)
	c.login = &login{account: v.account}
	c.engaged = true
	c.log = c.log.With("account", v.account)
	c.log.Info("login", "username", v.username, "remote", c.remoteIP)
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
