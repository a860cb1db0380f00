//go:build unix && !linux

package safefile

import "golang.org/x/sys/unix"

// openEntry opens what stands in a directory. For a link it fails with ELOOP.
func openEntry(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

// chownOpen changes the owner of what openEntry opened.
func chownOpen(fd, uid, gid int) error { return unix.Fchown(fd, uid, gid) }
