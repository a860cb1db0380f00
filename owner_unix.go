//go:build unix

package main

import (
	"os"
	"syscall"
)

// ownerOf returns the owner of a file.
func ownerOf(name string) (uid, gid int, ok bool) {
	fi, err := os.Lstat(name)
	if err != nil {
		return 0, 0, false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
