// Mox is a mail server in one binary. This package turns a command line into
// calls: each family of subcommands has a file of its name, and what a command
// does lives in the package of that name. Serve.go wires the whole server once,
// in one function.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	_ "time/tzdata" // The time zones of users, on systems that do not know them.

	"github.com/spf13/cobra"

	"mox/dns"
)

// Exit codes, documented in the help of the root command.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// commands is the table of subcommands, in the order of the help text.
func commands(resolver dns.Resolver) []*cobra.Command {
	return []*cobra.Command{
		quickstartCommand(resolver),
		serveCommand(),
		localserveCommand(),
		configCommand(resolver),
		queueCommand(),
		importCommand(),
		exportCommand(),
		sendmailCommand(),
		setAccountPasswordCommand(),
		setAdminPasswordCommand(),
		sessionsCommand(),
		clientConfigCommand(),
		logLevelsCommand(),
		stopCommand(),
		restartCommand(),
		backupCommand(),
		restoreCommand(),
		verifyDataCommand(),
		recoverCommand(),
		compactCommand(),
		bumpUIDValidityCommand(),
		recalculateMailboxCountsCommand(),
		reparseCommand(),
		messageCommand(),
		dkimCommand(resolver),
		spfCommand(resolver),
		dmarcCommand(resolver),
		arcCommand(resolver),
		dnsblCommand(resolver),
		dnsCommand(resolver),
		webserverCommand(),
		versionCommand(),
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Who does not want to wait for an orderly end interrupts again.
	context.AfterFunc(ctx, stop)
	code := run(ctx, arguments(os.Args), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// arguments returns the command line for run. Under the name of sendmail, mox is that
// program.
func arguments(argv []string) []string {
	if filepath.Base(argv[0]) == "sendmail" {
		return append([]string{"sendmail"}, argv[1:]...)
	}
	return argv[1:]
}

// run executes one command line and returns the exit code. Errors are written
// to stderr, as one line each.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runWith(ctx, newSystemResolver(), args, stdin, stdout, stderr)
}

// runWith is run with what commands look names up with.
func runWith(ctx context.Context, resolver dns.Resolver, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	stdout, stderr = &textWriter{w: stdout}, &textWriter{w: stderr}
	root, started := newRoot(resolver)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	addCompletionCommand(root)

	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "%s: %v\n", cmd.CommandPath(), err)
	var exit exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	var usage usageError
	// Whatever goes wrong before a command starts is the command line's fault:
	// an unknown command or flag, or a wrong number of arguments.
	if !*started || errors.As(err, &usage) {
		fmt.Fprintf(stderr, "Run '%s --help' for usage.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailure
}

// usageError marks an error in how a command was called, found only after the
// command had started. The exit code is then 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef makes a usageError.
func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// newRoot returns the root command with all subcommands. The flag it returns is
// set once a subcommand was found, its arguments checked, and it begins to run.
func newRoot(resolver dns.Resolver) (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:   "mox",
		Short: "A mail server in one binary",
		Long: `Mox is a mail server in one binary: it receives and sends mail over SMTP, keeps
it, and serves it to mail programs over IMAP.

To set up a server for your domain, run "mox quickstart you@example.org" and
then "mox serve". To try mox out, run "mox localserve": it serves on localhost,
accepts mail for any address and delivers nothing to the outside.

Commands that act on mail or settings talk to the running server through a
socket in its data directory. Most also work when no server runs.

Exit codes: 0 for success, 1 when the command failed, 2 when it was called in a
wrong way. The command sendmail has others, those of sysexits.h.`,
		Example: `  mox quickstart you@example.org
  mox localserve`,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(cmd *cobra.Command, args []string) {
			*started = true
		},
		RunE: groupRun,
	}
	root.PersistentFlags().String("config", "", `path of mox.conf (default: $MOXCONF, config/mox.conf, or that of localserve)`)
	root.AddCommand(commands(resolver)...)
	root.SetHelpCommand(helpCommand())
	explainArguments(root)
	addGroupExamples(root)
	addCompletion(root)
	return root, started
}

// groupRun is the action of a command that only holds subcommands.
func groupRun(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("missing subcommand")
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usagef("unknown subcommand %q, did you mean %q?", args[0], near[0])
	}
	return usagef("unknown subcommand %q", args[0])
}

// noArgs refuses arguments for a command that takes none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	return nil
}
