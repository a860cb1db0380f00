package safefile

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// openEntry opens what stands in a directory, also a link itself, without any effect on it.
func openEntry(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// chownOpen changes the owner of what openEntry opened.
func chownOpen(fd, uid, gid int) error {
	return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
}

// linksProtected tells whether the kernel lets users make hard links only to files that they own or can write.
func linksProtected() bool {
	v, err := os.ReadFile("/proc/sys/fs/protected_hardlinks")
	return err == nil && bytes.Equal(bytes.TrimSpace(v), []byte("1"))
}
