package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Locked tells whether a process has the accounts in dir open. One that opens them in
// the very same moment may be refused, so this is for waiting until another is gone.
func Locked(dir string) (bool, error) {
	if _, err := os.Stat(filepath.Join(dir, "lock")); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lock, err := lockDir(dir, false)
	if errors.Is(err, ErrLocked) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	return false, lock.Close()
}
