package dbfile

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// residentFiles returns how many bytes of mapped files are resident in the process, the program's among
// them; 0 if that is not known.
func residentFiles() int64 {
	// Fields are pages in all, resident ones, and those of files.
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := bytes.Fields(b)
	if len(f) < 3 {
		return 0
	}
	n, err := strconv.ParseInt(string(f[2]), 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}

// releaseMemory gives back memory that bbolt has mapped from a file, which is shared and not written to: it is read from the
// file again at its next use.
func releaseMemory(addr, n uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, addr, n, unix.MADV_DONTNEED); errno != 0 {
		return os.NewSyscallError("madvise", errno)
	}
	return nil
}
