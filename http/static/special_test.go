//go:build unix

package static_test

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// makeSpecial makes what only looks like a file.
func makeSpecial(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}
