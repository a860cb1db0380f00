package sasl

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

type scramServer struct {
	mechanism string
	hash      crypto.Hash
	plus      bool
	verifiers SCRAMVerifiers
	bindings  []ChannelBinding

	nonce string // The server's part.
	step  scramStep

	// What follows is known after the first message of the client.
	first       clientFirst
	serverFirst string // As sent.
	fullNonce   string
	binding     []byte // The cbind-data.
	verifier    SCRAMVerifier
}

// scramStep is what comes next from the other side.
type scramStep uint8

const (
	scramInitial scramStep = iota // To a server: the client-first-message, or nothing, then ask for it.
	scramFirst                    // The first message.
	scramFinal                    // The final message.
	scramOver                     // Nothing.
)

// NewSCRAMServer returns the server's side of a SCRAM mechanism (RFC 5802, RFC 7677), and an
// error if the mechanism is none, or cannot be had without bindings.
//
// Bindings are those that the connection has, see [ChannelBindings]. When there are some, the
// -PLUS variant must be offered, and be among the mechanisms that the client was told of: a
// client that could bind the exchange and has not seen a way is refused, as somebody has hidden
// it (RFC 5802 §6).
//
// The exchange ends with data that proves to the client that the server knows the password.
func NewSCRAMServer(mechanism string, v SCRAMVerifiers, bindings []ChannelBinding) (Server, error) {
	h, plus, ok := scramHash(mechanism)
	if !ok {
		return nil, fmt.Errorf("mechanism %q is no SCRAM mechanism", mechanism)
	}
	if plus && len(bindings) == 0 {
		return nil, errors.New("connection has no channel binding for " + mechanism)
	}
	// The nonce has 130 random bits.
	return &scramServer{mechanism: mechanism, hash: h, plus: plus, verifiers: v, bindings: bindings, nonce: rand.Text()}, nil
}

func (s *scramServer) Mechanism() string { return s.mechanism }

func (s *scramServer) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	switch {
	case s.step == scramInitial && response == nil:
		s.step = scramFirst
		return []byte{}, false, nil
	case s.step <= scramFirst:
		s.step = scramFinal
		challenge, err = s.begin(ctx, response)
		return challenge, false, err
	case s.step == scramFinal:
		s.step = scramOver
		challenge, err = s.finish(ctx, response)
		return challenge, err == nil, err
	}
	return nil, false, ErrMalformed
}

// begin answers the client-first-message.
func (s *scramServer) begin(ctx context.Context, response []byte) ([]byte, error) {
	var err error
	if s.first, err = parseClientFirst(response); err != nil {
		return nil, err
	}
	if err := s.bind(); err != nil {
		return nil, err
	}
	if s.verifier, err = s.verifiers.SCRAM(ctx, s.first.username, s.hash); err != nil {
		return nil, err
	}
	if s.verifier.hash != s.hash || !s.verifier.valid() {
		return nil, ErrVerifier
	}
	s.fullNonce = s.first.nonce + s.nonce
	s.serverFirst = serverFirst{s.fullNonce, s.verifier.salt, s.verifier.iterations}.encode()
	return []byte(s.serverFirst), nil
}

// bind decides about channel binding (RFC 5802 §6).
func (s *scramServer) bind() error {
	refuse := func(value string) error { return &SCRAMError{value, ErrCredentials} }
	switch {
	case s.first.flag == 'y' && len(s.bindings) > 0:
		return refuse(scramServerDoesSupport)
	case s.plus && s.first.flag != 'p':
		// Choosing the mechanism says that the exchange is to be bound.
		return refuse(scramOtherError)
	case !s.plus && s.first.flag == 'p':
		return refuse(scramBindingNotSupported)
	case !s.plus:
		return nil
	}
	i := slices.IndexFunc(s.bindings, func(b ChannelBinding) bool { return b.Type == s.first.binding })
	if i < 0 {
		return refuse(scramUnsupportedBindingType)
	}
	s.binding = s.bindings[i].Data
	return nil
}

// finish checks the client-final-message and returns the server-final-message. Comparisons
// take the same time wherever the difference is.
func (s *scramServer) finish(ctx context.Context, response []byte) ([]byte, error) {
	m, err := parseClientFinal(response)
	if err != nil {
		return nil, err
	}
	if len(m.proof) != s.hash.Size() {
		return nil, &SCRAMError{scramInvalidEncoding, ErrMalformed}
	}
	if subtle.ConstantTimeCompare([]byte(m.nonce), []byte(s.fullNonce)) != 1 {
		return nil, &SCRAMError{scramOtherError, ErrCredentials}
	}
	if subtle.ConstantTimeCompare(m.binding, append([]byte(s.first.header), s.binding...)) != 1 {
		return nil, &SCRAMError{scramBindingsDontMatch, ErrCredentials}
	}
	message := s.first.bare + "," + s.serverFirst + "," + m.withoutProof
	clientKey := hmacSum(s.hash, s.verifier.storedKey, message)
	subtle.XORBytes(clientKey, clientKey, m.proof)
	if subtle.ConstantTimeCompare(hashSum(s.hash, clientKey), s.verifier.storedKey) != 1 {
		return nil, &SCRAMError{scramInvalidProof, ErrCredentials}
	}
	if err := s.verifiers.Authorize(ctx, s.first.username, s.first.authzID); err != nil {
		return nil, err
	}
	return []byte("v=" + base64.StdEncoding.EncodeToString(hmacSum(s.hash, s.verifier.serverKey, message))), nil
}
