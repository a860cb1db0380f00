package sasl

import (
	"bytes"
	"context"
	"unicode/utf8"
)

// Plain is the name of the mechanism PLAIN.
const Plain = "PLAIN"

// maxString is the limit in bytes of identities and passwords. RFC 4616 §2 asks for at
// least 255.
const maxString = 1024

// valid tells whether b is a non-empty string that a client may send.
func valid(b []byte) bool {
	return len(b) > 0 && len(b) <= maxString && utf8.Valid(b) && bytes.IndexByte(b, 0) < 0
}

type plainServer struct {
	verifier PasswordVerifier
	prompted bool
}

// NewPlainServer returns the server's side of PLAIN (RFC 4616).
func NewPlainServer(v PasswordVerifier) Server { return &plainServer{verifier: v} }

func (s *plainServer) Mechanism() string { return Plain }

func (s *plainServer) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	if response == nil && !s.prompted {
		s.prompted = true
		return []byte{}, false, nil
	}
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || len(parts[0]) > 0 && !valid(parts[0]) || !valid(parts[1]) || !valid(parts[2]) {
		return nil, false, ErrMalformed
	}
	c := Credentials{AuthzID: string(parts[0]), Username: string(parts[1]), Password: NewSecret(string(parts[2]))}
	if err := s.verifier.VerifyPassword(ctx, c); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}

type plainClient struct{ c Credentials }

// NewPlainClient returns the client's side of PLAIN (RFC 4616). The password is sent in
// clear text.
func NewPlainClient(c Credentials) Client { return plainClient{c} }

func (c plainClient) Mechanism() string { return Plain }

func (c plainClient) Start() ([]byte, error) {
	var b []byte
	b = append(b, c.c.AuthzID...)
	b = append(b, 0)
	b = append(b, c.c.Username...)
	b = append(b, 0)
	b = append(b, c.c.Password.Reveal()...)
	if bytes.Count(b, []byte{0}) != 2 {
		return nil, ErrMalformed // A NUL in one of them would make it another message.
	}
	return b, nil
}

func (c plainClient) Next([]byte) ([]byte, error) { return nil, ErrMalformed }

func (c plainClient) Finish() error { return nil }
