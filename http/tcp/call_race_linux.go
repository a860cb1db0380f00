//go:build race

package tcp

import "syscall"

// The race detector knows of the calls of package syscall that what comes before a write comes before its read. It does not of those that
// are made without them, and would tell of races between the two ends of a connection that there are not.

func receive(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Read(int(fd), p)
	errno, _ := err.(syscall.Errno)
	return n, errno
}

// Write has no flags. Without MSG_MORE the same bytes come, only in other packets.
func send(fd uintptr, p []byte, _ int) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), p)
	errno, _ := err.(syscall.Errno)
	return n, errno
}
