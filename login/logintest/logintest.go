// Package logintest has users who log in, and their clients, for tests of package login and of the servers that use
// it.
package logintest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mox/login"
	"mox/sasl"
)

// Users log in with passwords that are all the same. Fields must not be changed while it is used.
type Users struct {
	Password string
	Accounts map[string]string // By user name.

	// Errors of users who have the right password, such as a *login.DisabledError.
	Errors map[string]error

	Offered []string                       // By Mechanisms; nil for all.
	Keys    map[sasl.KeyFingerprint]string // Accounts by their key.

	Tried atomic.Int64 // Passwords that were looked at.
}

var _ login.Verifiers = (*Users)(nil)

// Authenticate is for login.Options.
func (u *Users) Authenticate(ctx context.Context, username, password string) (string, error) {
	u.Tried.Add(1)
	if password != u.Password {
		return "", sasl.ErrCredentials
	}
	return u.Account(ctx, username)
}

// Mechanisms implements login.Verifiers.
func (u *Users) Mechanisms() []string {
	if u.Offered != nil {
		return u.Offered
	}
	return []string{sasl.SCRAMSHA256, sasl.SCRAMSHA1, sasl.CRAMMD5}
}

func (u *Users) known(username string) bool {
	return u.Accounts[username] != "" || u.Errors[username] != nil
}

// SCRAM implements login.Verifiers.
func (u *Users) SCRAM(_ context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	if !u.known(username) {
		return sasl.FakeSCRAMVerifier(h, []byte("secret"), username, 4, sasl.MinSCRAMIterations), nil
	}
	return sasl.NewSCRAMVerifier(h, u.Password, []byte("salt"), sasl.MinSCRAMIterations)
}

// CRAMMD5 implements login.Verifiers.
func (u *Users) CRAMMD5(_ context.Context, username string) (sasl.CRAMMD5Verifier, error) {
	if !u.known(username) {
		return sasl.FakeCRAMMD5Verifier([]byte("secret"), username)
	}
	return sasl.NewCRAMMD5Verifier(u.Password)
}

// KeyAccount implements login.Verifiers.
func (u *Users) KeyAccount(key sasl.KeyFingerprint) string { return u.Keys[key] }

// Account implements login.Verifiers.
func (u *Users) Account(_ context.Context, username string) (string, error) {
	switch {
	case u.Errors[username] != nil:
		return "", u.Errors[username]
	case u.Accounts[username] == "":
		return "", sasl.ErrCredentials
	}
	return u.Accounts[username], nil
}

// Client returns the client's side of a mechanism. cs is the state of TLS, nil without.
func Client(t testing.TB, mechanism, username, password string, cs *tls.ConnectionState) sasl.Client {
	t.Helper()
	if mechanism == sasl.External {
		return sasl.NewExternalClient(username)
	}
	if !strings.HasSuffix(mechanism, "-PLUS") && mechanism != sasl.CRAMMD5 {
		cs = nil // Otherwise SCRAM would say that it could bind.
	}
	m, err := sasl.NewClient([]string{mechanism}, sasl.Credentials{Username: username, Password: sasl.NewSecret(password)}, cs)
	if err != nil {
		t.Fatalf("%s: %v", mechanism, err)
	}
	return m
}

// Recorder is a client's side that keeps what both sides have said.
type Recorder struct {
	sasl.Client
	Said [][]byte
}

// Start implements sasl.Client.
func (r *Recorder) Start() ([]byte, error) {
	b, err := r.Client.Start()
	r.Said = append(r.Said, b)
	return b, err
}

// Next implements sasl.Client.
func (r *Recorder) Next(challenge []byte) ([]byte, error) {
	b, err := r.Client.Next(challenge)
	r.Said = append(r.Said, challenge, b)
	return b, err
}

// Certificate makes a certificate that nobody has signed, and that is no longer valid: of a client only its key
// counts.
func Certificate(t testing.TB) (tls.Certificate, sasl.KeyFingerprint) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(-time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, sha256.Sum256(cert.RawSubjectPublicKeyInfo)
}
