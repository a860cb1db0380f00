package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/store"
)

func recoverCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "recover account",
		Short: "Rebuild an account whose database is lost",
		Long: `Recover makes a new database for an account from the files that hold its
messages. Use it when the database is damaged or gone and there is no better
backup. Messages come back into their mailboxes with their time and the flags
they had when they arrived; later changes of flags, messages copied since,
settings and the password are lost.

A database that is there is not touched: move it away first, and stop the
server, or the account stays in use.`,
		Example: `  mv data/accounts/ann/index.db /tmp/
  mox recover ann`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			line := newProgressLine(cmd.ErrOrStderr())
			var stats store.RecoverStats
			err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "recover", accountParams{Account: args[0]}, ctl.Streams{
					Progress: decodeProgress(func(s store.RecoverStats) { line.printf("%d messages", s.Messages) }),
				}, &stats)
			})
			line.end()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "recovered %d messages; %d were damaged, %d were there more than once\nset a password with \"mox setaccountpassword %s\"\n",
				stats.Messages, stats.Damaged, stats.Duplicates, args[0])
			return err
		},
	}
}
