package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
)

// Algorithm is a signature algorithm as in a=, in lower case.
type Algorithm string

// Algorithms. Others have the form of a key type, a hyphen and a hash.
const (
	RSASHA256     Algorithm = "rsa-sha256"     // RFC 6376 §3.3.2.
	Ed25519SHA256 Algorithm = "ed25519-sha256" // RFC 8463 §3.
	RSASHA1       Algorithm = "rsa-sha1"       // Never used (RFC 8301 §3.1).
)

// check tells whether the algorithm can be used.
func (a Algorithm) check() error {
	switch a {
	case RSASHA256, Ed25519SHA256:
		return nil
	case RSASHA1:
		return ErrSHA1
	}
	return fmt.Errorf("%w %.40q", ErrAlgorithm, string(a))
}

// keyType returns the key type as in k= of a key record.
func (a Algorithm) keyType() string {
	if a == Ed25519SHA256 {
		return keyEd25519
	}
	return keyRSA
}

// AlgorithmOf returns the algorithm for a public key: an *rsa.PublicKey or an
// ed25519.PublicKey. For others the error is an [ErrKeyAlgorithm].
func AlgorithmOf(key crypto.PublicKey) (Algorithm, error) {
	switch key.(type) {
	case *rsa.PublicKey:
		return RSASHA256, nil
	case ed25519.PublicKey:
		return Ed25519SHA256, nil
	}
	return "", fmt.Errorf("%w: %T", ErrKeyAlgorithm, key)
}

// SignHash signs a SHA-256 hash with the algorithm for the key: RSASSA-PKCS1-v1_5
// (RFC 6376 §3.3.2), or PureEd25519 over the hash (RFC 8463 §3).
func SignHash(key crypto.Signer, hash [32]byte) ([]byte, error) {
	switch pub := key.Public().(type) {
	case *rsa.PublicKey:
		return key.Sign(rand.Reader, hash[:], crypto.SHA256)
	case ed25519.PublicKey:
		return key.Sign(rand.Reader, hash[:], crypto.Hash(0))
	default:
		return nil, fmt.Errorf("%w: %T", ErrKeyAlgorithm, pub)
	}
}

// verifyHash checks a signature of a SHA-256 hash. Its time is bounded by the size of an
// RSA key.
func verifyHash(key crypto.PublicKey, hash [32]byte, sig []byte) error {
	switch pub := key.(type) {
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, hash[:], sig); err != nil {
			return fmt.Errorf("%w: %w", ErrSignature, err)
		}
		return nil
	case ed25519.PublicKey:
		if len(pub) != ed25519.PublicKeySize || !ed25519.Verify(pub, hash[:], sig) {
			return ErrSignature
		}
		return nil
	}
	return fmt.Errorf("%w: %T", ErrKeyAlgorithm, key)
}
