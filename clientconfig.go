package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/config"
)

func clientConfigCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "clientconfig domain",
		Short: "Print the settings for mail programs of a domain",
		Long: `Clientconfig prints what to enter in a mail program for an account with an
address at a domain: servers, ports and kinds of encryption for reading and
sending mail, better ones first. The user name is the full address.

Programs that look for settings find these by themselves, if the records that
"mox config dnsrecords" prints are in DNS.`,
		Example: `  mox clientconfig example.org
  mox clientconfig --json example.org`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			domain, err := domainArgument(args[0])
			if err != nil {
				return err
			}
			path, err := configPath(cmd)
			if err != nil {
				return err
			}
			cfg, err := config.Load(config.Options{Path: path})
			if err != nil {
				return err
			}
			l, err := admin.ClientSettings(cfg, domain)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, l)
			}
			if len(l) == 0 {
				return fmt.Errorf("no listener has services for mail programs; enable Submissions and IMAPS in mox.conf")
			}
			r := newReport()
			for _, s := range l {
				r.cells(s.Protocol, s.Host, fmt.Sprint(s.Port), s.Security)
			}
			r.gap()
			r.row("User name", "the full address, e.g. you@%s", domain.Name())
			r.row("Authentication", "SCRAM-SHA-256, or a normal password over TLS")
			_, err = cmd.OutOrStdout().Write(r.bytes())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
