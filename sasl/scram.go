package sasl

import (
	"context"
	"crypto"
	_ "crypto/sha1" // The hashes must be there for crypto.Hash.
	_ "crypto/sha256"
	"strings"
)

// Names of the SCRAM mechanisms (RFC 5802 §4, RFC 7677 §3). Those ending in -PLUS bind the
// exchange to the TLS connection.
const (
	SCRAMSHA1       = "SCRAM-SHA-1"
	SCRAMSHA1Plus   = "SCRAM-SHA-1-PLUS"
	SCRAMSHA256     = "SCRAM-SHA-256"
	SCRAMSHA256Plus = "SCRAM-SHA-256-PLUS"
)

const plusSuffix = "-PLUS"

// scramHash returns the hash of a mechanism; false if it is no SCRAM mechanism.
func scramHash(mechanism string) (h crypto.Hash, plus, ok bool) {
	switch name, plus := strings.CutSuffix(mechanism, plusSuffix); name {
	case SCRAMSHA1:
		return crypto.SHA1, plus, true
	case SCRAMSHA256:
		return crypto.SHA256, plus, true
	}
	return 0, false, false
}

// scramName returns the name without -PLUS for a hash, empty for another one.
func scramName(h crypto.Hash) string {
	switch h {
	case crypto.SHA1:
		return SCRAMSHA1
	case crypto.SHA256:
		return SCRAMSHA256
	}
	return ""
}

// WithPlus returns the mechanisms with the -PLUS variant before each of SCRAM if the connection
// has bindings: what a server is to offer (RFC 5802 §4).
func WithPlus(mechanisms []string, bindings []ChannelBinding) []string {
	if len(bindings) == 0 {
		return mechanisms
	}
	l := make([]string, 0, 2*len(mechanisms))
	for _, m := range mechanisms {
		if _, plus, ok := scramHash(m); ok && !plus {
			l = append(l, m+plusSuffix)
		}
		l = append(l, m)
	}
	return l
}

// Authorizer decides about users whose identity is proved without their password being
// there.
type Authorizer interface {
	// Authorize returns nil if the user may log in and act as authzID, which is empty for
	// the same. It returns [ErrCredentials], possibly wrapped, if not, and another error if
	// that cannot be said now. Strings are as for [PasswordVerifier]. It is called at most
	// once in an exchange, in its last step.
	Authorize(ctx context.Context, username, authzID string) error
}

// SCRAMVerifiers has what a server needs for SCRAM. Strings are as for [PasswordVerifier].
type SCRAMVerifiers interface {
	Authorizer

	// SCRAM returns the verifier of a user's password for a hash, crypto.SHA1 or
	// crypto.SHA256. For users that are not known, or have no such verifier, it returns one
	// of [FakeSCRAMVerifier], in the same time. An error is temporary. It is called at most
	// once in an exchange.
	SCRAM(ctx context.Context, username string, h crypto.Hash) (SCRAMVerifier, error)
}

// SCRAMError tells why an exchange of SCRAM failed. It wraps [ErrCredentials] or
// [ErrMalformed].
type SCRAMError struct {
	// Value is one of the server-error-values of RFC 5802 §7, e.g. "invalid-proof".
	Value string

	err error
}

// Error implements error.
func (e *SCRAMError) Error() string { return e.err.Error() + ": " + e.Value }

// Unwrap returns what it wraps.
func (e *SCRAMError) Unwrap() error { return e.err }

// Message returns the last message of a server that tells the client why the exchange fails.
// Sending it is optional (RFC 5802 §5.1). Where a protocol can only send it as another
// challenge it costs a round trip, for a client that then is refused all the same.
func (e *SCRAMError) Message() []byte { return []byte("e=" + e.Value) }

// Values of SCRAMError (RFC 5802 §7).
const (
	scramInvalidEncoding         = "invalid-encoding"
	scramExtensionsNotSupported  = "extensions-not-supported"
	scramInvalidProof            = "invalid-proof"
	scramBindingsDontMatch       = "channel-bindings-dont-match"
	scramServerDoesSupport       = "server-does-support-channel-binding"
	scramBindingNotSupported     = "channel-binding-not-supported"
	scramUnsupportedBindingType  = "unsupported-channel-binding-type"
	scramUnknownUser             = "unknown-user"
	scramInvalidUsernameEncoding = "invalid-username-encoding"
	scramNoResources             = "no-resources"
	scramOtherError              = "other-error"
)

// scramServerError returns the error for a value that a server has sent.
func scramServerError(value string) *SCRAMError {
	switch value {
	case scramInvalidEncoding, scramExtensionsNotSupported, scramInvalidUsernameEncoding:
		return &SCRAMError{value, ErrMalformed}
	case scramInvalidProof, scramBindingsDontMatch, scramServerDoesSupport, scramBindingNotSupported,
		scramUnsupportedBindingType, scramUnknownUser, scramNoResources:
		return &SCRAMError{value, ErrCredentials}
	}
	// Unknown ones too (RFC 5802 §7).
	return &SCRAMError{scramOtherError, ErrCredentials}
}
