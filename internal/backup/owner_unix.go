//go:build unix

package backup

import (
	"io/fs"
	"os"
	"syscall"
)

// isOurs tells whether nobody but this user, and root, can write to a file by being its owner.
func isOurs(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && (int(st.Uid) == os.Geteuid() || st.Uid == 0)
}
