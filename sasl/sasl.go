// Package sasl has both sides of authentication exchanges of the Simple Authentication
// and Security Layer (RFC 4422), as SMTP (RFC 4954) and IMAP (RFC 9051 §6.2.2) carry
// them: SCRAM with SHA-256 and SHA-1, also bound to the TLS connection (RFC 5802, RFC 7677,
// RFC 9266), EXTERNAL (RFC 4422), PLAIN (RFC 4616), and for old clients LOGIN and CRAM-MD5
// (RFC 2195).
//
// A mechanism sees decoded bytes only. Base64, the line limits, the "=" for an empty
// initial response and the "*" with which a client gives up are of the protocol that
// carries it. So is the policy which mechanisms are offered, and whether without TLS.
package sasl

import (
	"context"
	"errors"
)

// Errors of exchanges. A Server's may wrap them, so compare with errors.Is.
var (
	// ErrCredentials says that the server does not accept the credentials: the user is
	// not known, the password is wrong, or acting as the other identity is not allowed.
	// Which of them is not said to the client (SMTP 535 5.7.8, IMAP AUTHENTICATIONFAILED).
	ErrCredentials = errors.New("authentication credentials invalid")

	// ErrMalformed says that a message breaks the rules of the mechanism (SMTP 501
	// 5.5.2, IMAP BAD).
	ErrMalformed = errors.New("malformed message of authentication mechanism")

	// ErrServerProof says that the server has not proved to the client that it knows the
	// password, as it must with SCRAM. It may be another one.
	ErrServerProof = errors.New("server has not proved that it knows the password")
)

// Server is the server's side of one exchange. It must not be used concurrently, nor
// after it is done or has returned an error.
type Server interface {
	// Mechanism returns the registered name, e.g. "PLAIN".
	Mechanism() string

	// Next takes the client's response. The first time that is its initial response, nil
	// if it has sent none, which is not the same as an empty one (RFC 4422 §5).
	//
	// With done, the client is authenticated; a challenge that is not nil then is data
	// that belongs to the success (RFC 4422 §3.6). Without done the challenge is to be
	// sent, also if it is empty. Errors other than [ErrCredentials] and [ErrMalformed]
	// come from verifying, and are temporary.
	//
	// The context is given to what verifies. The response is not kept.
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)
}

// Client is the client's side of one exchange. It must not be used concurrently, nor
// after an error.
type Client interface {
	// Mechanism returns the registered name, e.g. "PLAIN".
	Mechanism() string

	// Start begins the exchange. It returns the initial response, nil if the mechanism
	// has none. A protocol that cannot send it with its command answers the server's
	// first, empty challenge with it.
	Start() (initial []byte, err error)

	// Next answers a challenge of the server. It returns [ErrMalformed] if the mechanism
	// expects none, or not this one, and other errors that the mechanism has: then the
	// exchange must be ended and, with a mechanism that authenticates the server, the
	// connection not be used.
	//
	// Data that belongs to the success is a challenge as any other, also for a protocol
	// that carries it with its reply of success; the response is then empty.
	Next(challenge []byte) (response []byte, err error)

	// Finish is to be called when the server says that the client is authenticated. It
	// returns [ErrServerProof] if the mechanism lets the server prove who it is and it has
	// not: the connection must not be used.
	Finish() error
}

// Credentials are what a client presents with a mechanism that sends the password.
type Credentials struct {
	// Username is the authentication identity: whose password it is. Not empty.
	Username string

	// AuthzID is the authorization identity: as whom to act. Empty for the same.
	AuthzID string

	// Password is not empty.
	Password Secret
}

// PasswordVerifier verifies passwords that clients have sent. Strings are valid UTF-8
// without NUL, but not prepared: mapping them (RFC 8265) is the verifier's.
type PasswordVerifier interface {
	// VerifyPassword returns nil if the password is right and the user may act as AuthzID,
	// [ErrCredentials], possibly wrapped, if not, and another error if that cannot be
	// said now. Users that are not known must take as long and look the same.
	//
	// It is called at most once in an exchange.
	VerifyPassword(ctx context.Context, c Credentials) error
}
