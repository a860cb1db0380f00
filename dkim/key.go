package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// DefaultRSABits is the size of an RSA key to sign with: what RFC 8301 §3.2 asks for, and all
// verifiers and most DNS software can handle.
const DefaultRSABits = 2048

// ErrPrivateKey is wrapped by the errors of [ParsePrivateKey] and [MarshalPrivateKey].
var ErrPrivateKey = errors.New("dkim: private key")

// GenerateRSA returns a new RSA key. 0 bits means DefaultRSABits, which is also the least.
func GenerateRSA(bits int) (*rsa.PrivateKey, error) {
	if bits == 0 {
		bits = DefaultRSABits
	}
	if bits < DefaultRSABits {
		return nil, fmt.Errorf("%w: %d bits, at least %d", ErrKeyWeak, bits, DefaultRSABits)
	}
	return rsa.GenerateKey(rand.Reader, bits)
}

// GenerateEd25519 returns a new Ed25519 key.
func GenerateEd25519() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// MarshalPrivateKey returns an RSA or Ed25519 key in PKCS #8 (RFC 5958) as PEM
// (RFC 7468 §10).
func MarshalPrivateKey(key crypto.Signer) ([]byte, error) {
	if _, err := AlgorithmOf(key.Public()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPrivateKey, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPrivateKey, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParsePrivateKey reads an RSA or Ed25519 key in PEM, in PKCS #8 or, as older tools write
// RSA keys, PKCS #1. The first block counts.
func ParsePrivateKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%w: no PEM", ErrPrivateKey)
	}
	switch block.Type {
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPrivateKey, err)
		}
		switch k := key.(type) {
		case *rsa.PrivateKey:
			return k, nil
		case ed25519.PrivateKey:
			return k, nil
		}
		return nil, fmt.Errorf("%w: a %T", ErrPrivateKey, key)
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPrivateKey, err)
		}
		return key, nil
	}
	return nil, fmt.Errorf("%w: PEM block %q", ErrPrivateKey, block.Type)
}
