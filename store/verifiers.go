package store

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"mox/internal/vfs"
	"mox/sasl"
)

// verifierDelay is how long a lookup of a verifier takes, so that its time does not tell whether
// there is an account: nothing has to be read for one that is not there. Opening an account takes less;
// a client that logs in computes for longer.
const verifierDelay = 20 * time.Millisecond

// SCRAM returns the account's verifier for SCRAM with crypto.SHA256 or crypto.SHA1. If there is no
// such account, it has no password or no verifier for the hash, it returns a fake one that no
// password satisfies, and that is the same for the same login name until the data directory is removed.
//
// It takes the same time whatever it returns. An error is temporary; the context ends the waiting.
func (s *Store) SCRAM(ctx context.Context, account, login string, h crypto.Hash) (sasl.SCRAMVerifier, error) {
	row, err := s.credentials(ctx, account)
	if err != nil {
		return sasl.SCRAMVerifier{}, err
	}
	text := row.SCRAMSHA256
	if h == crypto.SHA1 {
		text = row.SCRAMSHA1
	}
	if text == "" {
		return sasl.FakeSCRAMVerifier(h, s.fakeSecret, login, scramSaltLen, s.passwords.rounds), nil
	}
	v, err := sasl.ParseSCRAMVerifier(h, text)
	if err != nil {
		return v, fmt.Errorf("verifier for SCRAM of account %q: %w", account, err)
	}
	return v, nil
}

// CRAMMD5 returns the account's verifier for CRAM-MD5, or a fake one, as SCRAM does.
func (s *Store) CRAMMD5(ctx context.Context, account, login string) (sasl.CRAMMD5Verifier, error) {
	row, err := s.credentials(ctx, account)
	if err != nil {
		return sasl.CRAMMD5Verifier{}, err
	}
	if row.CRAMMD5 == "" {
		return sasl.FakeCRAMMD5Verifier(s.fakeSecret, login)
	}
	v, err := sasl.ParseCRAMMD5Verifier(row.CRAMMD5)
	if err != nil {
		return v, fmt.Errorf("verifier for CRAM-MD5 of account %q: %w", account, err)
	}
	return v, nil
}

// credentials reads the verifiers of an account by name. The row is zero if it does not exist or
// has no password. It takes the same time for all.
func (s *Store) credentials(ctx context.Context, name string) (credentialsRow, error) {
	if err := ctx.Err(); err != nil {
		return credentialsRow{}, err // At the end it is of no use if the delay is over, too.
	}
	delay := time.NewTimer(verifierDelay)
	defer delay.Stop()
	var row credentialsRow
	a, err := s.Open(ctx, name)
	if err == nil {
		row, err = a.acc.credentials(ctx)
		err = errors.Join(err, a.Close())
	} else if errors.Is(err, ErrNoAccount) {
		err = nil
	}
	if err != nil {
		return credentialsRow{}, fmt.Errorf("reading password verifier: %w", err)
	}
	select {
	case <-delay.C:
		return row, nil
	case <-ctx.Done():
		return credentialsRow{}, ctx.Err()
	}
}

// fakeSecretLen is the length in bytes of the secret from which fake verifiers are made.
const fakeSecretLen = 32

// loadFakeSecret returns the secret from which fake verifiers are made. It is kept in the file fakelogins,
// as a restart must not change the fakes either. If it cannot be kept, a new one is good enough.
func loadFakeSecret(opts Options) []byte {
	name := filepath.Join(opts.Dir, "fakelogins")
	text, err := readFile(opts.FS, name)
	if err == nil {
		b, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err == nil && len(b) == fakeSecretLen {
			return b
		}
		opts.Log.Warn("file is damaged and written anew", "file", name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		opts.Log.Error("reading secret for logins of unknown users", "err", err)
	}
	b := make([]byte, fakeSecretLen)
	if opts.ReadOnly {
		return b // Nobody logs in.
	}
	rand.Read(b) // Does not fail, see its documentation.
	if err := writeFakeSecret(opts.FS, opts.Dir, name, b); err != nil {
		opts.Log.Error("keeping secret for logins of unknown users", "err", err)
	}
	return b
}

func writeFakeSecret(fsys vfs.FS, dir, name string, secret []byte) error {
	tmp := name + ".tmp"
	if err := writeFileSync(fsys, tmp, []byte(hex.EncodeToString(secret)+"\n")); err != nil {
		return err
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}
