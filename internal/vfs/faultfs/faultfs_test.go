package faultfs_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"mox/internal/vfs/faultfs"
	"mox/internal/vfs/memfs"
)

func TestHookDecides(t *testing.T) {
	t.Parallel()
	fsys := &faultfs.FS{FS: memfs.New()}
	f, err := fsys.OpenFile("/x", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var calls []faultfs.Call
	set := func(err error) {
		fsys.SetHook(func(c faultfs.Call) error {
			calls = append(calls, c)
			return err
		})
	}
	size := func() int64 {
		fsys.SetHook(nil)
		n, err := f.Size()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}

	set(faultfs.ErrSkip)
	if n, err := f.WriteAt([]byte("hello"), 0); n != 5 || err != nil || size() != 0 {
		t.Errorf("skipped write: %d, %v", n, err)
	}
	set(syscall.EIO)
	if n, err := f.WriteAt([]byte("hello"), 0); n != 0 || !errors.Is(err, syscall.EIO) || size() != 0 {
		t.Errorf("failing write: %d, %v", n, err)
	}
	set(&faultfs.Short{N: 2, Err: syscall.ENOSPC})
	if n, err := f.WriteAt([]byte("hello"), 0); n != 2 || !errors.Is(err, syscall.ENOSPC) || size() != 2 {
		t.Errorf("short write: %d, %v", n, err)
	}
	set(syscall.EIO)
	if err := fsys.Rename("/x", "/y"); !errors.Is(err, syscall.EIO) {
		t.Errorf("failing rename: %v", err)
	}
	if len(calls) != 4 || calls[1] != (faultfs.Call{Op: faultfs.Write, Name: "/x", N: 3, Len: 5}) || calls[3].Op != faultfs.Rename {
		t.Errorf("calls %v", calls)
	}
}
