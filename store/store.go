package store

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/vfs"
)

// Options for New. Zero values have the defaults told.
type Options struct {
	Dir string // Directory with one directory per account; made when missing. Required.

	FS  vfs.FS           // Default: the operating system's.
	Log *slog.Logger     // Default: discard.
	Now func() time.Time // Default: time.Now.

	// Rand is the source of ids and salts. Default: crypto/rand.
	Rand io.Reader

	// Registerer receives the store's metrics. Default: none.
	Registerer prometheus.Registerer

	// Quota returns the most bytes an account may hold; zero for no limit. Default: no limit.
	Quota func(account string) int64

	// Mailboxes are made in a new account, besides Inbox. Default: DefaultMailboxes.
	Mailboxes []InitialMailbox

	MaxOpen    int           // Open accounts kept at most, least recently used go first. Default 1000.
	IdleClose  time.Duration // An account nobody uses closes after this. Default 1 minute.
	EraseAfter time.Duration // How long expunged content stays readable. Default 10 minutes.

	// PasswordWorkers bounds how many password hashes are computed at a time. Default
	// GOMAXPROCS.
	PasswordWorkers int
}

// InitialMailbox is a mailbox of a new account.
type InitialMailbox struct {
	Name string
	Use  SpecialUse
}

// DefaultMailboxes returns Sent, Archive, Trash, Drafts and Junk.
func DefaultMailboxes() []InitialMailbox {
	return []InitialMailbox{{"Sent", Sent}, {"Archive", Archive}, {"Trash", Trash}, {"Drafts", Drafts}, {"Junk", Junk}}
}

// Store is a set of accounts. It is safe for concurrent use.
type Store struct{}

// New opens the set and takes its lock, so that no other process does.
// Returns ErrLocked.
func New(opts Options) (*Store, error) { return *new(*Store), errUnwritten }

// Close waits for running calls, closes all accounts and gives up the lock.
func (s *Store) Close() error { return errUnwritten }

// Create makes an account. Returns ErrAccountExists.
func (s *Store) Create(ctx context.Context, name string) error { return errUnwritten }

// Open returns a handle to an account, which the caller must Close. Handles to one
// account share its database. Returns ErrNoAccount, ErrNewerVersion.
func (s *Store) Open(ctx context.Context, name string) (*Account, error) {
	return *new(*Account), errUnwritten
}

// Rename gives an account another name. Remove deletes an account with all its mail; it must not be open.
func (s *Store) Rename(ctx context.Context, name, newName string) error { return errUnwritten }
func (s *Store) Remove(ctx context.Context, name string) error          { return errUnwritten }

// AccountInfo describes an account.
type AccountInfo struct {
	ID   AccountID
	Name string
}

// Accounts lists the accounts, sorted by name.
func (s *Store) Accounts(ctx context.Context) ([]AccountInfo, error) {
	return *new([]AccountInfo), errUnwritten
}

// Account is a handle to an open account. It is safe for concurrent use until Close.
type Account struct{}

// ID is the account's immutable id, Name its name.
func (a *Account) ID() AccountID { return *new(AccountID) }
func (a *Account) Name() string  { return *new(string) }

// Close gives the handle back.
func (a *Account) Close() error { return errUnwritten }

// KeywordNames returns the names of an interned set, sorted. The slice must not be changed.
func (a *Account) KeywordNames(set KeywordSet) []string { return *new([]string) }

// Usage is what an account holds.
type Usage struct {
	Bytes    int64 // Counted against the quota: each email once.
	Messages int64
	Quota    int64 // Zero for no limit.
}

// Usage returns what the account holds.
func (a *Account) Usage(ctx context.Context) (Usage, error) { return *new(Usage), errUnwritten }
