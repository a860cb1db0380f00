package safefile

import "golang.org/x/sys/unix"

// openEntry opens what stands in a directory, also a link itself, without any effect on it.
func openEntry(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// chownOpen changes the owner of what openEntry opened.
func chownOpen(fd, uid, gid int) error {
	return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
}
