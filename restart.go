package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
)

func restartCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restart",
		Short: "Restart the running server, also as a newer binary, and wait until it serves again",
		Long: `Restart has a server that runs as "mox serve" begin anew: with a changed
mox.conf, or as a newer binary that was put in the place of the old one. The
ports stay open: connections made meanwhile wait. Clients in IDLE and between
two messages are told, and connect again; what is in progress has 10 seconds to
finish. The process id stays the same, so a service manager notices nothing.

Both configuration files are checked first, and if mox runs as root, that only
root can have changed its binary. If there is a problem, all stays as it is.

The command returns when the new server answers.`,
		Example: `  mox restart
  install -m 0755 mox-new /usr/local/bin/mox && mox restart`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, dataDir, err := runningServer(cmd)
			if err != nil {
				return err
			}
			var before restartResult
			if err := c.Call(cmd.Context(), "restart", nil, ctl.Streams{}, &before); err != nil {
				return err
			}
			after, err := waitRestarted(cmd.Context(), dataDir, before)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "restarted, mox %s serves\n", after.Version)
			return err
		},
	}
}

// restartResult identifies a serving process.
type restartResult struct {
	Process string // Not used by two.
	Version string
}

// waitRestarted waits until another process serves than before.
func waitRestarted(ctx context.Context, dataDir string, before restartResult) (restartResult, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, restartPatience, fmt.Errorf("no new server answers after %s; the log tells why", restartPatience))
	defer cancel()
	for {
		var now restartResult
		c, err := ctl.Dial(ctx, dataDir)
		if err == nil {
			err = c.Call(ctx, "process", nil, ctl.Streams{}, &now)
		}
		switch {
		case ctx.Err() != nil:
			return now, context.Cause(ctx)
		case err == nil && now.Process != before.Process:
			return now, nil
		}
		// Until then calls fail in many ways, by a server that stops or begins.
		select {
		case <-time.After(stopPoll):
		case <-ctx.Done():
			return now, context.Cause(ctx)
		}
	}
}

// restartPatience is for a server to stop, and another to start, which may have much to mend.
const restartPatience = 2 * time.Minute

// restartServer has the server stop and another one follow, once this call is answered.
func (o *operations) restartServer(ctx context.Context, _ *ctl.Call) (any, error) {
	switch {
	case o.stop == nil:
		return nil, ctl.ErrNotRunning
	case o.restart == nil:
		return nil, errors.New("this server was not started as \"mox serve\"; stop it and start it again")
	}
	if err := o.live.Check(); err != nil {
		return nil, fmt.Errorf("no restart: %w", err)
	}
	if err := o.restart(ctx); err != nil {
		return nil, err
	}
	o.stop()
	return o.thisProcess(), nil
}

// process tells which process serves.
func (o *operations) process(context.Context, *ctl.Call) (any, error) { return o.thisProcess(), nil }

func (o *operations) thisProcess() restartResult { return restartResult{o.id, version()} }
