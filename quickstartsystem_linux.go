package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// addSystem adds what this system can tell.
func (m *machine) addSystem() {
	m.freeSpace = func(dir string) (int64, error) {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			return 0, fmt.Errorf("free space at %s: %w", dir, err)
		}
		return int64(st.Bavail) * int64(st.Bsize), nil
	}
	m.clock = func() (bool, error) {
		var t unix.Timex
		state, err := unix.Adjtimex(&t)
		if err != nil {
			return false, fmt.Errorf("state of the clock: %w", err)
		}
		return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, nil
	}
}
