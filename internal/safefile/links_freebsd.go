package safefile

import "golang.org/x/sys/unix"

// linksProtected tells whether the kernel lets users make hard links only to files that they own.
func linksProtected() bool {
	v, err := unix.SysctlUint32("security.bsd.hardlink_check_uid")
	return err == nil && v == 1
}
