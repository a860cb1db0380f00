package sasl

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"time"
)

// CRAMMD5 is the name of the mechanism CRAM-MD5.
const CRAMMD5 = "CRAM-MD5"

// CRAMMD5Verifiers has what a server needs for CRAM-MD5. Strings are as for
// [PasswordVerifier].
type CRAMMD5Verifiers interface {
	Authorizer

	// CRAMMD5 returns the verifier of a user's password. For users that are not known, or
	// have no such verifier, it returns one of [FakeCRAMMD5Verifier], in the same time. An
	// error is temporary. It is called at most once in an exchange.
	CRAMMD5(ctx context.Context, username string) (CRAMMD5Verifier, error)
}

type cramMD5Server struct {
	verifiers CRAMMD5Verifiers
	host      string
	challenge []byte // Nil until sent.
}

// NewCRAMMD5Server returns the server's side of CRAM-MD5 (RFC 2195). The challenge tells the
// name of the host.
//
// A verifier is as good as the password for whoever gets hold of it, and whoever hears an
// exchange can try many passwords a second on it: this is for clients that have nothing else.
func NewCRAMMD5Server(v CRAMMD5Verifiers, host string) Server {
	return &cramMD5Server{verifiers: v, host: host}
}

func (s *cramMD5Server) Mechanism() string { return CRAMMD5 }

func (s *cramMD5Server) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	if s.challenge == nil {
		if response != nil {
			return nil, false, ErrMalformed // The server is to begin.
		}
		// Random, a time, and the host, in the form of a message id (RFC 2195 §2).
		s.challenge = fmt.Appendf(nil, "<%s.%d@%s>", rand.Text(), time.Now().Unix(), s.host)
		return s.challenge, false, nil
	}
	// A user name may have spaces, a digest has none.
	i := bytes.LastIndexByte(response, ' ')
	if i < 0 || !valid(response[:i]) || len(response)-i-1 != 2*md5.Size {
		return nil, false, ErrMalformed
	}
	username := string(response[:i])
	v, err := s.verifiers.CRAMMD5(ctx, username)
	if err != nil {
		return nil, false, err
	}
	want, err := v.digest(s.challenge)
	if err != nil {
		return nil, false, err
	}
	// As text: upper case is no digest (RFC 2195 §2).
	if subtle.ConstantTimeCompare(want, response[i+1:]) != 1 {
		return nil, false, ErrCredentials
	}
	if err := s.verifiers.Authorize(ctx, username, ""); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}

type cramMD5Client struct {
	c        Credentials
	answered bool
}

// NewCRAMMD5Client returns the client's side of CRAM-MD5 (RFC 2195). The authorization
// identity cannot be sent, and the server is not authenticated.
func NewCRAMMD5Client(c Credentials) Client { return &cramMD5Client{c: c} }

func (c *cramMD5Client) Mechanism() string { return CRAMMD5 }

func (c *cramMD5Client) Start() ([]byte, error) {
	if c.c.AuthzID != "" && c.c.AuthzID != c.c.Username {
		return nil, ErrMalformed
	}
	return nil, nil
}

func (c *cramMD5Client) Next(challenge []byte) ([]byte, error) {
	username, ok := PrepareUsername(c.c.Username)
	if c.answered || len(challenge) == 0 || len(challenge) > maxString || !ok {
		return nil, ErrMalformed
	}
	c.answered = true
	h := hmac.New(md5.New, []byte(PreparePassword(c.c.Password.Reveal())))
	h.Write(challenge)
	return hex.AppendEncode(append([]byte(username), ' '), h.Sum(nil)), nil
}

func (c *cramMD5Client) Finish() error { return nil }
