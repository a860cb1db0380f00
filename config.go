package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mjl-/sconf"
	"github.com/spf13/cobra"

	"mox/config"
	"mox/dns"
	"mox/http"
	"mox/internal/ctl"
)

func configCommand(resolver dns.Resolver) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check, explain and change the configuration",
		Long: `Config has subcommands that check mox.conf and domains.conf and explain their
fields, change domains, accounts, addresses and aliases, print and check the DNS
records that go with them, and one that has a running server read them again.`,
		RunE: groupRun,
	}
	cmd.AddCommand(
		configTestCommand(),
		configReloadCommand(),
		configDomainCommand(),
		configAccountCommand(),
		configAddressCommand(),
		configAliasCommand(),
		configTLSPubkeyCommand(),
		configCertificatesCommand(),
		configDNSRecordsCommand(),
		configDNSCheckCommand(policyOptions(resolver)),
		configPrintServiceCommand(),
		configPrintCommand("describe-static", "Print mox.conf with every field explained",
			`Describe-static prints a mox.conf with every field, what it means, its default
and an example.`, config.DescribeStatic),
		configPrintCommand("describe-domains", "Print domains.conf with every field explained",
			`Describe-domains prints a domains.conf with every field, what it means, its
default and an example.`, config.DescribeDomains),
		configPrintCommand("describe-sendmail", "Print the configuration of mox sendmail with every field explained",
			`Describe-sendmail prints a configuration file of "mox sendmail", by default
/etc/moxsubmit.conf, with every field, what it means, its default and an
example.`, describeSubmit),
		configExampleCommand(),
		configPrintCommand("reference", "Print the documentation of both files as Markdown",
			`Reference prints the documentation of both configuration files as Markdown. The
documentation of mox keeps it as docs/config.md.`, config.WriteReference),
	)
	return cmd
}

func configTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test",
		Short: "Check the configuration files",
		Long: `Test reads mox.conf, domains.conf and the certificates they name, as a server
would at start, and prints all problems: file, line, field and what to do. Run
it after editing, before a restart or reload. Warnings are about what can be
used, but has no effect, or certificates that are not valid now.`,
		Example: "  mox config test\n  mox --config /etc/mox/mox.conf config test",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := configPath(cmd)
			if err != nil {
				return err
			}
			cfg, err := config.Load(config.Options{Path: path})
			var problems *config.Error
			if errors.As(err, &problems) {
				for _, p := range problems.Problems {
					fmt.Fprintln(cmd.ErrOrStderr(), p)
				}
				if len(problems.Problems) == 1 {
					return errors.New("the configuration has a problem")
				}
				return fmt.Errorf("the configuration has %d problems", len(problems.Problems))
			} else if err != nil {
				return err
			}
			if loops := http.Loops(cfg); len(loops) > 0 {
				for _, l := range loops {
					fmt.Fprintf(cmd.ErrOrStderr(), "websites: %s; correct WebDomainRedirects or WebHandlers in domains.conf\n", printable(l.String()))
				}
				return errors.New("websites redirect in a circle")
			}
			if broken := http.Broken(cfg); len(broken) > 0 {
				for _, err := range broken {
					fmt.Fprintf(cmd.ErrOrStderr(), "websites: %s; correct WebHandlers in domains.conf\n", printable(err.Error()))
				}
				return errors.New("handlers of websites cannot work")
			}
			printWarnings(cmd, cfg.Warnings())
			fmt.Fprintf(cmd.OutOrStdout(), "%s is good: %s, %s, %s\n", path, counted(len(cfg.Listeners), "listener"), counted(len(cfg.Domains()), "domain"), counted(len(cfg.Accounts()), "account"))
			return nil
		},
	}
}

// printWarnings prints what is no reason not to use a configuration.
func printWarnings(cmd *cobra.Command, warnings []config.Problem) {
	for _, p := range warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", printable(p.String()))
	}
}

func configReloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have the running server read domains.conf again",
		Long: `Reload has the running server read domains.conf and the certificates again, like
the signal SIGHUP, and tells what is wrong with them; the server then goes on
with what it had. A change of mox.conf needs a restart, which is told too.`,
		Example: "  mox config reload",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRunningServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				var r config.Reloaded
				if err := c.Call(ctx, "config.reload", nil, ctl.Streams{}, &r); err != nil {
					return err
				}
				printWarnings(cmd, r.Warnings)
				fmt.Fprintln(cmd.OutOrStdout(), "reloaded")
				if r.NeedsRestart {
					fmt.Fprintln(cmd.OutOrStdout(), "mox.conf has changed; restart the server to put that in effect")
				}
				if r.StaticProblems != "" {
					return fmt.Errorf("a restart would fail:\n%s", r.StaticProblems)
				}
				return nil
			})
		},
	}
}

func configExampleCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "example static|domains|sendmail",
		Short: "Print a small configuration to start from",
		Long: `Example prints a small and complete mox.conf ("static") or domains.conf
("domains") for one domain, or a moxsubmit.conf ("sendmail"), to start from.
Replace names, and provide certificates and passwords.`,
		Example: `  mox config example static >mox.conf
  mox config example domains >domains.conf`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []cobra.Completion{"static", "domains", "sendmail"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "static":
				s := config.ExampleStatic()
				return sconf.Write(cmd.OutOrStdout(), &s)
			case "sendmail":
				f := exampleSubmitFile()
				return sconf.Write(cmd.OutOrStdout(), &f)
			}
			d := config.ExampleDynamic()
			return sconf.Write(cmd.OutOrStdout(), &d)
		},
	}
}

func configPrintCommand(name, short, long string, write func(io.Writer) error) *cobra.Command {
	return &cobra.Command{
		Use:     name,
		Short:   short,
		Long:    long,
		Example: "  mox config " + name,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return write(cmd.OutOrStdout()) },
	}
}

// configPath returns the path of mox.conf that a command works with: the flag,
// $MOXCONF, config/mox.conf here, or the one of localserve.
func configPath(cmd *cobra.Command) (string, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil || path != "" {
		return path, err
	}
	if path := os.Getenv("MOXCONF"); path != "" {
		return path, nil
	}
	path = filepath.Join("config", "mox.conf")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if dir, err := localserveDir(); err == nil {
		local := filepath.Join(dir, "mox.conf")
		if _, err := os.Stat(local); err == nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "using localserve in %s\n", dir)
			return local, nil
		}
	}
	return path, nil
}

// localserveDir returns where localserve keeps everything unless told otherwise.
func localserveDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "mox-localserve"), nil
}
