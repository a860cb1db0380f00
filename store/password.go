package store

import "context"

// SetPassword replaces the account's password and with it all verifiers derived from
// it; verified credentials remembered in memory are forgotten.
func (a *Account) SetPassword(ctx context.Context, actor Actor, password string) error {
	return errUnwritten
}

// Authenticate checks a password. An unknown account costs and looks the same as a
// wrong password: ErrCredentials. Hashes are computed by at most Options.PasswordWorkers at a
// time; the context ends the waiting.
func (s *Store) Authenticate(ctx context.Context, name, password string) error { return errUnwritten }
