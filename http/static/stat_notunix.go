//go:build !unix

package static

// openNonblock: there is nothing in this system's file names for which open waits.
const openNonblock = 0
