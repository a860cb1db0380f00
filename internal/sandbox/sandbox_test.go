//go:build linux

package sandbox_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mox/internal/sandbox"
)

// confined is the environment variable that makes this program restrict itself to below a directory, and try things.
const confined = "SANDBOX_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(confined); dir != "" {
		if err := try(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func try(dir string) error {
	data, config, other := filepath.Join(dir, "data"), filepath.Join(dir, "config"), filepath.Join(dir, "other")
	if err := sandbox.Restrict(sandbox.View{Read: []string{config, filepath.Join(dir, "missing")}, Write: []string{data}}); err != nil {
		return err
	}
	var errs []error
	allowed := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	refused := func(what string, err error) {
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EXDEV) { // The latter from link.
			errs = append(errs, fmt.Errorf("%s: %v, want no permission", what, err))
		}
	}
	read := func(path string) error { _, err := os.ReadFile(path); return err }
	list := func(path string) error { _, err := os.ReadDir(path); return err }
	write := func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }

	allowed("reading in a directory to read", read(config+"/file"))
	allowed("listing it", list(config))
	refused("writing in it", write(config+"/new"))
	refused("changing a file in it", write(config+"/file"))
	refused("removing from it", os.Remove(config+"/file"))
	allowed("writing in a directory to write", write(data+"/new"))
	allowed("a directory in it", os.MkdirAll(data+"/a/b", 0o700))
	allowed("renaming between its directories", os.Rename(data+"/new", data+"/a/b/new"))
	allowed("a hard link in it", os.Link(data+"/a/b/new", data+"/link"))
	allowed("truncating", os.Truncate(data+"/link", 0))
	allowed("removing", os.RemoveAll(data+"/a"))
	refused("reading elsewhere", read(other+"/secret"))
	refused("reading elsewhere by a link", read(data+"/tosecret"))
	refused("listing elsewhere", list(other))
	refused("writing elsewhere", write(other+"/new"))
	refused("linking from elsewhere", os.Link(other+"/secret", data+"/secret"))
	refused("a symbolic link", os.Symlink("/etc/passwd", data+"/symlink"))
	refused("running a program", exec.Command("/bin/true").Run())
	allowed("a device that all need", write("/dev/null"))
	return errors.Join(errs...)
}

func TestRestrict(t *testing.T) {
	t.Parallel()
	if !sandbox.Supported() {
		t.Skip("this kernel has no Landlock")
	}
	dir := t.TempDir()
	for _, name := range []string{"data", "config", "other"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"config/file", "other/secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "other/secret"), filepath.Join(dir, "data/tosecret")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), confined+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, strings.TrimSpace(string(out)))
	}
}
