package store

import "context"

// Problem is an inconsistency that Verify found.
type Problem struct {
	Account string
	What    string // For an operator, with ids.
	Cure    string // What to do, e.g. the command.
}

// Verify checks an account: counts, identities, modseqs, the change log, keyword sets, threads,
// references to blobs, and with content set, the checksums of all blobs. Problems
// are given to report as they are found.
func (s *Store) Verify(ctx context.Context, account string, content bool, report func(Problem)) error {
	return errUnwritten
}
