package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mox/admin"
)

func configDomainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "domain",
		Short: "Add, remove and list domains",
		Long: `Domain has subcommands for the domains that mail is accepted for. They change
domains.conf and take effect at once, also in a running server.`,
		RunE: groupRun,
	}
	cmd.AddCommand(
		listCommand("domains", "config.domain.list", `List prints the domains, a line each: name, number of addresses and of aliases,
and whether it is disabled.`, "mox config domain", func(d admin.DomainInfo) []string {
			return []string{d.Name, fmt.Sprintf("%d addresses", d.Addresses), fmt.Sprintf("%d aliases", d.Aliases), state(d.Disabled), d.Description}
		}),
		domainAddCommand(),
		domainRemoveCommand(),
		domainStateCommand("disable", true, "Refuse mail to and from a domain for now", `Disable has mail to and from a domain refused, with a temporary error: others
try again, and nothing is lost if it does not last for days. It is for moving a
domain from or to another server.`, "mail to and from %s is refused for now"),
		domainStateCommand("enable", false, "Take mail to and from a domain again", `Enable ends what "mox config domain disable" began.`, "mail to and from %s is taken"),
	)
	return cmd
}

// state tells people whether something is disabled.
func state(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}

func domainAddCommand() *cobra.Command {
	var p admin.NewDomain
	cmd := &cobra.Command{
		Use:   "add domain [account]",
		Short: "Add a domain",
		Long: `Add adds a domain: it makes keys for DKIM in the directory dkim beside mox.conf,
and a policy for TLS (MTA-STS) if a listener serves such. Reports about the
domain go to the account, by default that of the postmaster, at the addresses
dmarcreports and tlsreports of the domain.

The domain needs records in DNS, which "mox config dnsrecords" prints, and
addresses, which "mox config address add" adds to accounts.`,
		Example: `  mox config domain add example.net
  mox config domain add --disabled example.net ann`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Name = args[0]
			if len(args) > 1 {
				p.Account = args[1]
			}
			return changeConfig(cmd, "config.domain.add", p, "domain %s is added; see \"mox config dnsrecords %s\" for its records in DNS", p.Name, p.Name)
		},
	}
	cmd.Flags().BoolVar(&p.Disabled, "disabled", false, "refuse its mail until \"mox config domain enable\"")
	cmd.Flags().StringVar(&p.Description, "description", "", "free text, for administrators")
	return cmd
}

func domainRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm domain",
		Short: "Remove a domain",
		Long: `Rm removes a domain with its aliases. Accounts must not have addresses at it any
more, besides those for reports about it. Mail that was received stays, and so
do the files with keys for DKIM.`,
		Example: "  mox config domain rm example.net",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeConfig(cmd, "config.domain.rm", nameParams{args[0]}, "domain %s is removed; remove its records in DNS too", args[0])
		},
	}
}

func domainStateCommand(name string, disabled bool, short, long, done string) *cobra.Command {
	return &cobra.Command{
		Use:     name + " domain",
		Short:   short,
		Long:    long,
		Example: "  mox config domain " + name + " example.net",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeConfig(cmd, "config.domain.disable", domainState{args[0], disabled}, done, args[0])
		},
	}
}

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
