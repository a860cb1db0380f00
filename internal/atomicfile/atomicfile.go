// Package atomicfile replaces a file so that a reader, and a power cut, find
// either its old or its new content, whole.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write makes data the content of the file at path and returns once that is
// durable: it writes a temporary file in the same directory, syncs it, renames
// it over path and syncs the directory.
//
// The permissions of an existing file are kept, a new file gets perm, whatever
// the umask. A symbolic link at path stays, the file it points to is replaced.
// On error the old content is in place and the temporary file is removed; only
// if the last step fails (the sync of the directory) is the new content visible
// and yet may be lost in a power cut.
//
// Of two concurrent calls for one path one wins; the caller orders changes that
// depend on each other.
func Write(path string, data []byte, perm fs.FileMode) (rerr error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if fi, err := os.Stat(path); err == nil {
		if !fi.Mode().IsRegular() {
			return fmt.Errorf("%s is not a regular file", path)
		}
		perm = fi.Mode().Perm()
	}

	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			f.Close() // Fails after a successful close, harmlessly.
			os.Remove(f.Name())
		}
	}()
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// SyncDir makes names created, renamed and removed in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// Create makes the file at path with data and exactly the permissions perm, and returns once it is durable. If there is
// something at path already, also a link that leads nowhere, nothing changes and the error is fs.ErrExist. A reader
// finds the whole file or none.
func Create(path string, data []byte, perm fs.FileMode) (rerr error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, os.Remove(f.Name())) }()
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(perm), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}
