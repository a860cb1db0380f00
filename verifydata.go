package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/queuedb"
	"mox/store"
)

func verifyDataCommand() *cobra.Command {
	var p accountParams
	var quick bool
	cmd := &cobra.Command{
		Use:   "verifydata [data-directory]",
		Short: "Check the data of accounts and the queue",
		Long: `Verifydata checks all accounts and the queue, or one account: that databases are
whole, that counts, identities, flags, threads and the log of changes fit each
other, that the content of each message is there, and that no byte of it has
changed. It changes nothing. Each problem is printed with what to do about it;
the exit code is then 1.

Run it after a crash of the machine, after restoring a backup, or when in doubt.
With a data directory as argument no configuration is needed, so that a backup
can be checked where it is. With --quick, the content of messages is not read.

When no server runs, it also works on a disk that is full or mounted read-only:
databases are copied to temporary files, or memory, one at a time.`,
		Example: `  mox verifydata
  mox verifydata --quick --account ann
  mox verifydata /backup/mox/data`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Content = !quick
			var r verifyResult
			verify := func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "verifydata", p, ctl.Streams{
					Progress: decodeProgress(func(problem store.Problem) {
						where := "queue"
						if problem.Account != "" {
							where = "account " + problem.Account
						}
						fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; %s\n", where, problem.What, problem.Cure)
					}),
				}, &r)
			}
			var err error
			if len(args) == 0 {
				err = withServerOr(cmd, reading, verify)
			} else {
				err = withDataDir(cmd, args[0], verify, func(log *slog.Logger, closers *closers) (*operations, error) {
					return openAccounts(args[0], log, closers)
				})
			}
			if err != nil {
				return err
			}
			if r.Problems > 0 {
				return fmt.Errorf("%d problems in %d accounts", r.Problems, r.Accounts)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "no problems in %d accounts\n", r.Accounts)
			return err
		},
	}
	cmd.Flags().StringVar(&p.Account, "account", "", "account to check (default: all)")
	cmd.Flags().BoolVar(&quick, "quick", false, "do not read the content of messages")
	return cmd
}

// openAccounts opens a data directory for checking it.
func openAccounts(dataDir string, log *slog.Logger, closers *closers) (*operations, error) {
	if _, err := os.Stat(accountsDir(dataDir)); err != nil {
		return nil, fmt.Errorf("%s is no data directory of mox: %w; to check one account, name it with --account", dataDir, err)
	}
	if err := checkOwner(dataDir); err != nil {
		return nil, err
	}
	st, err := store.New(store.Options{Dir: accountsDir(dataDir), Log: log.With("pkg", "store"), ReadOnly: true})
	if err != nil {
		return nil, err
	}
	closers.add("closing accounts", func(context.Context) error { return st.Close() })
	var q *outgoing
	return &operations{store: st, queueDir: queueDir(dataDir), queue: func(ctx context.Context) (*outgoing, error) {
		if q != nil {
			return q, nil
		}
		db, err := queuedb.Open(ctx, queuedb.Options{Dir: queueDir(dataDir), Log: log.With("pkg", "queue"), ReadOnly: true})
		if err != nil {
			return nil, err
		}
		closers.add("closing the queue's database", func(context.Context) error { return db.Close() })
		q = &outgoing{db: db}
		return q, nil
	}}, nil
}
