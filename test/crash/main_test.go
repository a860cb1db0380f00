// Package crash tests that acknowledged mail survives: it kills mox while it works, and it
// replays what was written to the disk with writes lost that no sync had made durable.
//
// By default it does so a few times. For more:
//
//	go test ./test/crash -run Killed -rounds 50 -timeout 1h
//	go test ./test/crash -run PowerFails -points 2000 -timeout 1h
package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
)

// driverEnv tells the test binary to be the program that is killed or traced: the number of
// rounds before it ends by itself, 0 for never, or recoverDriver.
const driverEnv = "MOX_CRASH_DRIVER"

// recoverDriver makes the driver recover the account in the directory given.
const recoverDriver = "recover"

func TestMain(m *testing.M) {
	kind, driver := os.LookupEnv(driverEnv)
	if !driver {
		os.Exit(m.Run())
	}
	if err := runDriver(kind, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

func runDriver(kind string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if kind == recoverDriver && len(args) == 1 {
		return recoverAccount(ctx, args[0])
	}
	if len(args) != 3 {
		return fmt.Errorf("want a directory, a first number and a number of senders, have %q", args)
	}
	rounds, err1 := strconv.Atoi(kind)
	first, err2 := strconv.Atoi(args[1])
	senders, err3 := strconv.Atoi(args[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return drive(ctx, args[0], first, senders, rounds)
}
