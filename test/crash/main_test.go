// Package crash tests that acknowledged mail survives: it kills mox while it works, and it
// replays what was written to the disk with writes lost that no sync had made durable.
package crash

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
)

// driverEnv tells the test binary to be the program that is killed or traced: the number of
// rounds before it ends by itself, 0 for never.
const driverEnv = "MOX_CRASH_DRIVER"

func TestMain(m *testing.M) {
	rounds, driver := os.LookupEnv(driverEnv)
	if !driver {
		os.Exit(m.Run())
	}
	n, err := strconv.Atoi(rounds)
	if err == nil && len(os.Args) != 4 {
		err = fmt.Errorf("want a directory, a first number and a number of senders, have %q", os.Args[1:])
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err = drive(ctx, os.Args[1], os.Args[2], os.Args[3], n)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}
