package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mox/config"
	"mox/internal/backup"
	"mox/internal/ctl"
)

func verifyDataCommand() *cobra.Command {
	var p accountParams
	var quick, fix bool
	cmd := &cobra.Command{
		Use:   "verifydata [directory]",
		Short: "Check the data of accounts and the queue, and mend it",
		Long: `Verifydata checks all accounts and the queue, or one account: that databases are
whole, that counts, identities, flags, threads and the log of changes fit each
other, that the content of each message is there, and that no byte of it has
changed. It changes nothing. Each problem is printed with what to do about it;
the exit code is then 1.

Run it after a crash of the machine, after restoring a backup, or when in doubt.
With a backup or a data directory as argument no configuration is needed; the
files of a backup are compared with its manifest, too. With --quick, the content
of messages is not read.

With --fix, what can be mended without losing anything is mended first, and each
thing that was done is printed: counts and what else can be counted again; files
that no message refers to are removed; messages that a database does not know
are put into a mailbox "Recovered", unless --quick is given; a damaged or lost
database is moved aside and made anew, as by "mox recover". The server must be
stopped for it.

When no server runs, checking also works on a disk that is full or mounted
read-only: databases are copied to temporary files, or memory, one at a time.`,
		Example: `  mox verifydata
  mox verifydata --quick --account ann
  mox verifydata /backup/mox/monday
  mox verifydata --fix /home/mox/data`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Content = !quick
			var r verifyResult
			var err error
			switch {
			case len(args) > 0:
				r, err = verifyArgument(cmd, args[0], p, fix)
			case fix:
				var path, dir string
				if path, err = configPath(cmd); err != nil {
					return err
				}
				if dir, err = config.DataDir(path); err != nil {
					return err
				}
				r, err = verifyArgument(cmd, dir, p, fix)
			default:
				err = withServerOr(cmd, reading, func(ctx context.Context, c *ctl.Client) error {
					return c.Call(ctx, "verifydata", p, printProblems(cmd), &r)
				})
			}
			if err != nil {
				return err
			}
			if r.Problems > 0 {
				return fmt.Errorf("%d problems in %d accounts", r.Problems, r.Accounts)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "no problems in %s\n", counted(r.Accounts, "account"))
			return err
		},
	}
	cmd.Flags().StringVar(&p.Account, "account", "", "account to check (default: all)")
	cmd.Flags().BoolVar(&quick, "quick", false, "do not read the content of messages")
	cmd.Flags().BoolVar(&fix, "fix", false, "mend what can be mended, while no server runs")
	return cmd
}

// verifyArgument checks a backup or data directory, which it mends before if asked to.
func verifyArgument(cmd *cobra.Command, dir string, p accountParams, fix bool) (verifyResult, error) {
	b, err := backup.Open(dir)
	switch {
	case errors.Is(err, backup.ErrNoBackup):
		if _, serr := os.Lstat(filepath.Join(dir, backup.ManifestName)); serr == nil {
			return verifyResult{}, err // It is damaged.
		}
		if fix {
			if err := mendDirectory(cmd, dir, p); err != nil {
				return verifyResult{}, err
			}
		}
		return verifyDirectory(cmd, dir, p)
	case err != nil:
		return verifyResult{}, err
	}
	defer b.Close()
	if fix {
		if err := mendBackup(cmd, b, dir, p); err != nil {
			return verifyResult{}, err
		}
	}
	return verifyBackup(cmd, b, dir, p)
}
