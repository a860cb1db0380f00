package main

import (
	"fmt"

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
