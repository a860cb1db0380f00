// Package footprint gives memory back to the system that a server took to start and does not need to serve.
//
// Reading a configuration, hashing a password or setting up metrics leaves garbage behind that no collection finds while
// the heap stays small (internal/heapfloor), and the code that did it stays mapped.
package footprint

import "runtime/debug"

// Trim collects garbage, gives free memory back, and unmaps the pages of this program that are only read. Those that are
// needed again come back from the system's cache at the next use, as after any shortage of memory. It takes some milliseconds;
// call it when a process begins to wait.
func Trim() {
	debug.FreeOSMemory()
	unmapProgram()
}
