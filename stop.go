package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/store"
)

// How a command waits for a server that stops.
const (
	stopPoll     = 50 * time.Millisecond
	stopPatience = time.Minute // Beyond shutdownTimeout it is the disk that takes its time.
)

func stopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Stop the running server, and wait until it is gone",
		Long: `Stop asks the running server to stop, as the signal SIGTERM does: it takes no
new connections, lets what is in progress come to its end for up to 10 seconds,
and closes all files. The command returns when it is gone, so that a new server
can start, or the data directory can be copied.

A service manager that keeps mox running may start it again at once; stop it
with that one instead.

It fails when no server runs.`,
		Example: "  mox stop\n  mox --config /etc/mox/mox.conf stop",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, dataDir, err := runningServer(cmd)
			if err != nil {
				return err
			}
			if err := c.Call(cmd.Context(), "stop", nil, ctl.Streams{}, nil); err != nil {
				return err
			}
			if err := waitGone(cmd.Context(), dataDir); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "stopped")
			return err
		},
	}
}

// waitGone waits until the server that was asked to stop has closed everything. Its
// control socket goes first, the lock of its accounts last.
func waitGone(ctx context.Context, dataDir string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopPatience, fmt.Errorf("the server has not stopped within %s; its log tells what it waits for", stopPatience))
	defer cancel()
	closed := false
	for {
		_, err := ctl.Dial(ctx, dataDir)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && closed:
			return nil // Another one runs already.
		case errors.Is(err, ctl.ErrNotRunning):
			closed = true
			locked, err := store.Locked(accountsDir(dataDir))
			if err != nil || !locked {
				return err
			}
		case err != nil:
			return err
		}
		select {
		case <-time.After(stopPoll):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// stopServer has the server stop once this call is answered.
func (o *operations) stopServer(context.Context, *ctl.Call) (any, error) {
	if o.stop == nil {
		return nil, ctl.ErrNotRunning
	}
	o.stop()
	return nil, nil
}
