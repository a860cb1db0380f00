package sasl

import (
	"context"
)

// External is the name of the mechanism EXTERNAL.
const External = "EXTERNAL"

// ExternalVerifier knows who the client is from outside of the exchange, e.g. by the
// certificate it has shown in the TLS handshake.
type ExternalVerifier interface {
	// VerifyExternal returns nil if the client is known and may act as authzID, or if that
	// is empty, as who it is. It returns [ErrCredentials], possibly wrapped, if not, and
	// another error if that cannot be said now. The string is valid UTF-8 without NUL, but not
	// prepared. It is called at most once in an exchange.
	VerifyExternal(ctx context.Context, authzID string) error
}

type externalServer struct {
	verifier ExternalVerifier
	prompted bool
}

// NewExternalServer returns the server's side of EXTERNAL (RFC 4422 appendix A).
func NewExternalServer(v ExternalVerifier) Server { return &externalServer{verifier: v} }

func (s *externalServer) Mechanism() string { return External }

func (s *externalServer) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	if response == nil && !s.prompted {
		s.prompted = true
		return []byte{}, false, nil
	}
	if response == nil || len(response) > 0 && !valid(response) {
		return nil, false, ErrMalformed
	}
	if err := s.verifier.VerifyExternal(ctx, string(response)); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}

type externalClient struct{ authzID string }

// NewExternalClient returns the client's side of EXTERNAL (RFC 4422 appendix A). With an
// empty authzID the server decides who the client is.
func NewExternalClient(authzID string) Client { return externalClient{authzID} }

func (c externalClient) Mechanism() string { return External }

func (c externalClient) Start() ([]byte, error) {
	b := []byte(c.authzID)
	if len(b) > 0 && !valid(b) {
		return nil, ErrMalformed
	}
	return b, nil
}

func (c externalClient) Next([]byte) ([]byte, error) { return nil, ErrMalformed }

func (c externalClient) Finish() error { return nil }
