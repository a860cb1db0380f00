package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
	"mox/internal/vfs/memfs"
	"mox/internal/vfs/replay"
)

// eachFS runs a test on all implementations, in an empty directory.
func eachFS(t *testing.T, test func(t *testing.T, fsys vfs.FS, dir string)) {
	t.Helper()
	makers := map[string]func(t *testing.T) (vfs.FS, string){
		"os": func(t *testing.T) (vfs.FS, string) { return vfs.OS{}, t.TempDir() },
		"memory": func(t *testing.T) (vfs.FS, string) {
			return memfs.New(), "/"
		},
		"fault": func(t *testing.T) (vfs.FS, string) {
			return &faultfs.FS{FS: memfs.New()}, "/"
		},
		"recorder": func(t *testing.T) (vfs.FS, string) {
			r, err := replay.NewRecorder(memfs.New(), "/")
			if err != nil {
				t.Fatal(err)
			}
			return r, "/"
		},
	}
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys, dir := make(t)
			test(t, fsys, dir)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got error %v, want %v", err, target)
	}
}

func create(t *testing.T, fsys vfs.FS, name, data string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.WriteAt([]byte(data), 0)
	must(t, err)
	return f
}

func content(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	must(t, err)
	defer f.Close()
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		t.Fatal(err)
	}
	return string(b)
}

func TestFileReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "x")
		f := create(t, fsys, name, "hello")
		_, err := f.WriteAt([]byte("world"), 8)
		must(t, err)
		must(t, f.Sync())
		must(t, f.Datasync())
		if got := content(t, fsys, name); got != "hello\x00\x00\x00world" {
			t.Fatalf("got %q", got)
		}
		must(t, f.Truncate(3))
		must(t, f.Truncate(5))
		if got := content(t, fsys, name); got != "hel\x00\x00" {
			t.Fatalf("got %q", got)
		}
		if err := f.Allocate(0, 10000); !errors.Is(err, errors.ErrUnsupported) {
			must(t, err)
		}
		size, err := f.Size()
		must(t, err)
		if size != 5 {
			t.Fatalf("size %d after allocating", size)
		}
		b := make([]byte, 4)
		n, err := f.ReadAt(b, 2)
		wantErr(t, err, io.EOF)
		if string(b[:n]) != "l\x00\x00" {
			t.Fatalf("got %q at the end", b[:n])
		}
		_, err = f.ReadAt(b, 100)
		wantErr(t, err, io.EOF)
		must(t, f.Close())
		_, err = f.WriteAt(b, 0)
		wantErr(t, err, fs.ErrClosed)
		wantErr(t, f.Sync(), fs.ErrClosed)
	})
}

func TestOpenFileFollowsItsFlags(t *testing.T) {
	t.Parallel()
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "x")
		_, err := fsys.OpenFile(name, os.O_RDWR, 0)
		wantErr(t, err, fs.ErrNotExist)
		_, err = fsys.OpenFile(filepath.Join(dir, "no/x"), os.O_CREATE|os.O_RDWR, 0o600)
		wantErr(t, err, fs.ErrNotExist)
		create(t, fsys, name, "data")
		_, err = fsys.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		wantErr(t, err, fs.ErrExist)
		r, err := fsys.OpenFile(name, os.O_RDONLY, 0)
		must(t, err)
		defer r.Close()
		if _, err := r.WriteAt([]byte("x"), 0); err == nil {
			t.Fatal("wrote to a file open for reading")
		}
		w, err := fsys.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		must(t, err)
		defer w.Close()
		if got := content(t, fsys, name); got != "" {
			t.Fatalf("truncated file has %q", got)
		}
		if _, err := w.ReadAt(make([]byte, 1), 0); err == nil || errors.Is(err, io.EOF) {
			t.Fatalf("read from a file open for writing: %v", err)
		}
	})
}

func TestNamesChange(t *testing.T) {
	t.Parallel()
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		at := func(name string) string { return filepath.Join(dir, name) }
		must(t, vfs.MkdirAllSync(fsys, at("a/b"), 0o700))
		must(t, vfs.MkdirAllSync(fsys, at("a/b"), 0o700))
		wantErr(t, fsys.Mkdir(at("a"), 0o700), fs.ErrExist)
		create(t, fsys, at("a/x"), "one")
		create(t, fsys, at("a/b/y"), "two")
		wantErr(t, vfs.MkdirAllSync(fsys, at("a/x"), 0o700), fs.ErrExist)
		wantErr(t, fsys.Rename(at("a/none"), at("a/z")), fs.ErrNotExist)
		must(t, fsys.Rename(at("a/x"), at("a/b/y")))
		must(t, fsys.SyncDir(at("a/b")))
		if got := content(t, fsys, at("a/b/y")); got != "one" {
			t.Fatalf("renamed file has %q", got)
		}
		wantErr(t, fsys.Remove(at("a/x")), fs.ErrNotExist)
		if err := fsys.Remove(at("a/b")); err == nil {
			t.Fatal("removed a directory that is not empty")
		}
		_, err := fsys.Stat(at("a/x"))
		wantErr(t, err, fs.ErrNotExist)
		fi, err := fsys.Stat(at("a/b/y"))
		must(t, err)
		if fi.Name() != "y" || fi.Size() != 3 || fi.IsDir() {
			t.Fatalf("got %v", fi)
		}
		must(t, fsys.Rename(at("a/b"), at("c")))
		create(t, fsys, at("a/1"), "")
		create(t, fsys, at("a/0"), "")
		must(t, fsys.Mkdir(at("a/2"), 0o700))
		entries, err := fsys.ReadDir(at("a"))
		must(t, err)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if !slices.Equal(names, []string{"0", "1", "2"}) || !entries[2].IsDir() || entries[0].IsDir() {
			t.Fatalf("got entries %v", names)
		}
		must(t, fsys.Remove(at("a/2")))
		_, err = fsys.ReadDir(at("a/2"))
		wantErr(t, err, fs.ErrNotExist)
		wantErr(t, fsys.SyncDir(at("a/2")), fs.ErrNotExist)
	})
}

func TestOpenFileStaysWithItsData(t *testing.T) {
	t.Parallel()
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "x")
		f := create(t, fsys, name, "old")
		must(t, fsys.Remove(name))
		create(t, fsys, name, "new")
		b := make([]byte, 3)
		_, err := f.ReadAt(b, 0)
		must(t, err)
		if string(b) != "old" {
			t.Fatalf("removed file reads %q", b)
		}
	})
}
