package atomicfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"mox/internal/atomicfile"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// onlyFiles fails when the directory holds anything but names.
func onlyFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	l, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(l) != len(names) {
		t.Errorf("directory has %v, want only %v", l, names)
	}
}

func TestWriteReplacesAndKeepsPermissions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for i, content := range []string{"first", "second, longer", ""} {
		if err := atomicfile.Write(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("content is %q, want %q", got, content)
		}
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		want := os.FileMode(0o640)
		if i > 0 {
			want = 0o600 // Changed by hand below, and to be kept.
		}
		if fi.Mode().Perm() != want {
			t.Errorf("permissions %v, want %v", fi.Mode().Perm(), want)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	onlyFiles(t, dir, "file")
}

func TestWriteKeepsSymlink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	link := filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := read(t, target); got != "new" {
		t.Errorf("target of link is %q, want %q", got, "new")
	}
	if _, err := os.Readlink(link); err != nil {
		t.Errorf("link is gone: %v", err)
	}
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := atomicfile.Write(filepath.Join(dir, "absent", "file"), nil, 0o600); err == nil {
		t.Error("writing into an absent directory succeeded")
	}
	// A directory in the way cannot be replaced; nothing may be left behind.
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "sub"), []byte("x"), 0o600); err == nil {
		t.Error("replacing a directory succeeded")
	}
	onlyFiles(t, dir, "sub")
}
