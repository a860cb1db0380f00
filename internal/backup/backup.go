// Package backup keeps copies of files in a directory, with a manifest that says what belongs to it and what its
// checksums are. The manifest is written last, so a directory without one is no backup. Files that never change may be
// hard links to those that they are copies of, or to those of an earlier backup; nothing in a backup is ever written to
// in place.
package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Names in the directory of a backup.
const (
	ManifestName   = "manifest.json"
	unfinishedName = "unfinished" // There, and locked, while it is written.
	newSuffix      = ".new"
)

// Errors of Open and Create, for errors.Is.
var (
	ErrUnfinished   = errors.New("backup was not finished")
	ErrNoBackup     = errors.New("not a backup")
	ErrNewerVersion = errors.New("backup was written by a newer version of mox")
	ErrNotEmpty     = errors.New("directory is not empty")
	ErrBusy         = errors.New("another backup to this directory is under way")
)

// version is that of the form of a manifest.
const version = 1

// Manifest describes a backup.
type Manifest struct {
	Version int       `json:"version"`
	Created time.Time `json:"created"` // When it was complete.
	Program string    `json:"program"` // Name and version, for people.
	Source  string    `json:"source"`  // Directory that was copied, for people.
	Files   []File    `json:"files"`
}

// File is a file of a backup.
type File struct {
	Path     string `json:"path"`     // With slashes, below the directory of the backup.
	Size     int64  `json:"size"`     // In bytes.
	Modified int64  `json:"modified"` // Of the file that it is a copy of, Unix nanoseconds.
	SHA256   string `json:"sha256"`

	// Fixed says that the content of a file of this name never changes, so that another backup may share it.
	Fixed bool `json:"fixed,omitempty"`
}

// Backup is a backup that is complete. It is safe for concurrent use, but for Refresh.
type Backup struct {
	Manifest
	dir  string
	root *os.Root
	byP  map[string]*File
}

// Open opens the backup in a directory, and reads its manifest. The caller must call Close. Returns ErrNoBackup,
// ErrUnfinished, ErrNewerVersion.
func Open(dir string) (_ *Backup, rerr error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if rerr != nil {
			root.Close()
		}
	}()
	data, err := root.ReadFile(ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := root.Lstat(unfinishedName); err == nil {
			return nil, fmt.Errorf("%w: %s", ErrUnfinished, dir)
		}
		return nil, fmt.Errorf("%w: %s has no %s", ErrNoBackup, dir, ManifestName)
	} else if err != nil {
		return nil, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ManifestName), err)
	}
	b := &Backup{Manifest: *m, dir: dir, root: root, byP: map[string]*File{}}
	for i := range b.Files {
		b.byP[b.Files[i].Path] = &b.Files[i]
	}
	return b, nil
}

// parseManifest reads and checks a manifest.
func parseManifest(data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w: manifest is damaged: %w", ErrNoBackup, err)
	}
	switch {
	case m.Version > version:
		return nil, fmt.Errorf("%w: version %d, this one knows up to %d", ErrNewerVersion, m.Version, version)
	case m.Version < 1:
		return nil, fmt.Errorf("%w: manifest has no version", ErrNoBackup)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || path.Clean(f.Path) != f.Path || f.Path == "." || f.Size < 0 || seen[f.Path] {
			return nil, fmt.Errorf("%w: manifest names %q with %d bytes", ErrNoBackup, f.Path, f.Size)
		}
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("%w: manifest has no checksum of %q", ErrNoBackup, f.Path)
		}
		seen[f.Path] = true
	}
	return &m, nil
}

// Close closes the backup.
func (b *Backup) Close() error { return b.root.Close() }

// Size returns how many bytes the files below a directory have.
func (b *Backup) Size(dir string) (n int64) {
	for i := range b.Files {
		if below(b.Files[i].Path, dir) {
			n += b.Files[i].Size
		}
	}
	return n
}

func below(name, dir string) bool { return strings.HasPrefix(name, dir+"/") }

// Problem says what is wrong with a file.
type Problem struct {
	Path string
	What string
}

func (p Problem) Error() string { return p.Path + " " + p.What }

// Check compares files with the manifest and gives what is wrong to report: those that are missing or have another size, and,
// of those that check returns true for, another content. Returns errors of the context.
func (b *Backup) Check(ctx context.Context, check func(f *File) bool, report func(Problem)) error {
	for i := range b.Files {
		f := &b.Files[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.checkFile(ctx, f, check(f)); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			report(problem(f, err))
		}
	}
	return nil
}

// problem returns an error about a file as a Problem.
func problem(f *File, err error) Problem {
	var p Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, fs.ErrNotExist):
		return Problem{f.Path, "is missing"}
	}
	return Problem{f.Path, "cannot be read: " + err.Error()}
}

func (b *Backup) checkFile(ctx context.Context, f *File, content bool) error {
	if content {
		return b.copyTo(ctx, f, io.Discard)
	}
	fi, err := b.root.Lstat(filepath.FromSlash(f.Path))
	if err != nil {
		return err
	}
	return checkSize(f, fi)
}

func checkSize(f *File, fi fs.FileInfo) error {
	switch {
	case !fi.Mode().IsRegular():
		return Problem{f.Path, "is no file"}
	case fi.Size() != f.Size:
		return Problem{f.Path, fmt.Sprintf("has %d bytes, the manifest says %d", fi.Size(), f.Size)}
	}
	return nil
}

// copyTo writes the content of a file to w. A Problem is returned if it is not what the manifest says; all was written
// then.
func (b *Backup) copyTo(ctx context.Context, f *File, w io.Writer) error {
	src, fi, err := openRegular(b.root, f.Path)
	if err != nil {
		return err
	}
	defer src.Close()
	sum, _, err := copySum(ctx, w, src)
	if err != nil {
		return err
	}
	if err := checkSize(f, fi); err != nil {
		return err
	}
	if sum != f.SHA256 {
		return Problem{f.Path, "is damaged: its checksum is not that of the manifest"}
	}
	return nil
}

// CopyOut copies the files below a directory of the backup to a new directory outside, durable but for the name of that. Keep is
// called for each file that is missing or damaged; it is left out, or copied as it is, if keep returns nil, else its error
// is returned. Progress is told bytes. As nothing of the backup is shared, what is copied may be written to.
func (b *Backup) CopyOut(ctx context.Context, dir, to string, keep func(Problem) error, progress func(n int64)) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	dirs := newDirs(to)
	for i := range b.Files {
		f := &b.Files[i]
		if !below(f.Path, dir) {
			continue
		}
		name := filepath.Join(to, filepath.FromSlash(strings.TrimPrefix(f.Path, dir+"/")))
		if err := dirs.make(filepath.Dir(name)); err != nil {
			return err
		}
		err := b.copyFile(ctx, f, name)
		var pe *outputError
		if errors.As(err, &pe) || ctx.Err() != nil {
			return err
		} else if err != nil {
			if err := keep(problem(f, err)); err != nil {
				return err
			}
		}
		progress(f.Size)
	}
	return dirs.sync()
}

// outputError is one in writing.
type outputError struct{ error }

func (e *outputError) Unwrap() error { return e.error }

// copyFile copies a file to a new one with a name.
func (b *Backup) copyFile(ctx context.Context, f *File, name string) error {
	dst, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return &outputError{err}
	}
	rerr := b.copyTo(ctx, f, outputWriter{dst})
	err = errors.Join(dst.Sync(), dst.Close())
	if err == nil {
		// So that it is known again by the next backup.
		at := time.Unix(0, f.Modified)
		err = os.Chtimes(name, at, at)
	}
	if err != nil {
		return &outputError{err}
	}
	if errors.Is(rerr, fs.ErrNotExist) {
		return errors.Join(rerr, os.Remove(name))
	}
	return rerr
}

type outputWriter struct{ io.Writer }

func (w outputWriter) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// Refresh writes the manifest anew after files of the backup were changed, added or removed on purpose: those below dir are
// found again. Those that have the same size and time of change as before are taken to be the same.
func (b *Backup) Refresh(ctx context.Context, dir string, fixed func(path string) bool) error {
	m := b.Manifest
	m.Files = nil
	for _, f := range b.Files {
		if !below(f.Path, dir) {
			m.Files = append(m.Files, f)
		}
	}
	err := filepath.WalkDir(filepath.Join(b.dir, filepath.FromSlash(dir)), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(b.dir, name)
		if err != nil {
			return err
		}
		f, err := b.describe(ctx, name, filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		f.Fixed = fixed(f.Path)
		m.Files = append(m.Files, f)
		return nil
	})
	if err != nil {
		return err
	}
	if err := writeManifest(b.dir, &m); err != nil {
		return err
	}
	b.Manifest = m
	return nil
}

// describe describes a file that is there.
func (b *Backup) describe(ctx context.Context, name, rel string) (File, error) {
	fi, err := os.Lstat(name)
	if err != nil {
		return File{}, err
	}
	f := File{Path: rel, Size: fi.Size(), Modified: fi.ModTime().UnixNano()}
	if old := b.byP[rel]; old != nil && old.Size == f.Size && old.Modified == f.Modified {
		return *old, nil
	}
	f.SHA256, err = sumFile(ctx, name)
	return f, err
}

// writeManifest makes m the durable manifest of a directory.
func writeManifest(dir string, m *Manifest) (rerr error) {
	var buf bytes.Buffer
	// A line for each file, for people and tools that look at lines.
	files := m.Files
	head := *m
	head.Files = []File{}
	b, err := json.Marshal(head)
	if err != nil {
		return err
	}
	buf.Write(bytes.TrimSuffix(b, []byte("]}")))
	for i := range files {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteByte('\n')
		b, err := json.Marshal(files[i])
		if err != nil {
			return err
		}
		buf.Write(b)
	}
	buf.WriteString("\n]}\n")
	tmp := filepath.Join(dir, ManifestName+newSuffix)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(buf.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, ManifestName)); err != nil {
		return err
	}
	return syncDir(dir)
}

// copySum copies, and returns the checksum and number of bytes.
func copySum(ctx context.Context, w io.Writer, r io.Reader) (sum string, n int64, rerr error) {
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return "", n, err
		}
		k, err := r.Read(buf)
		h.Write(buf[:k])
		n += int64(k)
		if _, werr := w.Write(buf[:k]); werr != nil {
			return "", n, werr
		}
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), n, nil
		} else if err != nil {
			return "", n, err
		}
	}
}

func sumFile(ctx context.Context, name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum, _, err := copySum(ctx, io.Discard, f)
	return sum, err
}

// dirs makes directories, and knows which to make durable.
type dirs struct{ made map[string]bool }

func newDirs(top string) *dirs { return &dirs{map[string]bool{top: true}} }

// make makes a directory below the top, with its parents.
func (d *dirs) make(name string) error {
	if d.made[name] {
		return nil
	}
	if err := d.make(filepath.Dir(name)); err != nil {
		return err
	}
	if err := os.Mkdir(name, 0o700); err != nil {
		return err
	}
	d.made[name] = true
	return nil
}

func (d *dirs) sync() error {
	for name := range d.made {
		if err := syncDir(name); err != nil {
			return err
		}
	}
	return nil
}
