package main

import (
	"github.com/spf13/cobra"

	"mox/admin"
)

func configAddressCommand() *cobra.Command {
	var mailbox string
	cmd := &cobra.Command{
		Use:   "address",
		Short: "Add, remove and list addresses of accounts",
		Long: `Address has subcommands for the addresses of accounts. They change domains.conf
and take effect at once, also in a running server.`,
		RunE: groupRun,
	}
	add := &cobra.Command{
		Use:   "add address account",
		Short: "Add an address to an account",
		Long: `Add adds an address to an account, or with @ and a domain all other addresses of
that domain. Mail goes to Inbox, or to the mailbox given.`,
		Example: `  mox config address add sales@example.org ann
  mox config address add --mailbox Lists/golang golang@example.org ann
  mox config address add @example.net ann`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeConfig(cmd, "config.address.add", admin.Address{Address: args[0], Account: args[1], Mailbox: mailbox}, "address %s is added to account %s", args[0], args[1])
		},
	}
	add.Flags().StringVar(&mailbox, "mailbox", "", "mailbox to deliver to (default: Inbox)")
	cmd.AddCommand(
		addressListCommand(),
		add,
		&cobra.Command{
			Use:     "rm address",
			Short:   "Remove an address from its account",
			Long:    `Rm removes an address from its account, and from aliases that have it.`,
			Example: "  mox config address rm sales@example.org",
			Args:    cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return changeConfig(cmd, "config.address.rm", nameParams{args[0]}, "address %s is removed", args[0])
			},
		},
	)
	return cmd
}

func addressListCommand() *cobra.Command {
	return listCommand("addresses of accounts", "config.address.list", `List prints the addresses of accounts, a line each: address, account, mailbox.
An address that begins with @ stands for all others of the domain.`, "mox config address", func(a admin.Address) []string {
		return []string{a.Address, a.Account, a.Mailbox}
	})
}
