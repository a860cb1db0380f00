package replay

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"mox/internal/vfs"
)

// Image is the content of a directory. Paths are slash-separated and relative to
// it.
type Image struct {
	Dirs  []string // Each after its parent.
	Files map[string][]byte
}

// Restore writes the image to a directory of a file system that exists and is
// empty.
func (img *Image) Restore(fsys vfs.FS, dir string) error {
	for _, p := range img.Dirs {
		if err := fsys.Mkdir(filepath.Join(dir, p), 0o700); err != nil {
			return err
		}
	}
	for _, p := range slices.Sorted(maps.Keys(img.Files)) {
		if err := restoreFile(fsys, filepath.Join(dir, p), img.Files[p]); err != nil {
			return err
		}
	}
	return nil
}

func restoreFile(fsys vfs.FS, name string, data []byte) error {
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Snapshot returns the image of a directory.
func Snapshot(fsys vfs.FS, dir string) (*Image, error) {
	img := &Image{Files: map[string][]byte{}}
	if err := img.snapshot(fsys, dir, "."); err != nil {
		return nil, err
	}
	return img, nil
}

func (img *Image) snapshot(fsys vfs.FS, dir, p string) error {
	entries, err := fsys.ReadDir(filepath.Join(dir, p))
	if err != nil {
		return err
	}
	for _, e := range entries {
		sub := path.Join(p, e.Name())
		switch {
		case e.IsDir():
			img.Dirs = append(img.Dirs, sub)
			if err := img.snapshot(fsys, dir, sub); err != nil {
				return err
			}
		case e.Type()&fs.ModeType != 0:
			return fmt.Errorf("replay: %s is no regular file", sub)
		default:
			data, err := vfs.ReadFile(fsys, filepath.Join(dir, sub))
			if err != nil {
				return err
			}
			img.Files[sub] = data
		}
	}
	return nil
}

// log returns operations that make the image and are durable. Files are numbered
// by the order of their names.
func (img *Image) log() *Log {
	l := &Log{}
	dirs := []string{"."}
	for _, p := range img.Dirs {
		l.Ops = append(l.Ops, Op{Kind: Mkdir, Path: p})
		dirs = append(dirs, p)
	}
	for _, p := range slices.Sorted(maps.Keys(img.Files)) {
		l.Ops = append(l.Ops, Op{Kind: Create, Path: p, File: l.files})
		if data := img.Files[p]; len(data) > 0 {
			l.Ops = append(l.Ops, Op{Kind: Write, File: l.files, Data: data})
		}
		l.Ops = append(l.Ops, Op{Kind: Sync, File: l.files, Start: len(l.Ops)})
		l.files++
	}
	for _, p := range dirs {
		l.Ops = append(l.Ops, Op{Kind: SyncDir, Path: p, Start: len(l.Ops)})
	}
	return l
}
