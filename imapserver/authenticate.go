package imapserver

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"time"

	"mox/imap"
	"mox/internal/logging"
	"mox/sasl"
)

// handleAuthenticate carries out AUTHENTICATE (RFC 9051 §6.2.2, RFC 3501 §6.2.2) with the initial response of RFC 4959.
func (c *conn) handleAuthenticate(_ *request) (imap.Code, error) {
	if !c.tls && !c.lo.PlaintextAuth {
		return "", errPrivacyRequired()
	}
	args, err := c.dec.Authenticate()
	if err != nil {
		return "", err
	}
	a := c.logins.Attempt(c.tlsState())
	mech := a.Mechanism(args.Mechanism)
	if mech == nil {
		return "", imap.No(imap.CodeCannot, "This mechanism is not available", nil)
	}
	response := args.Initial
	if args.HasInitial && response == nil {
		response = []byte{}
	}
	for {
		challenge, done, err := c.authStep(mech, response)
		switch {
		case errors.Is(err, sasl.ErrMalformed):
			return "", imap.Bad("This is not how the mechanism works")
		case err != nil || done && challenge == nil:
			return c.finishLogin(a, err)
		}
		var canceled bool
		if response, canceled, err = c.challenge(challenge); err != nil {
			return "", err
		} else if canceled {
			return "", imap.Bad("Authentication canceled")
		}
		if done {
			// The challenge was data that belongs to the success. Only now the client is content.
			if len(response) > 0 {
				return "", imap.Bad("Nothing more was expected")
			}
			return c.finishLogin(a, nil)
		}
	}
}

// authTimeout is how long checking credentials may take.
const authTimeout = time.Minute

func (c *conn) authStep(mech sasl.Server, response []byte) (challenge []byte, done bool, err error) {
	ctx, cancel := context.WithTimeout(c.srv.ctx, authTimeout)
	defer cancel()
	return mech.Next(ctx, response)
}

// tlsState returns the state of TLS, nil without.
func (c *conn) tlsState() *tls.ConnectionState {
	tc, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	cs := tc.ConnectionState()
	return &cs
}

// challenge sends a challenge of SASL and reads the response.
func (c *conn) challenge(data []byte) (response []byte, canceled bool, err error) {
	// With the challenges of SCRAM, passwords could be tried at leisure: they are no less secret.
	c.enc.Flush()
	kind := c.out.SetKind(logging.LevelTraceauth)
	defer c.out.SetKind(kind)
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
