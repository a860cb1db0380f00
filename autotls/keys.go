package autotls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mox/dns"
	"mox/internal/atomicfile"
)

// KeyType is the algorithm and size of a private key. It is also the name of its files.
type KeyType string

// The types of keys of hosts, by preference.
const (
	ECDSAP256 KeyType = "ecdsa-p256"
	RSA2048   KeyType = "rsa-2048"
)

// keyTypes is all of them, by preference.
var keyTypes = [...]KeyType{ECDSAP256, RSA2048}

// ErrKeyType is wrapped for a private key that no certificate is requested for: it
// is neither ECDSA on P-256 nor RSA with 2048 to 4096 bits.
var ErrKeyType = errors.New("private key is neither ECDSA on P-256 nor RSA with 2048 to 4096 bits")

// TypeOf returns the type of a key. A larger RSA key stands for RSA2048. Returns
// ErrKeyType.
func TypeOf(pub crypto.PublicKey) (KeyType, error) {
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		if pub.Curve == elliptic.P256() {
			return ECDSAP256, nil
		}
	case *rsa.PublicKey:
		if n := pub.N.BitLen(); n >= 2048 && n <= 4096 {
			return RSA2048, nil
		}
	}
	return "", ErrKeyType
}

// GenerateKey makes a private key.
func GenerateKey(t KeyType) (crypto.Signer, error) {
	switch t {
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("%w: type %q", ErrKeyType, t)
}

// ParseKey returns the private key of a PEM file: PKCS #8, PKCS #1 or SEC 1. Returns
// ErrKeyType for other kinds of keys.
func ParseKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not a PEM file")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM file with %q, not a private key", block.Type)
	}
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, ErrKeyType
	}
	if _, err := TypeOf(signer.Public()); err != nil {
		return nil, err
	}
	return signer, nil
}

// MarshalKey returns the PEM file, in PKCS #8, of a private key.
func MarshalKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// damage is what was wrong with a file that was moved aside.
type damage struct {
	aside string // Its name now.
	err   error
}

// loadKey returns the private key in a file, which it makes if there is none. A file that has no key is moved aside and
// told of in damaged, and the key is a new one. A file that cannot be read is an error: the key may be well.
func loadKey(path string, t KeyType) (key crypto.Signer, damaged *damage, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		key, err := ParseKey(data)
		if err == nil {
			return key, nil, nil
		}
		aside, aerr := setAside(path)
		if aerr != nil {
			return nil, nil, fmt.Errorf("%s: %w; it cannot be moved aside: %w", path, err, aerr)
		}
		damaged = &damage{aside, err}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if key, err = GenerateKey(t); err != nil {
		return nil, damaged, err
	}
	if data, err = MarshalKey(key); err != nil {
		return nil, damaged, err
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, damaged, err
	}
	return key, damaged, atomicfile.Write(path, data, 0o600)
}

// makeDir makes a directory that only the owner can enter, and those above it, durably: a key
// must not be lost with its directory in a power cut.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return atomicfile.SyncDir(parent)
}

// sameKey tells whether two public keys are the same one.
func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// TLSA returns the content of a TLSA record that binds a service to a key: usage 3
// (DANE-EE), selector 1 (the public key), matching type 1 (SHA-256). It is the one that
// RFC 7672 §3.1 recommends for SMTP, and needs no change when the certificate is
// renewed for the same key (RFC 7671 §5.1).
func TLSA(pub crypto.PublicKey) (dns.TLSA, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return dns.TLSA{}, err
	}
	digest := sha256.Sum256(spki)
	return dns.TLSA{Usage: 3, Selector: 1, MatchType: 1, CertAssoc: digest[:]}, nil
}
