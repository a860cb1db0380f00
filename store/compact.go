package store

import "context"

// CompactStats tells sizes in bytes.
type CompactStats struct{ Before, After int64 }

// Compact rewrites packs that hold deleted messages, and the database file.
func (s *Store) Compact(ctx context.Context, account string, force bool, progress func(done, total int64)) (CompactStats, error) {
	return *new(CompactStats), errUnwritten
}
