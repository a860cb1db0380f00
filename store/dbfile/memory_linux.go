package dbfile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile returns a file that is nowhere but in memory, and the name by which it can be opened while it is
// open.
func memoryFile() (*os.File, string, error) {
	fd, err := unix.MemfdCreate("mox.db", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, "", os.NewSyscallError("memfd_create", err)
	}
	name := fmt.Sprintf("/proc/self/fd/%d", fd)
	return os.NewFile(uintptr(fd), name), name, nil
}
