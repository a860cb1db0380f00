package vfs

import (
	"io/fs"
	"os"
)

// OS is the file system of the operating system. Its zero value is ready.
type OS struct{}

var _ FS = OS{}

// OpenFile implements FS. The File it returns is an *OSFile.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &OSFile{f}, nil
}

// Rename implements FS.
func (OS) Rename(oldname, newname string) error { return os.Rename(oldname, newname) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir implements FS.
func (OS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

// ReadDir implements FS.
func (OS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Stat implements FS.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// SyncDir implements FS.
func (OS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

// OSFile is a File of the operating system.
type OSFile struct {
	f *os.File
}

var _ File = (*OSFile)(nil)

// File returns the file beneath, for what needs a descriptor. The OSFile keeps
// owning it.
func (f *OSFile) File() *os.File { return f.f }

// ReadAt implements File.
func (f *OSFile) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

// WriteAt implements File.
func (f *OSFile) WriteAt(p []byte, off int64) (int, error) { return f.f.WriteAt(p, off) }

// Close implements File.
func (f *OSFile) Close() error { return f.f.Close() }

// Sync implements File.
func (f *OSFile) Sync() error { return f.f.Sync() }

// Datasync implements File.
func (f *OSFile) Datasync() error { return datasync(f.f) }

// Truncate implements File.
func (f *OSFile) Truncate(size int64) error { return f.f.Truncate(size) }

// Allocate implements File.
func (f *OSFile) Allocate(off, length int64) error { return allocate(f.f, off, length) }

// Size implements File.
func (f *OSFile) Size() (int64, error) {
	fi, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}
