// Package memfs is a vfs.FS in memory, for tests. It has no notion of
// durability: syncing succeeds and does nothing.
package memfs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"mox/internal/vfs"
)

// FS is a tree of files in memory. The root directory is "/"; names without a
// leading slash are relative to it.
type FS struct {
	mu   sync.Mutex
	root *node
}

var _ vfs.FS = (*FS)(nil)

// node is a directory, or a file whose data has its own lock.
type node struct {
	entries map[string]*node // Nil for a file. Guarded by FS.mu.

	mu   sync.RWMutex
	data []byte
}

// New returns an empty file system.
func New() *FS {
	return &FS{root: newDir()}
}

func newDir() *node { return &node{entries: map[string]*node{}} }

// split returns the elements of a name.
func split(name string) []string {
	name = filepath.ToSlash(filepath.Clean("/" + name))
	if name == "/" {
		return nil
	}
	return strings.Split(name[1:], "/")
}

// find returns what elems name, nil if there is nothing. m.mu is held.
func (m *FS) find(elems []string) *node {
	n := m.root
	for _, e := range elems {
		if n == nil || n.entries == nil {
			return nil
		}
		n = n.entries[e]
	}
	return n
}

// parent returns the directory that a name is in and its last element. m.mu is
// held.
func (m *FS) parent(op, name string) (*node, string, error) {
	elems := split(name)
	if len(elems) == 0 {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	last := len(elems) - 1
	dir := m.find(elems[:last])
	if dir == nil || dir.entries == nil {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return dir, elems[last], nil
}

// OpenFile implements vfs.FS.
func (m *FS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("open", name)
	if err != nil {
		return nil, err
	}
	n := dir.entries[base]
	fail := func(err error) (vfs.File, error) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return fail(fs.ErrNotExist)
	case n == nil:
		n = &node{}
		dir.entries[base] = n
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return fail(fs.ErrExist)
	case n.entries != nil:
		return fail(errors.New("is a directory"))
	}
	if flag&os.O_TRUNC != 0 {
		n.truncate(0)
	}
	return &file{name: name, n: n, write: flag&(os.O_WRONLY|os.O_RDWR) != 0, read: flag&os.O_WRONLY == 0}, nil
}

// Rename implements vfs.FS.
func (m *FS) Rename(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, oldbase, err := m.parent("rename", oldname)
	if err != nil {
		return err
	}
	to, newbase, err := m.parent("rename", newname)
	if err != nil {
		return err
	}
	n, old := from.entries[oldbase], to.entries[newbase]
	if n == nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: fs.ErrNotExist}
	}
	if old != nil && (old.entries != nil || n.entries != nil) {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: fs.ErrExist}
	}
	delete(from.entries, oldbase)
	to.entries[newbase] = n
	return nil
}

// Remove implements vfs.FS.
func (m *FS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("remove", name)
	if err != nil {
		return err
	}
	n := dir.entries[base]
	if n == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	if len(n.entries) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: errors.New("directory not empty")}
	}
	delete(dir.entries, base)
	return nil
}

// Mkdir implements vfs.FS.
func (m *FS) Mkdir(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("mkdir", name)
	if err != nil {
		return err
	}
	if dir.entries[base] != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	dir.entries[base] = newDir()
	return nil
}

// ReadDir implements vfs.FS.
func (m *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir := m.find(split(name))
	if dir == nil || dir.entries == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var entries []fs.DirEntry
	for _, base := range slices.Sorted(maps.Keys(dir.entries)) {
		entries = append(entries, fs.FileInfoToDirEntry(dir.entries[base].info(base)))
	}
	return entries, nil
}

// Stat implements vfs.FS.
func (m *FS) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(split(name))
	if n == nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return n.info(filepath.Base(name)), nil
}

// SyncDir implements vfs.FS.
func (m *FS) SyncDir(name string) error {
	fi, err := m.Stat(name)
	if err == nil && !fi.IsDir() {
		err = &fs.PathError{Op: "sync", Path: name, Err: errors.New("not a directory")}
	}
	return err
}

func (n *node) info(base string) fs.FileInfo {
	i := info{name: base, dir: n.entries != nil}
	if !i.dir {
		n.mu.RLock()
		i.size = int64(len(n.data))
		n.mu.RUnlock()
	}
	return i
}

// info implements fs.FileInfo. Files have no times.
type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

// file is an open file.
type file struct {
	name        string
	n           *node
	read, write bool

	mu     sync.Mutex
	closed bool
}

func (f *file) check(op string, ok bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	if !ok {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrPermission}
	}
	return nil
}

// ReadAt implements vfs.File.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", f.read && off >= 0); err != nil {
		return 0, err
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements vfs.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", f.write && off >= 0); err != nil {
		return 0, err
	}
	f.n.mu.Lock()
	defer f.n.mu.Unlock()
	if end := off + int64(len(p)); end > int64(len(f.n.data)) {
		f.n.resize(end)
	}
	return copy(f.n.data[off:], p), nil
}

// Close implements vfs.File.
func (f *file) Close() error {
	if err := f.check("close", true); err != nil {
		return err
	}
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	return nil
}

// Sync implements vfs.File.
func (f *file) Sync() error { return f.check("sync", true) }

// Datasync implements vfs.File.
func (f *file) Datasync() error { return f.check("datasync", true) }

// Truncate implements vfs.File.
func (f *file) Truncate(size int64) error {
	if err := f.check("truncate", f.write && size >= 0); err != nil {
		return err
	}
	f.n.truncate(size)
	return nil
}

func (n *node) truncate(size int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resize(size)
}

// resize makes data as long as size, with zeros at the end. n.mu is held.
func (n *node) resize(size int64) {
	old := int64(len(n.data))
	if size > old {
		n.data = append(n.data, make([]byte, size-old)...)
	} else {
		n.data = n.data[:size:size]
	}
}

// Allocate implements vfs.File.
func (f *file) Allocate(off, length int64) error {
	return f.check("allocate", f.write && off >= 0 && length > 0)
}

// Size implements vfs.File.
func (f *file) Size() (int64, error) {
	if err := f.check("stat", true); err != nil {
		return 0, err
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	return int64(len(f.n.data)), nil
}
