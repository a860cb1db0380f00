package sasl

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
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

// KeyFingerprint is the SHA-256 of a public key, in the form of the SubjectPublicKeyInfo of a
// certificate.
type KeyFingerprint [sha256.Size]byte

// ClientKey returns the fingerprint of the key of which the TLS client has proved that it has
// it, and false without TLS or client certificate. What the certificate says besides counts for
// nothing: nobody has verified it.
func ClientKey(cs *tls.ConnectionState) (KeyFingerprint, bool) {
	if cs == nil || !cs.HandshakeComplete || len(cs.PeerCertificates) == 0 {
		return KeyFingerprint{}, false
	}
	return sha256.Sum256(cs.PeerCertificates[0].RawSubjectPublicKeyInfo), true
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
