package imapserver

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"mox/imap"
	"mox/sasl"
	"mox/store"
)

// handleAuthenticate carries out AUTHENTICATE (RFC 9051 §6.2.2) with the initial response of RFC 4959.
func (c *conn) handleAuthenticate(_ *request) (imap.Code, error) {
	if !c.tls && !c.lo.PlaintextAuth {
		return "", errPrivacyRequired()
	}
	args, err := c.dec.Authenticate()
	if err != nil {
		return "", err
	}
	v := &verifier{c: c}
	mech := v.mechanism(args.Mechanism)
	if mech == nil {
		return "", imap.No(imap.CodeCannot, "This mechanism is not available", nil)
	}
	response := args.Initial
	if args.HasInitial && response == nil {
		response = []byte{}
	}
	ctx, cancel := context.WithTimeout(c.srv.ctx, time.Minute)
	defer cancel()
	for {
		challenge, done, err := mech.Next(ctx, response)
		switch {
		case errors.Is(err, sasl.ErrMalformed):
			return "", imap.Bad("This is not how the mechanism works")
		case err != nil && v.err == nil:
			// Refused before the password was looked at, as for another identity.
			return "", c.loginFailed()
		case err != nil:
			return "", v.err
		case done:
			return v.code, nil
		}
		var canceled bool
		if response, canceled, err = c.challenge(challenge); err != nil {
			return "", err
		} else if canceled {
			return "", imap.Bad("Authentication canceled")
		}
	}
}

// verifier lets a mechanism log a connection in.
type verifier struct {
	c    *conn
	code imap.Code
	err  error
}

var _ sasl.PasswordVerifier = (*verifier)(nil)

func (v *verifier) mechanism(name string) sasl.Server {
	switch name {
	case sasl.Plain:
		return sasl.NewPlainServer(v)
	case sasl.Login:
		return sasl.NewLoginServer(v)
	}
	return nil
}

// VerifyPassword implements sasl.PasswordVerifier. Nobody can act for another account.
func (v *verifier) VerifyPassword(_ context.Context, cred sasl.Credentials) error {
	if cred.AuthzID != "" && cred.AuthzID != cred.Username {
		v.c.loginResult("credentials", cred.Username, nil)
		return sasl.ErrCredentials
	}
	v.code, v.err = v.c.login(cred.Username, cred.Password.Reveal())
	if v.err != nil {
		return store.ErrCredentials
	}
	return nil
}

// challenge sends a challenge of SASL and reads the response.
func (c *conn) challenge(data []byte) (response []byte, canceled bool, err error) {
	// Not Continue: an empty challenge is nothing, while text must not be empty.
	c.enc.Raw("+ " + base64.StdEncoding.EncodeToString(data)).CRLF()
	if err := c.bw.Flush(); err != nil {
		return nil, false, connError{err}
	}
	if err := c.dec.ReadLine(); err != nil {
		return nil, false, err
	}
	if response, canceled, err = c.dec.SASLResponse(nil); response == nil {
		response = []byte{}
	}
	return response, canceled, err
}
