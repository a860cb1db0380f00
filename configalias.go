package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/internal/ctl"
)

func configAliasCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alias",
		Short: "Add, change, remove and list aliases",
		Long: `Alias has subcommands for aliases: addresses whose mail goes to several accounts
of this server. They change domains.conf and take effect at once, also in a
running server.`,
		RunE: groupRun,
	}
	cmd.AddCommand(
		listCommand("aliases", "config.alias.list", `List prints the aliases, a line each: address, number of members, and who may
send to it.`, "mox config alias", func(a admin.Alias) []string {
			return []string{a.Address, counted(len(a.Members), "member"), posting(a.PostPublic)}
		}),
		aliasPrintCommand(),
		aliasAddCommand(),
		aliasUpdateCommand(),
		&cobra.Command{
			Use:     "rm alias",
			Short:   "Remove an alias",
			Long:    `Rm removes an alias. The addresses of its members stay.`,
			Example: "  mox config alias rm team@example.org",
			Args:    cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return changeConfig(cmd, "config.alias.rm", nameParams{args[0]}, "alias %s is removed", args[0])
			},
		},
		aliasMembersCommand("addaddr", "Add members to an alias", `Addaddr adds addresses of accounts to an alias.`, "config.alias.addmembers", "%s is added to alias %s"),
		aliasMembersCommand("rmaddr", "Remove members from an alias", `Rmaddr removes addresses from an alias. To remove the last one, remove the
alias.`, "config.alias.rmmembers", "%s is removed from alias %s"),
	)
	return cmd
}

// posting tells people who may send to an alias.
func posting(public bool) string {
	if public {
		return "anybody may send"
	}
	return "members may send"
}

func aliasPrintCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "print alias",
		Short:   "Print an alias with its members",
		Long:    `Print prints how an alias may be used, and its members.`,
		Example: "  mox config alias print team@example.org",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var a admin.Alias
			err := withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "config.alias.get", nameParams{args[0]}, ctl.Streams{}, &a)
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, a)
			}
			r := newReport()
			r.row("Alias", "%s", a.Address)
			r.row("PostPublic", "%v", a.PostPublic)
			r.row("ListMembers", "%v", a.ListMembers)
			r.row("AllowMsgFrom", "%v", a.AllowMsgFrom)
			for _, m := range a.Members {
				r.row("Member", "%s", m)
			}
			_, err = cmd.OutOrStdout().Write(r.bytes())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// aliasFlags are how an alias may be used.
type aliasFlags struct{ postPublic, listMembers, allowMsgFrom bool }

func (f *aliasFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.postPublic, "postpublic", false, "anybody may send to it, not members only")
	cmd.Flags().BoolVar(&f.listMembers, "listmembers", false, "members may see who the others are")
	cmd.Flags().BoolVar(&f.allowMsgFrom, "allowmsgfrom", false, "members may send with it as sender")
}

func aliasAddCommand() *cobra.Command {
	var f aliasFlags
	cmd := &cobra.Command{
		Use:   "add alias member ...",
		Short: "Add an alias",
		Long: `Add adds an alias with members, which are addresses of accounts. By default only
members may send to it, after logging in.`,
		Example: `  mox config alias add team@example.org ann@example.org bob@example.org
  mox config alias add --postpublic info@example.org ann@example.org`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := admin.Alias{Address: args[0], Members: args[1:], PostPublic: f.postPublic, ListMembers: f.listMembers, AllowMsgFrom: f.allowMsgFrom}
			return changeConfig(cmd, "config.alias.add", p, "alias %s is added", args[0])
		},
	}
	f.add(cmd)
	return cmd
}

func aliasUpdateCommand() *cobra.Command {
	var f aliasFlags
	cmd := &cobra.Command{
		Use:   "update alias",
		Short: "Change how an alias may be used",
		Long: `Update changes how an alias may be used. What no flag is given for stays as it
is; give a flag with =false to take something back.`,
		Example: `  mox config alias update --postpublic team@example.org
  mox config alias update --allowmsgfrom=false team@example.org`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := admin.AliasChange{Address: args[0]}
			changed := false
			for _, flag := range []struct {
				name  string
				value *bool
				to    **bool
			}{{"postpublic", &f.postPublic, &p.PostPublic}, {"listmembers", &f.listMembers, &p.ListMembers}, {"allowmsgfrom", &f.allowMsgFrom, &p.AllowMsgFrom}} {
				if cmd.Flags().Changed(flag.name) {
					*flag.to = flag.value
					changed = true
				}
			}
			if !changed {
				return usagef("nothing to change; give --postpublic, --listmembers or --allowmsgfrom")
			}
			return changeConfig(cmd, "config.alias.update", p, "alias %s is changed", args[0])
		},
	}
	f.add(cmd)
	return cmd
}

func aliasMembersCommand(name, short, long, call, done string) *cobra.Command {
	return &cobra.Command{
		Use:     name + " alias address ...",
		Short:   short,
		Long:    long,
		Example: "  mox config alias " + name + " team@example.org carl@example.org",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			what := args[1]
			if n := len(args) - 1; n > 1 {
				what = fmt.Sprintf("each of %d addresses", n)
			}
			return changeConfig(cmd, call, admin.AliasMembers{Address: args[0], Members: args[1:]}, done, what, args[0])
		},
	}
}
