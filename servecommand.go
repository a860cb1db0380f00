package main

import (
	"github.com/spf13/cobra"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the mail server",
		Long: `Serve runs the mail server that mox.conf and domains.conf describe, until it
gets the signal SIGTERM or SIGINT, or "mox stop" is called.

It is two processes. The parent opens the ports, and the files that only root
can read, and starts a child that does all the work. Started as root, the child
runs as the user of mox.conf ("User", by default mox), without any privileges,
and sees of the file system only what it needs, where the kernel has Landlock.
The parent starts a new child when one dies; connections made meanwhile wait.
It also has the data directory, domains.conf and dkim/ belong to that user, and
the directory of mox.conf to root. Started as another user than root, both are
that user, and the ports must be ones that it may use.

SIGHUP reloads domains.conf and certificates. "mox restart" puts changes of
mox.conf, or a newer binary, in effect without closing the ports.`,
		Example: "  mox serve\n  mox --config /etc/mox/mox.conf serve",
		Args:    noArgs,
		RunE:    runServe,
	}
}
