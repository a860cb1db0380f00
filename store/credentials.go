package store

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"mox/sasl"
)

// passwordMaxLen is the longest password in bytes. SASL mechanisms have limits of their own; this
// one bounds the work.
const passwordMaxLen = 4096

const (
	// scramRounds is the iteration count of new verifiers. Clients compute as many at each
	// login; RFC 7677 §4 asks for at least 4096. It is the most that deployed clients take:
	// Cyrus SASL (mbsync, Postfix as a client, Debian's libsasl2) refuses more, and its users see a
	// login that fails or hangs. Passwords sent are checked against argon2id, at its full cost.
	scramRounds = 65_536

	scramSaltLen = 16
)

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

// preparePassword returns the form in which a password is hashed, see sasl.PreparePassword. It
// reports false for a password that cannot be any account's.
func preparePassword(password string) (string, bool) {
	if password == "" || len(password) > passwordMaxLen {
		return "", false
	}
	return sasl.PreparePassword(password), true
}

// extraVerifiers are those that not every account has.
type extraVerifiers struct{ scramSHA1, cramMD5 bool }

// extra returns which extra verifiers there are.
func (c *credentialsRow) extra() extraVerifiers {
	return extraVerifiers{scramSHA1: c.SCRAMSHA1 != "", cramMD5: c.CRAMMD5 != ""}
}

// derive makes the verifiers of a prepared password. The caller is in the pool.
func (p *passwords) derive(password string, extra extraVerifiers) (credentialsRow, error) {
	c := credentialsRow{ID: 1}
	salt, err := p.salt(argon2idSaltLen)
	if err != nil {
		return c, err
	}
	p.hashes.Add(1)
	c.Argon2id = newArgon2id(p.params, password, salt).String()
	if c.SCRAMSHA256, err = p.deriveSCRAM(crypto.SHA256, password); err != nil {
		return c, err
	}
	if extra.scramSHA1 {
		if c.SCRAMSHA1, err = p.deriveSCRAM(crypto.SHA1, password); err != nil {
			return c, err
		}
	}
	if extra.cramMD5 {
		v, err := sasl.NewCRAMMD5Verifier(password)
		if err != nil {
			return c, err
		}
		c.CRAMMD5 = v.Encode()
	}
	return c, nil
}

// deriveSCRAM makes a verifier that is kept because it cannot be made from another one later.
func (p *passwords) deriveSCRAM(h crypto.Hash, password string) (string, error) {
	salt, err := p.salt(scramSaltLen)
	if err != nil {
		return "", err
	}
	v, err := sasl.NewSCRAMVerifier(h, password, salt, p.rounds)
	if err != nil {
		return "", err
	}
	return v.Encode(), nil
}

func (p *passwords) salt(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(p.rand, b); err != nil {
		return nil, fmt.Errorf("salt for password: %w", err)
	}
	return b, nil
}

// outdated reports whether the verifiers take less work than new ones would, or SCRAM more rounds, which
// clients may refuse.
func (p *passwords) outdated(c credentialsRow) bool {
	a, err := parseArgon2id(c.Argon2id)
	if err != nil || a.params.Memory < p.params.Memory || a.params.Time < p.params.Time {
		return true
	}
	s, err := sasl.ParseSCRAMVerifier(crypto.SHA256, c.SCRAMSHA256)
	if err != nil || s.Iterations() != p.rounds {
		return true
	}
	if c.SCRAMSHA1 == "" {
		return false
	}
	s, err = sasl.ParseSCRAMVerifier(crypto.SHA1, c.SCRAMSHA1)
	return err != nil || s.Iterations() != p.rounds
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
			var row credentialsRow
			row, err = p.derive(password, c.extra())
			row.Changed, row.Version = c.Changed, c.Version
			better = &row
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
