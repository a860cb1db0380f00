package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/store"
)

func recalculateMailboxCountsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "recalculatemailboxcounts account",
		Short: "Count the messages of an account again",
		Long: `Recalculatemailboxcounts adds up the messages of all mailboxes of an account and
corrects what was kept of them: how many there are, how many are unread, their
size, the bytes counted against the quota, references. What was wrong is
printed. Counts are kept right by each change, so there should be nothing; "mox
verifydata" tells whether there is.

Changes to the account wait meanwhile, about a second for 100,000 messages.`,
		Example: "  mox recalculatemailboxcounts ann",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var corrected []string
			err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "recount", accountParams{Account: args[0]}, ctl.Streams{}, &corrected)
			})
			if err != nil {
				return err
			}
			for _, what := range corrected {
				fmt.Fprintln(cmd.OutOrStdout(), what)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d corrections\n", len(corrected))
			return err
		},
	}
}

func (o *operations) recount(ctx context.Context, c *ctl.Call) (any, error) {
	var p accountParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	a, err := o.existingAccount(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	corrected, err := a.Recount(ctx, store.System)
	for _, what := range corrected {
		o.log.Warn("corrected", "account", p.Account, "what", what)
	}
	return corrected, err
}
