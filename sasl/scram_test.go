package sasl

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"testing"
)

// users has accounts for mechanisms that do not send the password, all with password
// "pencil", who may act as alice.
type users struct {
	names  []string
	secret string
	fault  error // Of looking up.
	refuse error // Of Authorize.

	lookups    []string
	authorized []string
}

func (u *users) known(username string) bool {
	u.lookups = append(u.lookups, username)
	for _, n := range u.names {
		if n == username {
			return true
		}
	}
	return false
}

func (u *users) SCRAM(_ context.Context, username string, h crypto.Hash) (SCRAMVerifier, error) {
	if !u.known(username) {
		return FakeSCRAMVerifier(h, []byte(u.secret), username, 12, MinSCRAMIterations), u.fault
	}
	v, err := NewSCRAMVerifier(h, "pencil", unbase64("QSXCR+Q6sek8bf92"), MinSCRAMIterations)
	return v, errors.Join(err, u.fault)
}

func (u *users) CRAMMD5(_ context.Context, username string) (CRAMMD5Verifier, error) {
	f := func() (CRAMMD5Verifier, error) { return NewCRAMMD5Verifier("pencil") }
	if !u.known(username) {
		f = func() (CRAMMD5Verifier, error) { return FakeCRAMMD5Verifier([]byte(u.secret), username) }
	}
	v, err := f()
	return v, errors.Join(err, u.fault)
}

func (u *users) Authorize(_ context.Context, username, authzID string) error {
	u.authorized = append(u.authorized, username+" as "+authzID)
	if authzID != "" && authzID != username && authzID != "alice" {
		return ErrCredentials
	}
	return u.refuse
}

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// newSCRAMServer returns a server whose part of the nonce is given.
func newSCRAMServer(t testing.TB, mechanism string, v SCRAMVerifiers, bindings []ChannelBinding, nonce string) Server {
	t.Helper()
	s, err := NewSCRAMServer(mechanism, v, bindings)
	if err != nil {
		t.Fatal(err)
	}
	s.(*scramServer).nonce = nonce
	return s
}

// newSCRAMClient returns a client whose nonce is given.
func newSCRAMClient(t testing.TB, mechanism string, c Credentials, bindings []ChannelBinding, nonce string) Client {
	t.Helper()
	s, err := NewSCRAMClient(mechanism, c, bindings)
	if err != nil {
		t.Fatal(err)
	}
	s.(*scramClient).nonce = nonce
	return s
}

// fixed is what a user has with a given salt.
type fixed struct{ salt string }

func (f fixed) SCRAM(_ context.Context, _ string, h crypto.Hash) (SCRAMVerifier, error) {
	v, err := NewSCRAMVerifier(h, "pencil", unbase64(f.salt), 4096)
	if err != nil {
		return v, err
	}
	return ParseSCRAMVerifier(h, v.Encode())
}

func (fixed) Authorize(context.Context, string, string) error { return nil }

// The exchanges of RFC 5802 §5 and RFC 7677 §3, on both sides.
func TestSCRAMExamples(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mechanism, clientNonce, serverNonce, salt string
		messages                                  [4]string
	}{
		{SCRAMSHA1, "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92", [4]string{
			"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		}},
		{SCRAMSHA256, "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==", [4]string{
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		}},
	} {
		s := newSCRAMServer(t, tc.mechanism, fixed{tc.salt}, nil, tc.serverNonce)
		c := newSCRAMClient(t, tc.mechanism, Credentials{Username: "user", Password: NewSecret("pencil")}, nil, tc.clientNonce)
		initial, err := c.Start()
		if err != nil || string(initial) != tc.messages[0] {
			t.Errorf("%s: client begins with %q, %v", tc.mechanism, initial, err)
		}
		first, done, err := s.Next(t.Context(), b(tc.messages[0]))
		if err != nil || done || string(first) != tc.messages[1] {
			t.Errorf("%s: server answers %q, %v, %v", tc.mechanism, first, done, err)
		}
		final, err := c.Next(b(tc.messages[1]))
		if err != nil || string(final) != tc.messages[2] {
			t.Errorf("%s: client answers %q, %v", tc.mechanism, final, err)
		}
		if err := c.Finish(); !errors.Is(err, ErrServerProof) {
			t.Errorf("%s: finished before the server has proved anything: %v", tc.mechanism, err)
		}
		last, done, err := s.Next(t.Context(), b(tc.messages[2]))
		if err != nil || !done || string(last) != tc.messages[3] {
			t.Errorf("%s: server ends with %q, %v, %v", tc.mechanism, last, done, err)
		}
		if empty, err := c.Next(b(tc.messages[3])); err != nil || empty == nil || len(empty) != 0 {
			t.Errorf("%s: client ends with %q, %v", tc.mechanism, empty, err)
		}
		if err := c.Finish(); err != nil {
			t.Errorf("%s: %v", tc.mechanism, err)
		}
	}
}

func TestSCRAMNoncesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 20 {
		s, err1 := NewSCRAMServer(SCRAMSHA256, &users{}, nil)
		c, err2 := NewSCRAMClient(SCRAMSHA256, Credentials{Username: "user", Password: NewSecret("x")}, nil)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		for _, nonce := range []string{s.(*scramServer).nonce, c.(*scramClient).nonce} {
			if len(nonce) < 24 || seen[nonce] {
				t.Fatalf("nonce %q", nonce)
			}
			seen[nonce] = true
		}
	}
}

func TestSCRAMConstructorsRefuse(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"", "PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256-PLUS-PLUS", "scram-sha-256", SCRAMSHA1Plus, SCRAMSHA256Plus} {
		if s, err := NewSCRAMServer(mechanism, &users{}, nil); s != nil || err == nil {
			t.Errorf("server of %q", mechanism)
		}
		if c, err := NewSCRAMClient(mechanism, Credentials{}, nil); c != nil || err == nil {
			t.Errorf("client of %q", mechanism)
		}
	}
}

// Both sides agree on names and passwords that can be written in several ways, and on ones that
// need escaping.
func TestSCRAMPreparesStrings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		username, asKnown, stored, entered string
		want                               error
	}{
		{"usér", "usér", "s\u00e9cret", "se\u0301cret", nil},
		{"use\u0301r", "us\u00e9r", "pass word", "pass\u00a0word", nil},
		{"a=b,c==2C", "a=b,c==2C", ",=2C", ",=2C", nil},
		{"usér@example.org", "usér@example.org", "tab\there", "tab\there", nil},
		{"שלום@example.org", "שלום@example.org", "x", "x", nil},
		{"user", "user", "ﬁ", "fi", ErrCredentials}, // No compatibility mapping.
		{"user", "user", "Secret", "secret", ErrCredentials},
	} {
		v, err := NewSCRAMVerifier(crypto.SHA256, PreparePassword(tc.stored), []byte("salt"), MinSCRAMIterations)
		if err != nil {
			t.Fatal(err)
		}
		s := newSCRAMServer(t, SCRAMSHA256, oneUser{tc.asKnown, v}, nil, "server")
		c := newSCRAMClient(t, SCRAMSHA256, Credentials{Username: tc.username, Password: NewSecret(tc.entered)}, nil, "nonce")
		if err := dialogue(s, c, true); !errors.Is(err, tc.want) {
			t.Errorf("%q with %q for %q: %v, want %v", tc.username, tc.entered, tc.stored, err, tc.want)
		}
	}
}

// What a client sends is what the server reads.
func FuzzSCRAMNames(f *testing.F) {
	f.Add("user", "")
	f.Add("a=b,c", "=2C=3D")
	f.Add("e\u0301", "alice")
	f.Fuzz(func(t *testing.T, username, authzID string) {
		c := newSCRAMClient(t, SCRAMSHA1, Credentials{Username: username, AuthzID: authzID, Password: NewSecret("x")}, nil, "nonce")
		first, err := c.Start()
		if err != nil {
			return
		}
		m, err := parseClientFirst(first)
		if err != nil {
			t.Fatalf("%q: %v", first, err)
		}
		username, _ = PrepareUsername(username)
		authzID, _ = PrepareUsername(authzID)
		if m.username != username || m.authzID != authzID || m.nonce != "nonce" || m.header+m.bare != string(first) {
			t.Fatalf("%q reads as %+v", first, m)
		}
	})
}
