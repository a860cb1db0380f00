// Package faultfs is a vfs.FS for tests that lets chosen calls of another one
// fail, or pretend to have done what they did not do.
package faultfs

import (
	"errors"
	"io/fs"
	"sync"

	"mox/internal/vfs"
)

// Op is a kind of call.
type Op string

// The calls that can fail.
const (
	Open     Op = "open"
	Rename   Op = "rename"
	Remove   Op = "remove"
	Mkdir    Op = "mkdir"
	ReadDir  Op = "readdir"
	Stat     Op = "stat"
	SyncDir  Op = "syncdir"
	Read     Op = "read"
	Write    Op = "write"
	Sync     Op = "sync"
	Datasync Op = "datasync"
	Truncate Op = "truncate"
	Allocate Op = "allocate"
	Size     Op = "size"
)

// Call is a call about to be made.
type Call struct {
	Op   Op
	Name string // Of the file, as it was opened.
	N    int    // How many calls there were before.
	Off  int64  // Of data to be read or written.
	Len  int    // Likewise.
}

// ErrSkip is what a hook returns for a call to succeed without doing anything.
var ErrSkip = errors.New("faultfs: skip")

// Short makes a write put down only the first N bytes before it fails with Err.
type Short struct {
	N   int
	Err error
}

// Error implements error.
func (s *Short) Error() string { return s.Err.Error() }

// Unwrap returns Err.
func (s *Short) Unwrap() error { return s.Err }

// FS passes calls on to another FS unless Hook says otherwise.
type FS struct {
	vfs.FS

	// Hook is asked before each call, one at a time. The call is made if it
	// returns nil and fails with the error otherwise, but see ErrSkip and Short.
	// A nil Hook lets all pass.
	Hook func(Call) error

	mu sync.Mutex
	n  int
}

var _ vfs.FS = (*FS)(nil)

// Calls returns how many calls there were.
func (f *FS) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// SetHook replaces Hook while the FS is in use.
func (f *FS) SetHook(hook func(Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Hook = hook
}

// ask tells what is to be done with a call: skip it, or fail it.
func (f *FS) ask(op Op, name string, off int64, n int) (skip bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := Call{Op: op, Name: name, N: f.n, Off: off, Len: n}
	f.n++
	if f.Hook == nil {
		return false, nil
	}
	err = f.Hook(c)
	if errors.Is(err, ErrSkip) {
		return true, nil
	}
	if err != nil {
		err = &fs.PathError{Op: string(op), Path: name, Err: err}
	}
	return false, err
}

// OpenFile implements vfs.FS. It cannot be skipped.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if _, err := f.ask(Open, name, 0, 0); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f, name: name}, nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldname, newname string) error {
	if skip, err := f.ask(Rename, newname, 0, 0); skip || err != nil {
		return err
	}
	return f.FS.Rename(oldname, newname)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	if skip, err := f.ask(Remove, name, 0, 0); skip || err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// Mkdir implements vfs.FS.
func (f *FS) Mkdir(name string, perm fs.FileMode) error {
	if skip, err := f.ask(Mkdir, name, 0, 0); skip || err != nil {
		return err
	}
	return f.FS.Mkdir(name, perm)
}

// ReadDir implements vfs.FS. It cannot be skipped.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	if _, err := f.ask(ReadDir, name, 0, 0); err != nil {
		return nil, err
	}
	return f.FS.ReadDir(name)
}

// Stat implements vfs.FS. It cannot be skipped.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	if _, err := f.ask(Stat, name, 0, 0); err != nil {
		return nil, err
	}
	return f.FS.Stat(name)
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(name string) error {
	if skip, err := f.ask(SyncDir, name, 0, 0); skip || err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

// faultFile is an open file of an FS.
type faultFile struct {
	vfs.File
	fs   *FS
	name string
}

// ReadAt implements vfs.File. It cannot be skipped.
func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if _, err := f.fs.ask(Read, f.name, off, len(p)); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// WriteAt implements vfs.File.
func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	skip, err := f.fs.ask(Write, f.name, off, len(p))
	if skip {
		return len(p), nil
	}
	if err == nil {
		return f.File.WriteAt(p, off)
	}
	var short *Short
	if !errors.As(err, &short) {
		return 0, err
	}
	n, werr := f.File.WriteAt(p[:min(short.N, len(p))], off)
	if werr != nil {
		return n, werr
	}
	return n, err
}

// Sync implements vfs.File.
func (f *faultFile) Sync() error {
	if skip, err := f.fs.ask(Sync, f.name, 0, 0); skip || err != nil {
		return err
	}
	return f.File.Sync()
}

// Datasync implements vfs.File.
func (f *faultFile) Datasync() error {
	if skip, err := f.fs.ask(Datasync, f.name, 0, 0); skip || err != nil {
		return err
	}
	return f.File.Datasync()
}

// Truncate implements vfs.File.
func (f *faultFile) Truncate(size int64) error {
	if skip, err := f.fs.ask(Truncate, f.name, 0, 0); skip || err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Allocate implements vfs.File.
func (f *faultFile) Allocate(off, length int64) error {
	if skip, err := f.fs.ask(Allocate, f.name, 0, 0); skip || err != nil {
		return err
	}
	return f.File.Allocate(off, length)
}

// Size implements vfs.File. It cannot be skipped.
func (f *faultFile) Size() (int64, error) {
	if _, err := f.fs.ask(Size, f.name, 0, 0); err != nil {
		return 0, err
	}
	return f.File.Size()
}
