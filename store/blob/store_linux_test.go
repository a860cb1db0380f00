package blob

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
)

// A store that cannot be opened, or not for writing, leaves no file open.
func TestFailedOpenLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	s, dir := testStore(t, Options{})
	put(t, s, item(1, randomBytes(1, 1000)))
	crashed := t.TempDir()
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	opts := Options{FS: &faultfs.FS{FS: vfs.OS{}, Hook: func(c faultfs.Call) error {
		if c.Op == faultfs.SyncDir && c.Name == filepath.Join(crashed, "files") {
			return syscall.EIO
		}
		return nil
	}}}
	if _, err := Open(crashed, opts); err == nil {
		t.Fatal("opened without syncing a directory")
	}
	opts.ReadOnly = true
	ro := reopen(t, crashed, opts)
	if err := ro.SetWritable(); err == nil {
		t.Fatal("writable without syncing a directory")
	}
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(fds) == 0 {
		t.Fatal(fds, err)
	}
	for _, fd := range fds {
		if name, _ := os.Readlink(fd); strings.HasPrefix(name, crashed) {
			t.Errorf("open: %s", name)
		}
	}
}

func TestReservedSpaceIsGivenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := reopen(t, dir, Options{})
	put(t, s, item(1, randomBytes(1, 1000)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(s.packName(1))
	if err != nil {
		t.Fatal(err)
	}
	st := fi.Sys().(*syscall.Stat_t)
	if st.Blocks*512 > 16<<10 {
		t.Errorf("a pack of %d bytes takes %d", fi.Size(), st.Blocks*512)
	}
}
