package replay

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"mox/internal/vfs"
)

// Recorder is a vfs.FS that passes everything on to another one and records what
// is done below a directory. All methods may be called concurrently.
type Recorder struct {
	fs   vfs.FS
	root string

	// names is held while names change, so that they are recorded in order.
	names sync.Mutex
	files map[string]int // By path. Guarded by names.

	mu   sync.Mutex
	base int // Operations for what was there at the start.
	log  *Log
}

var _ vfs.FS = (*Recorder)(nil)

// NewRecorder begins recording what is done to the directory root of fsys. What is
// there already counts as durable.
func NewRecorder(fsys vfs.FS, root string) (*Recorder, error) {
	img, err := Snapshot(fsys, root)
	if err != nil {
		return nil, err
	}
	r := &Recorder{fs: fsys, root: filepath.Clean(root), files: map[string]int{}, log: img.log()}
	for number, p := range r.log.Paths() {
		r.files[p] = number
	}
	r.base = len(r.log.Ops)
	return r, nil
}

// Log returns what was recorded so far, and how many of its operations only make
// what was there at the start.
func (r *Recorder) Log() (log *Log, base int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.clone(), r.base
}

// Mark records a note. It is called when the program under test has made a
// promise.
func (r *Recorder) Mark(note string) {
	r.record(Op{Kind: Mark, Note: note})
}

// Len returns how many operations were recorded.
func (r *Recorder) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.log.Ops)
}

func (r *Recorder) record(op Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log.Ops = append(r.log.Ops, op)
}

// path returns the path of a name that is below the root.
func (r *Recorder) path(name string) (string, bool) {
	rel, err := filepath.Rel(r.root, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// OpenFile implements vfs.FS.
func (r *Recorder) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	p, ok := r.path(name)
	if !ok {
		return r.fs.OpenFile(name, flag, perm)
	}
	r.names.Lock()
	defer r.names.Unlock()
	f, err := r.fs.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	number, known := r.files[p]
	if !known {
		r.mu.Lock()
		number = r.log.files
		r.log.files++
		r.log.Ops = append(r.log.Ops, Op{Kind: Create, Path: p, File: number})
		r.mu.Unlock()
		r.files[p] = number
	} else if flag&os.O_TRUNC != 0 {
		r.record(Op{Kind: Truncate, File: number})
	}
	return &recordedFile{File: f, r: r, number: number}, nil
}

// Rename implements vfs.FS. Only both names can be below the root, or none.
func (r *Recorder) Rename(oldname, newname string) error {
	from, ok := r.path(oldname)
	to, ok2 := r.path(newname)
	if ok != ok2 {
		return errors.New("replay: renaming across the recorded directory")
	}
	r.names.Lock()
	defer r.names.Unlock()
	if err := r.fs.Rename(oldname, newname); err != nil || !ok {
		return err
	}
	r.record(Op{Kind: Rename, Path: from, NewPath: to})
	moved := map[string]int{}
	for p, number := range r.files {
		if p == from {
			moved[to] = number
		} else if rest, ok := strings.CutPrefix(p, from+"/"); ok {
			moved[to+"/"+rest] = number
		} else {
			continue
		}
		delete(r.files, p)
	}
	for p, number := range moved {
		r.files[p] = number
	}
	return nil
}

// Remove implements vfs.FS.
func (r *Recorder) Remove(name string) error {
	p, ok := r.path(name)
	r.names.Lock()
	defer r.names.Unlock()
	if err := r.fs.Remove(name); err != nil || !ok {
		return err
	}
	delete(r.files, p)
	r.record(Op{Kind: Remove, Path: p})
	return nil
}

// Mkdir implements vfs.FS.
func (r *Recorder) Mkdir(name string, perm fs.FileMode) error {
	p, ok := r.path(name)
	r.names.Lock()
	defer r.names.Unlock()
	if err := r.fs.Mkdir(name, perm); err != nil || !ok {
		return err
	}
	r.record(Op{Kind: Mkdir, Path: p})
	return nil
}

// ReadDir implements vfs.FS.
func (r *Recorder) ReadDir(name string) ([]fs.DirEntry, error) { return r.fs.ReadDir(name) }

// Stat implements vfs.FS.
func (r *Recorder) Stat(name string) (fs.FileInfo, error) { return r.fs.Stat(name) }

// SyncDir implements vfs.FS.
func (r *Recorder) SyncDir(name string) error {
	p, ok := r.path(name)
	// The directory may get another name while it is synced, so names waits.
	r.names.Lock()
	defer r.names.Unlock()
	start := r.Len()
	if err := r.fs.SyncDir(name); err != nil || !ok {
		return err
	}
	r.record(Op{Kind: SyncDir, Path: p, Start: start})
	return nil
}

// recordedFile is an open file of a Recorder.
type recordedFile struct {
	vfs.File
	r      *Recorder
	number int
}

// WriteAt implements vfs.File.
func (f *recordedFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	if n > 0 {
		f.r.record(Op{Kind: Write, File: f.number, Off: off, Data: slices.Clone(p[:n])})
	}
	return n, err
}

// Truncate implements vfs.File.
func (f *recordedFile) Truncate(size int64) error {
	err := f.File.Truncate(size)
	if err == nil {
		f.r.record(Op{Kind: Truncate, File: f.number, Off: size})
	}
	return err
}

// Sync implements vfs.File.
func (f *recordedFile) Sync() error { return f.sync(f.File.Sync) }

// Datasync implements vfs.File.
func (f *recordedFile) Datasync() error { return f.sync(f.File.Datasync) }

func (f *recordedFile) sync(do func() error) error {
	op := Op{Kind: Sync, File: f.number, Start: f.r.Len()}
	err := do()
	if err != nil {
		op.Kind = SyncFailed
	}
	f.r.record(op)
	return err
}
