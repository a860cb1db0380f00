//go:build !linux

package dbfile

// residentFiles returns 0: it is not known.
func residentFiles() int64 { return 0 }

// releaseMemory does nothing.
func releaseMemory(addr, n uintptr) error { return nil }
