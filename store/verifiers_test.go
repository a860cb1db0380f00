package store

import (
	"context"
	"crypto"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mox/sasl"
)

// loginUser logs in as a server does, as a user whose account is known.
type loginUser struct {
	s       *Store
	account string
}

func (u loginUser) SCRAM(ctx context.Context, username string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	return u.s.SCRAM(ctx, u.account, username, h)
}

func (u loginUser) CRAMMD5(ctx context.Context, username string) (sasl.CRAMMD5Verifier, error) {
	return u.s.CRAMMD5(ctx, u.account, username)
}

func (loginUser) Authorize(context.Context, string, string) error { return nil }

// login makes an exchange with a mechanism.
func (u loginUser) login(t *testing.T, mechanism, password string) error {
	t.Helper()
	creds := sasl.Credentials{Username: "user", Password: sasl.NewSecret(password)}
	var server sasl.Server
	var client sasl.Client
	var err1, err2 error
	if mechanism == sasl.CRAMMD5 {
		server, client = sasl.NewCRAMMD5Server(u, "mail.example"), sasl.NewCRAMMD5Client(creds)
	} else {
		server, err1 = sasl.NewSCRAMServer(mechanism, u, nil)
		client, err2 = sasl.NewSCRAMClient(mechanism, creds, nil)
	}
	response, err3 := client.Start()
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for {
		challenge, done, err := server.Next(t.Context(), response)
		if err == nil && challenge != nil {
			response, err = client.Next(challenge)
		}
		if err != nil {
			return err
		} else if done {
			return client.Finish()
		}
	}
}

func TestVerifiers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, a := newPasswordStore(t)
	s.passwords.rounds = sasl.MinSCRAMIterations
	all := []string{sasl.SCRAMSHA256, sasl.SCRAMSHA1, sasl.CRAMMD5}
	// check logs in with all mechanisms, of which only some are to work.
	check := func(what, account, password string, works ...string) {
		t.Helper()
		for _, mechanism := range all {
			var want error = sasl.ErrCredentials
			for _, w := range works {
				if w == mechanism {
					want = nil
				}
			}
			if err := (loginUser{s, account}).login(t, mechanism, password); !errors.Is(err, want) {
				t.Errorf("%s, %s: got %v, want %v", what, mechanism, err, want)
			}
		}
	}
	set := func(password string, extra ...string) {
		t.Helper()
		if err := a.SetPassword(ctx, System, password, extra...); err != nil {
			t.Fatal(err)
		}
	}

	check("without password", "mjl", "secret")
	set("secret")
	check("right password", "mjl", "secret", sasl.SCRAMSHA256)
	check("wrong password", "mjl", "Secret")
	check("unknown account", "nobody", "secret")
	check("no account", "", "secret")
	set("ne\u0301w one", sasl.SCRAMSHA1, sasl.CRAMMD5)
	check("asked for", "mjl", "n\u00e9w one", all...)
	check("old password", "mjl", "secret")
	set("third", sasl.CRAMMD5)
	check("one asked for", "mjl", "third", sasl.SCRAMSHA256, sasl.CRAMMD5)
	check("password before", "mjl", "n\u00e9w one")

	// Outdated verifiers are replaced by as many new ones.
	set("third", sasl.SCRAMSHA1, sasl.CRAMMD5)
	s.passwords.rounds++
	before, err := s.SCRAM(ctx, "mjl", "", crypto.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Authenticate(ctx, "mjl", "third"); err != nil {
		t.Fatal(err)
	}
	after, err := s.SCRAM(ctx, "mjl", "", crypto.SHA1)
	if err != nil || before.Iterations() != sasl.MinSCRAMIterations || after.Iterations() != sasl.MinSCRAMIterations+1 {
		t.Errorf("iterations before login %d, after %d, %v", before.Iterations(), after.Iterations(), err)
	}
	check("replaced", "mjl", "third", all...)
	set("fourth")
	check("no longer asked for", "mjl", "fourth", sasl.SCRAMSHA256)

	for _, mechanism := range []string{"", sasl.Plain, sasl.SCRAMSHA256, sasl.SCRAMSHA1Plus, "cram-md5"} {
		if err := a.SetPassword(ctx, System, "fifth", mechanism); err == nil {
			t.Errorf("verifier for %q was made", mechanism)
		}
	}
	check("after refused changes", "mjl", "fourth", sasl.SCRAMSHA256)
}

// A fake verifier is the same for the same name, whatever is asked and also after a restart.
func TestFakeVerifiersStay(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	// ask returns what the store has for a login name of an account that does not exist.
	ask := func(login string) (fakes []string) {
		t.Helper()
		s, err := New(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
			v, err := s.SCRAM(ctx, "", login, h)
			if err != nil || v.Iterations() != scramRounds {
				t.Errorf("iterations %d, %v", v.Iterations(), err)
			}
			fakes = append(fakes, v.Encode())
		}
		v, err := s.CRAMMD5(ctx, "", login)
		if err != nil {
			t.Error(err)
		}
		return append(fakes, v.Encode())
	}
	same := func(what string, a, b []string, want bool) {
		t.Helper()
		for i := range a {
			if (a[i] == b[i]) != want {
				t.Errorf("%s: %q and %q", what, a[i], b[i])
			}
		}
	}
	first := ask("nobody")
	same("after a restart", first, ask("nobody"), true)
	same("another name", first, ask("somebody"), false)
	file := filepath.Join(dir, "fakelogins")
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("file of the secret: %v, %v", fi, err)
	}
	for _, damaged := range []string{"", "00\n", strings.Repeat("0", 2*fakeSecretLen-1) + "x\n"} {
		if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		again := ask("nobody")
		same("after damage", first, again, false)
		same("after damage and a restart", again, ask("nobody"), true)
	}
}

// Whether there is an account does not show in what a lookup costs.
func TestVerifierLookupsTakeTheSameTime(t *testing.T) {
	t.Parallel()
	s, a := newPasswordStore(t)
	if err := a.SetPassword(t.Context(), System, "secret"); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"mjl", "nobody", ""} {
		start := time.Now()
		if _, err := s.SCRAM(t.Context(), account, "user", crypto.SHA256); err != nil || time.Since(start) < verifierDelay {
			t.Errorf("account %q: SCRAM took %v, %v", account, time.Since(start), err)
		}
		start = time.Now()
		if _, err := s.CRAMMD5(t.Context(), account, "user"); err != nil || time.Since(start) < verifierDelay {
			t.Errorf("account %q: CRAM-MD5 took %v, %v", account, time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.SCRAM(ctx, account, "user", crypto.SHA256); !errors.Is(err, context.Canceled) {
			t.Errorf("account %q: canceled lookup: %v", account, err)
		}
	}
}

func TestDamagedVerifiers(t *testing.T) {
	t.Parallel()
	s, a := newPasswordStore(t)
	if err := a.SetPassword(t.Context(), System, "secret", sasl.SCRAMSHA1, sasl.CRAMMD5); err != nil {
		t.Fatal(err)
	}
	row := credentialsRow{ID: 1}
	if err := a.acc.db.Get(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	row.SCRAMSHA256, row.SCRAMSHA1, row.CRAMMD5 = row.SCRAMSHA1, row.CRAMMD5, row.SCRAMSHA256
	if err := a.acc.db.Update(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
		if _, err := s.SCRAM(t.Context(), "mjl", "user", h); !errors.Is(err, sasl.ErrVerifier) || strings.Contains(err.Error(), "$") {
			t.Errorf("SCRAM with %v: %v", h, err)
		}
	}
	if _, err := s.CRAMMD5(t.Context(), "mjl", "user"); !errors.Is(err, sasl.ErrVerifier) || strings.Contains(err.Error(), "$") {
		t.Errorf("CRAM-MD5: %v", err)
	}
}
