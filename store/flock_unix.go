//go:build unix

package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// flock locks a file for this process, or fails at once if another has it.
func flock(f *os.File) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	err = rc.Control(func(fd uintptr) { ferr = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) })
	if err == nil {
		err = ferr
	}
	return err
}
