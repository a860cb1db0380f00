package store

import "context"

// RecoverStats counts what Recover did.
type RecoverStats struct{ Messages, Damaged, Duplicates int64 }

// Recover rebuilds an account's database from its packs after the database was lost. The account
// must not be open and its database must not exist (or have been moved away).
func (s *Store) Recover(ctx context.Context, account string, progress func(RecoverStats)) (RecoverStats, error) {
	return *new(RecoverStats), errUnwritten
}
