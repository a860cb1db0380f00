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
func startConfined(cmd *exec.Cmd, drop bool) (err error) {
	onThreadOfItsOwn(func() {
		if drop {
			if err = dropBoundingSet(); err != nil {
				return
			}
		}
		if err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			err = fmt.Errorf("forbidding new privileges: %w", err)
			return
		}
		err = cmd.Start()
	})
	return err
}

// onThreadOfItsOwn calls f on a thread that ends then, and that is not the first of the process, whose attributes the system
// shows as those of the process.
func onThreadOfItsOwn(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Without an unlock, the thread ends with the goroutine.
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			onThreadOfItsOwn(f)
			return
		}
		f()
	}()
	<-done
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
