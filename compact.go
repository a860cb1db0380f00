package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/store"
)

func compactCommand() *cobra.Command {
	var p accountParams
	cmd := &cobra.Command{
		Use:   "compact [account]",
		Short: "Give back disk space of deleted messages",
		Long: `Compact rewrites the files of an account, or of all and the queue, without the
messages that were deleted. Mox does this by itself, slowly, for files of which
at least a third is of no use. Run it after deleting much, when the space is
wanted now.

With --force also files are rewritten where little is gained.`,
		Example: `  mox compact
  mox compact --force ann`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				p.Account = args[0]
			}
			var stats store.CompactStats
			err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "compact", p, ctl.Streams{}, &stats)
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d bytes before, %d bytes after\n", stats.Before, stats.After)
			return err
		},
	}
	cmd.Flags().BoolVar(&p.Force, "force", false, "also where little is gained")
	return cmd
}
