// Package vfs is the narrow layer of file operations on which the durability
// of stored mail rests. Code that must survive a power cut does its file work
// through an FS, so that a test can record, fail or lose each operation.
//
// OS is the real thing. Package memfs keeps files in memory, faultfs fails
// chosen calls, replay records operations and rebuilds what a disk may hold
// after a crash.
package vfs

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is a tree of files. Names are paths as package os takes them. Errors are
// those of package os: errors.Is with fs.ErrNotExist, fs.ErrExist and the like
// holds. All methods may be called concurrently.
type FS interface {
	// OpenFile opens a file with the flags of os.OpenFile. O_APPEND is not
	// supported, writes always say where.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)

	// Rename moves a file, also between directories, and replaces one of the
	// new name. It is atomic for those who look, and durable only once the
	// directory of the new name was synced.
	Rename(oldname, newname string) error

	// Remove removes a file or an empty directory, durably only once its
	// directory was synced.
	Remove(name string) error

	// Mkdir makes a directory, durably only once its parent was synced.
	Mkdir(name string, perm fs.FileMode) error

	// ReadDir returns the entries of a directory sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)

	// Stat describes a file or directory.
	Stat(name string) (fs.FileInfo, error)

	// SyncDir makes durable which names a directory holds and what they name.
	SyncDir(name string) error
}

// File is an open file. ReadAt and WriteAt may be called concurrently with each
// other and with Sync; Close may not be called before they have returned.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer

	// Sync makes the data and all attributes of the file durable (fsync). It
	// does not make its name durable, see FS.SyncDir. After an error nothing
	// is known about any write since the last successful sync, and a later
	// Sync that succeeds does not change that.
	Sync() error

	// Datasync is Sync without the attributes that reading the data back does
	// not need (fdatasync). The size of the file is among those it keeps.
	Datasync() error

	// Truncate sets the size of the file.
	Truncate(size int64) error

	// Allocate reserves space on the disk for a range without changing the
	// size of the file or its data. It returns errors.ErrUnsupported where
	// system or file system cannot. Truncate gives space beyond the new size
	// back.
	Allocate(off, length int64) error

	// Size returns the size of the file in bytes.
	Size() (int64, error)
}

// MkdirAllSync makes a directory and its missing parents, each of them durable
// when it returns.
func MkdirAllSync(fsys FS, name string, perm fs.FileMode) error {
	fi, err := fsys.Stat(name)
	if err == nil {
		if !fi.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
		}
		return nil
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := MkdirAllSync(fsys, parent, perm); err != nil {
			return err
		}
	}
	if err := fsys.Mkdir(name, perm); err != nil {
		return err
	}
	return fsys.SyncDir(parent)
}

// ReadFile returns the content of a file.
func ReadFile(fsys FS, name string) (b []byte, rerr error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := f.Close(); rerr == nil {
			rerr = err
		}
	}()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b = make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, err
	}
	return b, nil
}
