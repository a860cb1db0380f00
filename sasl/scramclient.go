package sasl

import (
	"crypto"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Limits of the iteration count that a client accepts. With fewer iterations passwords could
// be tried on what was heard of the exchange, with more a server could keep a client busy: the
// most take some seconds.
const (
	MinSCRAMIterations = 4096 // RFC 5802 §5.1, RFC 7677 §4.
	MaxSCRAMIterations = 5_000_000
)

type scramClient struct {
	mechanism string
	hash      crypto.Hash
	c         Credentials
	header    string // The gs2-header.
	binding   []byte // The cbind-data.
	nonce     string

	step      scramStep
	bare      string // The client-first-message-bare.
	signature []byte // Of the server, as it should be.
	verified  bool
}

// NewSCRAMClient returns the client's side of a SCRAM mechanism (RFC 5802, RFC 7677), and an
// error if the mechanism is none, or cannot be had without bindings.
//
// Bindings are those that the connection has, see [ChannelBindings]. The -PLUS variant uses
// the first. The other one tells the server that this client could have bound the exchange, so
// the server refuses it if it had offered to (RFC 5802 §6): when the server offers a -PLUS
// variant, use it, or give no bindings.
//
// The server has proved that it knows the password once Finish returns nil, which returns
// [ErrServerProof] otherwise. Errors of Next also are [*SCRAMError].
func NewSCRAMClient(mechanism string, c Credentials, bindings []ChannelBinding) (Client, error) {
	h, plus, ok := scramHash(mechanism)
	if !ok {
		return nil, fmt.Errorf("mechanism %q is no SCRAM mechanism", mechanism)
	}
	s := &scramClient{mechanism: mechanism, hash: h, c: c, nonce: rand.Text()}
	switch {
	case plus && len(bindings) == 0:
		return nil, errors.New("connection has no channel binding for " + mechanism)
	case plus:
		s.header, s.binding = "p="+bindings[0].Type+",", bindings[0].Data
	case len(bindings) > 0:
		s.header = "y,"
	default:
		s.header = "n,"
	}
	return s, nil
}

func (c *scramClient) Mechanism() string { return c.mechanism }

func (c *scramClient) Start() ([]byte, error) {
	username, ok := PrepareUsername(c.c.Username)
	if !ok || !valid([]byte(username)) || c.c.Password.Reveal() == "" {
		return nil, ErrMalformed
	}
	if c.c.AuthzID != "" {
		authzID, ok := PrepareUsername(c.c.AuthzID)
		if !ok || !valid([]byte(authzID)) {
			return nil, ErrMalformed
		}
		c.header += "a=" + escapeName(authzID)
	}
	c.header += ","
	c.bare = "n=" + escapeName(username) + ",r=" + c.nonce
	c.step = scramFirst
	return []byte(c.header + c.bare), nil
}

func (c *scramClient) Next(challenge []byte) ([]byte, error) {
	switch c.step {
	case scramFirst:
		c.step = scramFinal
		return c.prove(challenge)
	case scramFinal:
		c.step = scramOver
		return c.verify(challenge)
	}
	return nil, ErrMalformed
}

// prove answers the server-first-message.
func (c *scramClient) prove(challenge []byte) ([]byte, error) {
	m, err := parseServerFirst(challenge)
	switch {
	case err != nil:
		return nil, err
	case !strings.HasPrefix(m.nonce, c.nonce) || len(m.nonce) == len(c.nonce):
		return nil, &SCRAMError{scramOtherError, ErrMalformed}
	case m.iterations < MinSCRAMIterations || m.iterations > MaxSCRAMIterations:
		return nil, fmt.Errorf("%w: server wants %d iterations, accepted are %d to %d",
			ErrMalformed, m.iterations, MinSCRAMIterations, MaxSCRAMIterations)
	}
	keys, err := deriveSCRAM(c.hash, PreparePassword(c.c.Password.Reveal()), m.salt, m.iterations)
	if err != nil {
		return nil, err
	}
	binding := base64.StdEncoding.EncodeToString(append([]byte(c.header), c.binding...))
	withoutProof := "c=" + binding + ",r=" + m.nonce
	message := c.bare + "," + string(challenge) + "," + withoutProof
	proof := hmacSum(c.hash, keys.stored, message)
	subtle.XORBytes(proof, proof, keys.client)
	c.signature = hmacSum(c.hash, keys.server, message)
	return []byte(withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// verify checks the server-final-message. What it returns is empty: there is no more to say.
func (c *scramClient) verify(challenge []byte) ([]byte, error) {
	signature, err := parseServerFinal(challenge)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(signature, c.signature) != 1 {
		return nil, ErrServerProof
	}
	c.verified = true
	return []byte{}, nil
}

func (c *scramClient) Finish() error {
	if !c.verified {
		return ErrServerProof
	}
	return nil
}
