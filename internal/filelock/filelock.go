// Package filelock keeps two processes from working in one directory, by an advisory lock on a file in it. Systems without
// flock(2) have no such lock: there, each database has its own.
package filelock

import (
	"errors"
	"os"
)

// Lock locks a file for whoever has it open, or fails at once if it is locked already. The lock lasts until Close, or
// until the process ends. It may be called concurrently for different files.
func Lock(f *os.File) error { return lock(f) }

// Close gives up the lock and closes the file. Closing alone would not do: until a process that is being started has
// executed its program, it shares the open files of its parent, and with them their locks.
func Close(f *os.File) error { return errors.Join(unlock(f), f.Close()) }
