package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// passwordMaxLen is the longest password in bytes. SASL mechanisms have limits of their own; this
// one bounds the work.
const passwordMaxLen = 4096

// ErrBadPassword is returned by SetPassword for a password that is empty or longer than 4096 bytes.
var ErrBadPassword = errors.New("password is empty or too long")

// passwords checks passwords for all accounts of a store. It is safe for concurrent use.
type passwords struct {
	params argon2idParams
	rounds int // Of SCRAM.
	rand   io.Reader
	pool   *hashPool
	cache  *credentialCache

	// dummy is what a password is compared with when there is nothing to compare it with, so that
	// an unknown account costs as much as a wrong password.
	dummy argon2idVerifier

	hashes atomic.Int64 // Argon2id hashes computed.
}

// newPasswords makes a checker with at most workers hashes at a time; zero for GOMAXPROCS.
func newPasswords(workers int, rand io.Reader, now func() time.Time) *passwords {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &passwords{
		params: defaultArgon2id,
		rounds: scramRounds,
		rand:   rand,
		pool:   newHashPool(workers, workers*hashQueuePerWorker),
		cache:  newCredentialCache(now),
	}
	p.setParams(defaultArgon2id)
	return p
}

// setParams sets the work for new verifiers, and for the dummy.
func (p *passwords) setParams(params argon2idParams) {
	p.params = params
	p.dummy = argon2idVerifier{params, make([]byte, argon2idSaltLen), make([]byte, argon2idKeyLen)}
}

// preparePassword returns the form in which a password is hashed: OpaqueString (RFC 8265 §4.2),
// so that the same characters, entered on different systems, are the same password. A password
// that this profile refuses, such as one with control characters, counts as its bytes: a person who
// manages to enter it at one place can do so at others. It reports false for a password
// that cannot be any account's.
func preparePassword(password string) (string, bool) {
	if password == "" || len(password) > passwordMaxLen {
		return "", false
	}
	for i := range len(password) {
		if c := password[i]; c < ' ' || c > '~' {
			// The profile would turn all malformed UTF-8 into the same character.
			if s, err := precis.OpaqueString.String(password); err == nil && utf8.ValidString(password) {
				return s, true
			}
			break
		}
	}
	return password, true // Printable ASCII is its own OpaqueString.
}

// derive makes the verifiers of a prepared password. The caller is in the pool.
func (p *passwords) derive(password string) (argon2id, scram string, err error) {
	salts := make([]byte, argon2idSaltLen+scramSaltLen)
	if _, err := io.ReadFull(p.rand, salts); err != nil {
		return "", "", fmt.Errorf("salt for password: %w", err)
	}
	p.hashes.Add(1)
	argon2id = newArgon2id(p.params, password, salts[:argon2idSaltLen]).String()
	s, err := newSCRAM(password, salts[argon2idSaltLen:], p.rounds)
	if err != nil {
		return "", "", err
	}
	return argon2id, s.String(), nil
}

// outdated reports whether the verifiers take less work than new ones would.
func (p *passwords) outdated(c credentialsRow) bool {
	a, err := parseArgon2id(c.Argon2id)
	if err != nil || a.params.Memory < p.params.Memory || a.params.Time < p.params.Time {
		return true
	}
	s, err := parseSCRAM(c.SCRAMSHA256)
	return err != nil || s.rounds < p.rounds
}

// verify checks a prepared password against c, and for the zero row, computes a hash all the same and
// returns ErrCredentials. If c is outdated, better holds new verifiers of the password.
// Other errors are ErrBusy, the context's, and errVerifier for damaged verifiers.
func (p *passwords) verify(ctx context.Context, c credentialsRow, password string) (better *credentialsRow, err error) {
	v := p.dummy
	if c.Argon2id != "" {
		if v, err = parseArgon2id(c.Argon2id); err != nil {
			return nil, err
		}
	}
	perr := p.pool.do(ctx, func() {
		p.hashes.Add(1)
		if !v.matches(password) || c.Argon2id == "" {
			err = ErrCredentials
			return
		}
		if p.outdated(c) {
			better = &credentialsRow{ID: 1, Changed: c.Changed}
			better.Argon2id, better.SCRAMSHA256, err = p.derive(password)
		}
	})
	if perr != nil {
		return nil, perr
	}
	if err != nil {
		return nil, err
	}
	return better, nil
}
