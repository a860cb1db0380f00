package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mox/internal/backup"
	"mox/internal/ctl"
	"mox/queuedb"
	"mox/store"
)

// printProblems returns a progress function that prints problems.
func printProblems(cmd *cobra.Command) ctl.Streams {
	return ctl.Streams{Progress: decodeProgress(func(p store.Problem) {
		where := "queue"
		if p.Account != "" {
			where = "account " + p.Account
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; %s\n", where, p.What, p.Cure)
	})}
}

// verifyDirectory checks a data directory, and prints what is wrong in it.
func verifyDirectory(cmd *cobra.Command, dataDir string, p accountParams) (r verifyResult, rerr error) {
	rerr = withDataDir(cmd, dataDir, func(ctx context.Context, c *ctl.Client) error {
		return c.Call(ctx, "verifydata", p, printProblems(cmd), &r)
	}, func(log *slog.Logger, closers *closers) (*operations, error) {
		return openAccounts(dataDir, log, closers, reading)
	})
	return r, rerr
}

// verifyBackup checks a backup: its files against the manifest, and its data directory.
func verifyBackup(cmd *cobra.Command, b *backup.Backup, dir string, p accountParams) (verifyResult, error) {
	problems := 0
	err := b.Check(cmd.Context(), func(f *backup.File) bool {
		// What is in packs and large files is read anyway, with checksums of its own.
		return !f.Fixed
	}, func(pr backup.Problem) {
		problems++
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %v; restore it from another backup\n", dir, pr)
	})
	if err != nil {
		return verifyResult{}, err
	}
	r, err := verifyDirectory(cmd, filepath.Join(dir, backupData), p)
	r.Problems += problems
	return r, err
}

// openAccounts opens a data directory, without a configuration.
func openAccounts(dataDir string, log *slog.Logger, closers *closers, access access) (*operations, error) {
	if _, err := os.Stat(accountsDir(dataDir)); err != nil {
		return nil, fmt.Errorf("%s is no data directory of mox: %w; to check one account, name it with --account", dataDir, err)
	}
	if err := checkOwner(dataDir); err != nil {
		return nil, err
	}
	readOnly := access == reading
	st, err := store.New(store.Options{Dir: accountsDir(dataDir), Log: log.With("pkg", "store"), ReadOnly: readOnly})
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("%w: a mox runs on %s", err, dataDir)
	} else if err != nil {
		return nil, err
	}
	closers.add("closing accounts", func(context.Context) error { return st.Close() })
	var q *outgoing
	return &operations{store: st, log: log, queueDir: queueDir(dataDir), queue: func(ctx context.Context) (*outgoing, error) {
		if q != nil {
			return q, nil
		}
		db, err := queuedb.Open(ctx, queuedb.Options{Dir: queueDir(dataDir), Log: log.With("pkg", "queue"), ReadOnly: readOnly})
		if err != nil {
			return nil, err
		}
		closers.add("closing the queue's database", func(context.Context) error { return db.Close() })
		q = &outgoing{db: db}
		return q, nil
	}}, nil
}

// mendDirectory repairs what can be in a data directory that nobody uses, and prints what was done.
func mendDirectory(cmd *cobra.Command, dataDir string, p accountParams) (rerr error) {
	ctx := cmd.Context()
	if _, err := ctl.Dial(ctx, dataDir); err == nil {
		return fmt.Errorf("a mox runs on %s; stop it first", dataDir)
	}
	var closers closers
	defer func() { rerr = errors.Join(rerr, closers.close(context.WithoutCancel(ctx))) }()
	o, err := openAccounts(dataDir, commandLogger(cmd.ErrOrStderr()), &closers, writing)
	if err != nil {
		return err
	}
	err = o.eachAccount(ctx, p, func(account string) error {
		return o.store.Mend(ctx, account, p.Content, func(done string) {
			fmt.Fprintf(cmd.OutOrStdout(), "account %s: mended: %s\n", account, done)
		})
	})
	if p.Account != "" || ctx.Err() != nil {
		return err
	}
	if _, serr := os.Stat(o.queueDir); errors.Is(serr, fs.ErrNotExist) {
		return err
	}
	db, qerr := o.queueDatabase(ctx)
	if errors.Is(qerr, queuedb.ErrDamaged) {
		return err // What is wrong is told by the check that follows.
	} else if qerr == nil {
		qerr = db.Mend(ctx, func(done string) { fmt.Fprintf(cmd.OutOrStdout(), "queue: mended: %s\n", done) })
	}
	return errors.Join(err, qerr)
}

// mendBackup is mendDirectory for a backup, which then gets a new manifest.
func mendBackup(cmd *cobra.Command, b *backup.Backup, dir string, p accountParams) error {
	if err := mendDirectory(cmd, filepath.Join(dir, backupData), p); err != nil {
		return err
	}
	fixed := map[string]bool{}
	for i := range b.Files {
		fixed[b.Files[i].Path] = b.Files[i].Fixed
	}
	return b.Refresh(cmd.Context(), backupData, func(path string) bool { return fixed[path] && strings.Contains(path, "/blobs/") })
}
