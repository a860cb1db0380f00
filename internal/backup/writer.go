package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mox/internal/filelock"
)

// Writer makes a backup. It is used by one goroutine.
type Writer struct {
	dir     string
	made    bool     // The directory was made.
	lock    *os.File // unfinishedName.
	files   []File
	dirs    *dirs
	earlier *Backup // Nil for none.
	noLinks bool    // Hard links to sources cannot be made.
	stats   Stats
}

// Stats tells in bytes how the files of a backup came about.
type Stats struct {
	Files  int
	Copied int64 // Written anew.
	Linked int64 // Shared with the source or an earlier backup.
}

// tops are the directories that a backup may have.
var tops = []string{"data", "config"}

// Create begins a backup in a directory, which is made if it does not exist. It must be empty, or have what a backup left
// that was killed: that is removed. The caller then calls Commit or Abort. With earlier not nil, fixed files that it has
// are not copied again. Returns ErrNotEmpty, ErrBusy.
func Create(dir string, earlier *Backup) (_ *Writer, rerr error) {
	w := &Writer{dir: dir, earlier: earlier, dirs: newDirs(dir)}
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		w.made = true
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	defer func() {
		if rerr != nil && w.made {
			os.Remove(dir)
		}
	}()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	known := append([]string{unfinishedName, ManifestName + newSuffix}, tops...)
	unfinished := false
	for _, e := range entries {
		unfinished = unfinished || e.Name() == unfinishedName
		if !slices.Contains(known, e.Name()) {
			return nil, fmt.Errorf("%w: %s has %s", ErrNotEmpty, dir, e.Name())
		}
	}
	if len(entries) > 0 && !unfinished {
		return nil, fmt.Errorf("%w: %s", ErrNotEmpty, dir)
	}
	w.lock, err = os.OpenFile(filepath.Join(dir, unfinishedName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := filelock.Lock(w.lock); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrBusy, dir), w.lock.Close())
	}
	if err := w.clean(); err != nil {
		return nil, errors.Join(err, filelock.Close(w.lock))
	}
	if err := syncDir(dir); err != nil {
		return nil, errors.Join(err, filelock.Close(w.lock))
	}
	return w, nil
}

// clean removes what was written.
func (w *Writer) clean() error {
	var errs []error
	for _, name := range append([]string{ManifestName + newSuffix}, tops...) {
		errs = append(errs, os.RemoveAll(filepath.Join(w.dir, name)))
	}
	return errors.Join(errs...)
}

// Options say how AddTree adds files.
type Options struct {
	// Link has hard links made where possible. The files must not be written to any more, by anybody.
	Link bool

	// LinkForeign has links made also to files of other users, who can write to them, and by that to the backup. Without
	// it they are copied, once for backups that share files with an earlier one.
	LinkForeign bool

	// Fixed tells for a path in the backup whether a file of that name never changes. Nil: none.
	Fixed func(path string) bool

	Progress func(n int64) // Told the bytes of each file. May be nil.
}

// AddTree adds all files below a directory, which get the path to in the backup. Anything that is neither file nor directory is
// left out, and nothing is followed out of the directory: who owns it may be trusted less than who makes the backup.
func (w *Writer) AddTree(ctx context.Context, from *os.Root, to string, opts Options) error {
	return fs.WalkDir(from.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil || !d.Type().IsRegular() {
			return err
		}
		return w.AddFile(ctx, from, name, to+"/"+name, opts)
	})
}

// AddFile adds one file below a directory, under a path below "data" or "config".
func (w *Writer) AddFile(ctx context.Context, from *os.Root, name, to string, opts Options) error {
	if !filepath.IsLocal(filepath.FromSlash(to)) {
		return fmt.Errorf("path %q leads out of the backup", to)
	}
	src, fi, err := openRegular(from, name)
	if err != nil {
		return err
	}
	defer src.Close()
	f := File{Path: to, Size: fi.Size(), Modified: fi.ModTime().UnixNano(), Fixed: opts.Fixed != nil && opts.Fixed(to)}
	dst := filepath.Join(w.dir, filepath.FromSlash(to))
	if err := w.dirs.make(filepath.Dir(dst)); err != nil {
		return err
	}
	same := w.same(&f, opts)
	if same != nil {
		f.SHA256 = same.SHA256
	}
	switch {
	case opts.Link && (opts.LinkForeign || isOurs(fi)) && !w.noLinks && w.link(src, dst):
	case same != nil && os.Link(filepath.Join(w.earlier.dir, filepath.FromSlash(to)), dst) == nil:
	default:
		if f.SHA256, f.Size, err = copyFile(ctx, src, dst, fi.ModTime()); err != nil {
			return err
		}
		w.stats.Copied += f.Size
		w.stats.Linked -= f.Size
	}
	w.stats.Linked += f.Size
	if f.SHA256 == "" {
		if f.SHA256, _, err = copySum(ctx, io.Discard, src); err != nil {
			return err
		}
	}
	w.stats.Files++
	w.files = append(w.files, f)
	if opts.Progress != nil {
		opts.Progress(f.Size)
	}
	return nil
}

// openRegular opens a file below a directory, and nothing else.
func openRegular(root *os.Root, name string) (_ *os.File, _ fs.FileInfo, rerr error) {
	name = filepath.FromSlash(name)
	// Opening a pipe would wait for a writer.
	if fi, err := root.Stat(name); err != nil {
		return nil, nil, err
	} else if !fi.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", name)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, fi, nil
}

// same returns the file of the earlier backup that is the same and can be shared, nil for none.
func (w *Writer) same(f *File, opts Options) *File {
	if w.earlier == nil || !f.Fixed {
		return nil
	}
	old := w.earlier.byP[f.Path]
	if old == nil || !old.Fixed || old.Size != f.Size || old.Modified != f.Modified {
		return nil
	}
	fi, err := w.earlier.root.Lstat(filepath.FromSlash(old.Path))
	if err != nil || checkSize(old, fi) != nil || !opts.LinkForeign && !isOurs(fi) {
		return nil
	}
	return old
}

// link makes a hard link to an open file, and reports whether it could.
func (w *Writer) link(src *os.File, dst string) bool {
	if err := linkFile(src, dst); err != nil {
		// It will be so for all, mostly because the file systems differ.
		w.noLinks = true
		return false
	}
	return true
}

func copyFile(ctx context.Context, src *os.File, to string, modified time.Time) (sum string, n int64, rerr error) {
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, err
	}
	sum, n, err = copySum(ctx, dst, src)
	if err == nil {
		err = dst.Sync()
	}
	if err := errors.Join(err, dst.Close()); err != nil {
		return "", 0, err
	}
	return sum, n, os.Chtimes(to, modified, modified)
}

// Stats tells what was added so far.
func (w *Writer) Stats() Stats { return w.stats }

// Commit makes all that was added durable, and then makes it a backup, by writing the manifest. Of m, Files and Version are
// filled in.
func (w *Writer) Commit(m Manifest) error {
	if err := w.dirs.sync(); err != nil {
		return err
	}
	m.Version, m.Files = version, w.files
	if err := writeManifest(w.dir, &m); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(w.dir, unfinishedName)); err != nil {
		return err
	}
	err := filelock.Close(w.lock)
	w.lock = nil
	if w.made {
		// The backup is there by now, whether its name is durable or not.
		err = errors.Join(err, syncDir(filepath.Dir(w.dir)))
	}
	return errors.Join(err, syncDir(w.dir))
}

// Abort removes what was written, unless Commit has succeeded.
func (w *Writer) Abort() error {
	if w.lock == nil {
		return nil
	}
	// The manifest goes first: with it, what is left of the files would be taken for a backup.
	err := os.Remove(filepath.Join(w.dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	err = errors.Join(err, w.clean(), os.Remove(filepath.Join(w.dir, unfinishedName)), filelock.Close(w.lock))
	w.lock = nil
	if w.made && err == nil {
		err = os.Remove(w.dir)
	}
	return err
}
