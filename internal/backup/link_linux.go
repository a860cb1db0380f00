package backup

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// linkFile makes a hard link to an open file, whatever its name leads to by now.
func linkFile(src *os.File, dst string) error {
	err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", src.Fd()), unix.AT_FDCWD, dst, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: src.Name(), New: dst, Err: err}
	}
	return nil
}
