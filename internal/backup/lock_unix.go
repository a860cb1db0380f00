//go:build unix

package backup

import (
	"os"

	"golang.org/x/sys/unix"
)

// flock locks a file for this process, or fails at once if another has it.
func flock(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// syncDir makes durable which names a directory has.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
