package sasl

import (
	"context"
)

// Login is the name of the mechanism LOGIN.
const Login = "LOGIN"

type loginServer struct {
	verifier PasswordVerifier
	step     loginStep
	username string
}

// loginStep is what the client's next response is.
type loginStep uint8

const (
	loginInitial  loginStep = iota // The user name, or nothing, then prompt for it.
	loginUsername                  // The user name.
	loginPassword                  // The password.
)

// NewLoginServer returns the server's side of LOGIN, which never was a standard
// (draft-murchison-sasl-login). It is for clients that have nothing else, old versions of
// Outlook above all. These also send the user name as initial response.
func NewLoginServer(v PasswordVerifier) Server { return &loginServer{verifier: v} }

func (s *loginServer) Mechanism() string { return Login }

func (s *loginServer) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	switch {
	case s.step == loginInitial && response == nil:
		s.step = loginUsername
		return []byte("Username:"), false, nil
	case !valid(response):
		return nil, false, ErrMalformed
	case s.step != loginPassword:
		s.username = string(response)
		s.step = loginPassword
		return []byte("Password:"), false, nil
	}
	c := Credentials{Username: s.username, Password: NewSecret(string(response))}
	if err := s.verifier.VerifyPassword(ctx, c); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}

type loginClient struct {
	c    Credentials
	step int // Challenges answered.
}

// NewLoginClient returns the client's side of LOGIN. The password is sent in clear text;
// the authorization identity cannot be sent.
func NewLoginClient(c Credentials) Client { return &loginClient{c: c} }

func (c *loginClient) Mechanism() string { return Login }

// Start returns no initial response: not all servers take one.
func (c *loginClient) Start() ([]byte, error) {
	if c.c.AuthzID != "" && c.c.AuthzID != c.c.Username {
		return nil, ErrMalformed
	}
	return nil, nil
}

// Next does not look at the text of the challenge, which differs between servers.
func (c *loginClient) Next([]byte) ([]byte, error) {
	c.step++
	switch c.step {
	case 1:
		return []byte(c.c.Username), nil
	case 2:
		return []byte(c.c.Password.Reveal()), nil
	}
	return nil, ErrMalformed
}

func (c *loginClient) Finish() error { return nil }
