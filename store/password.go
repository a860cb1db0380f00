package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mjl-/bstore"

	"mox/sasl"
)

// PasswordVersion tells the passwords apart that an account has one after another. It is zero while there is none.
type PasswordVersion int64

// SetPassword replaces the account's password and with it all verifiers derived from
// it; verified credentials remembered in memory are forgotten, and all web sessions end.
//
// Passwords are compared as OpaqueString (RFC 8265 §4.2); one that this profile refuses is compared
// as its bytes. How long a password should be is for the caller to decide. Returns ErrBadPassword
// and ErrBusy. The context ends the waiting.
//
// There are verifiers for mechanisms that send the password, and for SCRAM-SHA-256. Extra
// names others that the account is to have besides, until SetPassword is called again: sasl.SCRAMSHA1
// and sasl.CRAMMD5. Who gets hold of the latter's verifier can log in with it.
func (a *Account) SetPassword(ctx context.Context, actor Actor, password string, extra ...string) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	prepared, ok := preparePassword(password)
	if !ok {
		return ErrBadPassword
	}
	var ev extraVerifiers
	for _, mechanism := range extra {
		switch mechanism {
		case sasl.SCRAMSHA1:
			ev.scramSHA1 = true
		case sasl.CRAMMD5:
			ev.cramMD5 = true
		default:
			return fmt.Errorf("setting password: mechanism %q has no verifier that could be asked for", mechanism)
		}
	}
	p := acc.store.passwords
	var row credentialsRow
	var derr error
	err = p.pool.do(ctx, func() {
		row, derr = p.derive(prepared, ev)
	})
	if err = errors.Join(err, derr); err != nil {
		return fmt.Errorf("setting password: %w", err)
	}
	// Whether the write succeeds or its outcome is unknown, the old password is to be checked again.
	defer p.cache.forget(acc.id)
	return acc.write(ctx, "setpassword", func(tx *txn) error {
		old := credentialsRow{ID: 1}
		if err := tx.get(&old); err != nil && err != bstore.ErrAbsent {
			return err
		}
		row.Changed, row.Version = tx.now.Unix(), old.Version+1
		if _, err := tx.removeWebSessions(func(*webSessionRow) bool { return true }); err != nil {
			return err
		}
		return tx.put(&row)
	})
}

// Authenticate checks a password. An unknown account, and one without password, costs and looks the same as a
// wrong password: ErrCredentials. Hashes are computed by at most Options.PasswordWorkers at a
// time; the context ends the waiting. Returns ErrBusy when too many wait, which is temporary.
//
// Credentials that were right are remembered in memory for 15 minutes at most, and until the password
// changes, under a secret of this process.
func (s *Store) Authenticate(ctx context.Context, name, password string) error {
	prepared, ok := preparePassword(password)
	a, err := s.Open(ctx, name)
	if errors.Is(err, ErrNoAccount) || !ok {
		if err == nil {
			err = a.Close()
		}
		if err == nil || errors.Is(err, ErrNoAccount) {
			_, err = s.passwords.verify(ctx, credentialsRow{}, prepared)
		}
		return err
	} else if err != nil {
		return fmt.Errorf("checking password: %w", err)
	}
	defer a.Close()
	_, err = a.acc.authenticate(ctx, name, prepared)
	return err
}

// VerifyPassword checks a password as Authenticate does, and tells which of the account's passwords it is,
// for AddWebSession. Returns ErrCredentials, ErrBusy.
func (a *Account) VerifyPassword(ctx context.Context, password string) (PasswordVersion, error) {
	acc, err := a.use()
	if err != nil {
		return 0, err
	}
	prepared, ok := preparePassword(password)
	if !ok {
		_, err := acc.store.passwords.verify(ctx, credentialsRow{}, prepared)
		return 0, err
	}
	return acc.authenticate(ctx, a.Name(), prepared)
}

// PasswordVersion returns which password the account has, for AddWebSession after a login that is not by password.
func (a *Account) PasswordVersion(ctx context.Context) (PasswordVersion, error) {
	acc, err := a.use()
	if err != nil {
		return 0, err
	}
	row, err := acc.credentials(ctx)
	return row.Version, err
}

// authenticate checks a prepared password for the account, which goes by name, and returns its version.
func (a *account) authenticate(ctx context.Context, name, password string) (PasswordVersion, error) {
	p := a.store.passwords
	key := p.cache.key(name, password)
	version, verified, generation := p.cache.verified(key, a.id)
	if verified {
		return version, nil
	}
	row, err := a.credentials(ctx)
	if err != nil {
		return 0, err
	}
	better, err := p.verify(ctx, row, password)
	if err != nil {
		return 0, err
	}
	p.cache.add(key, a.id, row.Version, generation)
	if better != nil {
		// The login is good whether this succeeds or not.
		if err := a.replaceVerifiers(ctx, row, *better); err != nil {
			a.log.Error("replacing outdated password verifiers", "err", err)
		}
	}
	return row.Version, nil
}

// credentials reads the verifiers. The row is zero if the account has no password.
func (a *account) credentials(ctx context.Context) (credentialsRow, error) {
	var row credentialsRow
	err := a.read(ctx, func(tx *bstore.Tx) error {
		row = credentialsRow{ID: 1}
		return tx.Get(&row)
	})
	if errors.Is(err, bstore.ErrAbsent) {
		return credentialsRow{}, nil
	} else if err != nil {
		return credentialsRow{}, fmt.Errorf("reading password verifier: %w", err)
	}
	return row, nil
}

// replaceVerifiers replaces the verifiers by others of the same password, unless the password was
// changed meanwhile.
func (a *account) replaceVerifiers(ctx context.Context, old, better credentialsRow) error {
	return a.write(ctx, "rehash", func(tx *txn) error {
		row := credentialsRow{ID: 1}
		if err := tx.get(&row); err != nil || row != old {
			return err
		}
		return tx.update(&better)
	})
}
