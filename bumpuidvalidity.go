package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/store"
)

func bumpUIDValidityCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "bumpuidvalidity account [mailbox]",
		Short: "Have mail programs read a mailbox anew",
		Long: `Bumpuidvalidity gives a mailbox, or all mailboxes of an account, a new
UIDVALIDITY. Mail programs then give up what they keep of its messages and
download them again; sessions that have the mailbox selected are ended. The
messages stay as they are. Use it when a mail program shows something else than
the server has.`,
		Example: `  mox bumpuidvalidity ann
  mox bumpuidvalidity ann Archive/2025`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := mboxParams{Account: args[0]}
			if len(args) > 1 {
				if p.Mailbox = args[1]; p.Mailbox == "" {
					return usagef("name a mailbox, or none for all")
				}
			}
			var l []bumpedMailbox
			err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "bumpuidvalidity", p, ctl.Streams{}, &l)
			})
			if err != nil {
				return err
			}
			for _, mb := range l {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: UIDVALIDITY is %d\n", mb.Name, mb.UIDValidity); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

type bumpedMailbox struct {
	Name        string
	UIDValidity uint32
}

func (o *operations) bumpUIDValidity(ctx context.Context, c *ctl.Call) (any, error) {
	var p mboxParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	a, err := o.existingAccount(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	l, err := a.BumpUIDValidity(ctx, store.System, p.Mailbox)
	if err != nil {
		return nil, err
	}
	bumped := make([]bumpedMailbox, len(l))
	for i, mb := range l {
		bumped[i] = bumpedMailbox{mb.Name, mb.UIDValidity}
	}
	o.log.Info("mailboxes have a new uidvalidity", "account", p.Account, "mailboxes", len(l))
	return bumped, nil
}
