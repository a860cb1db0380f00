package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// A mode is one thing to measure. Run is given flags that are not parsed yet.
type mode struct {
	name  string
	short string
	run   func(r *run, fs *flag.FlagSet, args []string) error
}

var modes = []mode{
	{"deliver", "SMTP without login, until the messages are in their mailboxes", deliverMode},
	{"submit", "the same with a login, as mail programs send", submitMode},
	{"append", "IMAP APPEND", appendMode},
	{"fill", "append until a mailbox holds a number of messages, for the modes that read it", fillMode},
	{"fetch", "FETCH 1:* of flags, envelopes, structures, header fields and whole messages", fetchMode},
	{"search", "SEARCH for flags, in the header and in the text", searchMode},
	{"change", "STORE, COPY, MOVE and EXPUNGE", changeMode},
	{"list", "SELECT, STATUS and LIST", listMode},
	{"login", "connect, LOGIN, LOGOUT", loginMode},
	{"idle", "memory for each idle connection, and how soon all hear of a new message", idleMode},
	{"grow", "how costs grow with messages, senders, connections or accounts", growMode},
	{"soak", "everything at once for a time, and whether resources stay flat", soakMode},
	{"greet", "time from a start until the server greets", greetMode},
	{"memory", "memory of the server, and the size of its program", memoryMode},
	{"machine", "describe the machine, and time the syncs of its disk", machineMode},
	{"table", "set the figures of two servers beside each other", tableMode},
	{"plot", "draw the curves of grow as SVG", plotMode},
	{"messages", "describe the messages, or write them to a directory", messagesMode},
}

// usageError is for what was asked in a wrong way.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil:
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// execute runs one mode.
func execute(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		printUsage(log)
		if len(args) == 0 {
			return usagef("a mode is missing")
		}
		return nil
	}
	for _, m := range modes {
		if m.name != args[0] {
			continue
		}
		fs := flag.NewFlagSet("load "+m.name, flag.ContinueOnError)
		fs.SetOutput(log)
		fs.Usage = func() {
			fmt.Fprintf(log, "usage: load %s [flags]\n\n%s.\n\n", m.name, strings.ToUpper(m.short[:1])+m.short[1:])
			fs.PrintDefaults()
		}
		err := m.run(&run{ctx: ctx, out: out, log: log}, fs, args[1:])
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		return nil
	}
	return usagef("there is no mode %q; load help lists them", args[0])
}

func printUsage(w io.Writer) {
	fmt.Fprintf(w, `usage: load mode [flags]

Measures a mail server over SMTP and IMAP. Each figure is a line of JSON on
standard output. The exit status is 0 only if the server did all that was asked.

`)
	for _, m := range modes {
		fmt.Fprintf(w, "  %-9s %s\n", m.name, m.short)
	}
	fmt.Fprintf(w, `
"load mode -h" lists the flags of a mode. Addresses and accounts are given in a
file with -server, as the scripts in test/load/peers print it, or one by one.
Only addresses of this machine are taken, unless -remote says otherwise.
`)
}
