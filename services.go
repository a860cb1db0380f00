package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"mox/config"
	"mox/store"
)

// Places in the data directory.
func accountsDir(dataDir string) string  { return filepath.Join(dataDir, "accounts") }
func queueDir(dataDir string) string     { return filepath.Join(dataDir, "queue") }
func spoolDir(cfg *config.Config) string { return spoolDirIn(cfg.DataDir) }
func spoolDirIn(dataDir string) string   { return filepath.Join(dataDir, "tmp") }
func acmeDir(cfg *config.Config) string  { return filepath.Join(cfg.DataDir, "acme") }

// prepareDataDir makes the data directory.
func prepareDataDir(cfg *config.Config) error {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w; correct DataDir in mox.conf, or make %s writable for this user", err, filepath.Dir(cfg.DataDir))
	}
	if err := checkRestored(cfg.DataDir); err != nil {
		return err
	}
	return checkOwner(cfg.DataDir)
}

// checkOwner refuses a data directory of another user: files made in it would be of no
// use to the server.
func checkOwner(dataDir string) error {
	dir, err := filepath.EvalSymlinks(dataDir)
	if err != nil {
		return err
	}
	if uid, _, ok := ownerOf(dir); ok && uid != os.Geteuid() {
		return fmt.Errorf("the data directory %s belongs to the user with id %d; run this as that user", dataDir, uid)
	}
	return nil
}

// clearSpool removes temporary files that a killed server left. The data directory
// must be ours alone.
//
// The directory itself stays, as a full disk may have no space for making it again.
func clearSpool(cfg *config.Config) error {
	dir := spoolDir(cfg)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Mkdir(dir, 0o700)
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// access says what is done with the data.
type access bool

const (
	writing access = false
	reading access = true // Nothing is changed: the disk may be full, or mounted read-only.
)

// openStore opens the accounts, and so takes the data directory for this process.
func openStore(live *config.Live, log *slog.Logger, reg prometheus.Registerer, access access) (*store.Store, error) {
	cfg := live.Current()
	mailboxes := make([]store.InitialMailbox, len(cfg.InitialMailboxes))
	for i, m := range cfg.InitialMailboxes {
		mailboxes[i] = store.InitialMailbox{Name: m.Name, Use: store.SpecialUse(m.SpecialUse)}
	}
	st, err := store.New(store.Options{
		Dir:        accountsDir(cfg.DataDir),
		Log:        log.With("pkg", "store"),
		Registerer: reg,
		Mailboxes:  mailboxes,
		ReadOnly:   access == reading,
		Quota: func(account string) int64 {
			if a := live.Current().Account(account); a != nil {
				return a.Quota
			}
			return 0
		},
	})
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("%w: another mox runs on %s", err, cfg.DataDir)
	}
	return st, err
}

// makeAccounts makes the configured accounts that do not exist yet in the store.
func makeAccounts(ctx context.Context, cfg *config.Config, st *store.Store) error {
	for _, a := range cfg.Accounts() {
		if err := st.Create(ctx, a.Name); err != nil && !errors.Is(err, store.ErrAccountExists) {
			return fmt.Errorf("making account %s: %w", a.Name, err)
		}
	}
	return nil
}

// closers are undone in reverse order.
type closers struct {
	mu   sync.Mutex // Guards list.
	list []closer
}

type closer struct {
	what  string
	close func(ctx context.Context) error
}

func (c *closers) add(what string, f func(ctx context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, closer{what, f})
}

// close undoes all, and returns all errors.
func (c *closers) close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for i := len(c.list) - 1; i >= 0; i-- {
		if err := c.list[i].close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.list[i].what, err))
		}
	}
	c.list = nil
	return errors.Join(errs...)
}
