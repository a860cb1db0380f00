package main

import (
	"strings"

	"github.com/spf13/cobra"

	"mox/admin"
)

func configAccountCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Add, remove and list accounts",
		Long: `Account has subcommands for accounts. They change domains.conf and take effect
at once, also in a running server.`,
		RunE: groupRun,
	}
	cmd.AddCommand(
		listCommand("accounts", "config.account.list", `List prints the accounts, a line each: name, addresses, and why logging in is
disabled, if it is.`, "mox config account", func(a admin.AccountInfo) []string {
			disabled := ""
			if a.LoginDisabled != "" {
				disabled = "login disabled: " + a.LoginDisabled
			}
			return []string{a.Name, strings.Join(a.Addresses, " "), disabled}
		}),
		accountAddCommand(),
		accountRemoveCommand(),
		&cobra.Command{
			Use:   "disable account reason",
			Short: "Refuse logins to an account",
			Long: `Disable has logins to an account refused, with a reason that is shown to who
tries. Mail is still received. Who is logged in stays so until the connection
ends.`,
			Example: `  mox config account disable ann "account is suspended, ask the postmaster"`,
			Args:    cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				if strings.TrimSpace(args[1]) == "" {
					return usagef("the reason is empty; say what users are to be told")
				}
				return changeConfig(cmd, "config.account.disable", accountState{args[0], args[1]}, "logins to account %s are refused", args[0])
			},
		},
		&cobra.Command{
			Use:     "enable account",
			Short:   "Allow logins to an account again",
			Long:    `Enable ends what "mox config account disable" began.`,
			Example: "  mox config account enable ann",
			Args:    cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return changeConfig(cmd, "config.account.disable", accountState{args[0], ""}, "logins to account %s are allowed", args[0])
			},
		},
	)
	return cmd
}

func accountAddCommand() *cobra.Command {
	var p admin.NewAccount
	cmd := &cobra.Command{
		Use:   "add account address",
		Short: "Add an account",
		Long: `Add adds an account with an address, whose domain must be there already. The
name of the account is not an address; it is used in commands and logs. Logging
in needs a password, which "mox setaccountpassword" sets.`,
		Example: `  mox config account add bob bob@example.org
  mox config account add --fullname "Bob Example" bob bob@example.org`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Name, p.Address = args[0], args[1]
			return changeConfig(cmd, "config.account.add", p, "account %s is added; set its password with \"mox setaccountpassword %s\"", p.Name, p.Name)
		},
	}
	cmd.Flags().StringVar(&p.FullName, "fullname", "", "name of the person, for mail that mox composes")
	return cmd
}

func accountRemoveCommand() *cobra.Command {
	var mail bool
	cmd := &cobra.Command{
		Use:   "rm account",
		Short: "Remove an account",
		Long: `Rm removes an account from domains.conf, and its addresses from aliases. Its
mail stays on the disk, and is there again when an account of that name is
added, unless --mail is given, which deletes it for good.`,
		Example: `  mox config account rm bob
  mox config account rm --mail bob`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kept := ", its mail is kept"
			if mail {
				kept = ", and its mail is deleted"
			}
			return changeConfig(cmd, "config.account.rm", accountGone{args[0], mail}, "account %s is removed%s", args[0], kept)
		},
	}
	cmd.Flags().BoolVar(&mail, "mail", false, "delete its mail too")
	return cmd
}
