//go:build unix

package static

import "syscall"

// openNonblock keeps open from waiting for the other end of a named pipe, and a terminal
// from becoming ours.
const openNonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY
