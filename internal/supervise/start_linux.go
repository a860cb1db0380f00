package supervise

import (
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// startConfined starts a program that can never gain privileges, and if drop is set has not even capabilities in its
// bounding set.
//
// Both are attributes of a thread, which a new process inherits. They are set on a thread that does nothing else and ends
// then, so the parent itself keeps what it has.
func startConfined(cmd *exec.Cmd, drop bool) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Without an unlock, the thread ends with the goroutine.
		started <- func() error {
			if drop {
				if err := dropBoundingSet(); err != nil {
					return err
				}
			}
			if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
				return fmt.Errorf("forbidding new privileges: %w", err)
			}
			return cmd.Start()
		}()
	}()
	return <-started
}

// dropBoundingSet empties the capability bounding set of the thread.
func dropBoundingSet() error {
	for c := uintptr(0); ; c++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if err != nil {
			return nil // The kernel knows no more.
		}
		if has == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("dropping capability %d: %w", c, err)
		}
	}
}
