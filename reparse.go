package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/store"
)

func reparseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reparse [account]",
		Short: "Parse messages again",
		Long: `Reparse reads all messages of an account, or of all accounts, and replaces what
is kept of them for lists where this version of mox would keep something else:
envelope, structure, preview. Run it after an update whose notes ask for it. The
messages themselves, their flags and UIDs stay as they are.

It can be interrupted, and run again.`,
		Example: "  mox reparse\n  mox reparse ann",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var p accountParams
			if len(args) > 0 {
				p.Account = args[0]
			}
			line := newProgressLine(cmd.ErrOrStderr())
			var stats store.ReparseStats
			err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "reparse", p, ctl.Streams{
					Progress: decodeProgress(func(s store.ReparseStats) { line.printf("%d messages", s.Emails) }),
				}, &stats)
			})
			line.end()
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d messages, %d changed\n", stats.Emails, stats.Changed)
			if stats.Failed > 0 {
				return fmt.Errorf("%d messages could not be read; \"mox verifydata\" tells which", stats.Failed)
			}
			return nil
		},
	}
}

func (o *operations) reparse(ctx context.Context, c *ctl.Call) (any, error) {
	var p accountParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	var sum store.ReparseStats
	tell := throttled(func(s store.ReparseStats) { c.Progress(s) })
	err := o.eachAccount(ctx, p, func(account string) error {
		a, err := o.store.Open(ctx, account)
		if err != nil {
			return err
		}
		before := sum
		add := func(s store.ReparseStats) {
			sum = store.ReparseStats{Emails: before.Emails + s.Emails, Changed: before.Changed + s.Changed, Failed: before.Failed + s.Failed}
			tell(sum)
		}
		stats, err := a.Reparse(ctx, store.System, add)
		add(stats)
		return errors.Join(err, a.Close())
	})
	return sum, err
}

// existingAccount opens an account that is there.
func (o *operations) existingAccount(ctx context.Context, name string) (*store.Account, error) {
	a, err := o.store.Open(ctx, name)
	if errors.Is(err, store.ErrNoAccount) {
		l, lerr := o.store.Accounts(ctx)
		if lerr != nil {
			return nil, lerr
		}
		return nil, o.noAccount(name, l)
	}
	return a, err
}
