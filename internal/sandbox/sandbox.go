// Package sandbox has a process give up the right to files that it does not need, for
// the rest of its life, where the operating system can do that.
package sandbox

// View is what a process can reach of the file system, besides what is open.
// Directories count with all below them; those that do not exist are left out.
type View struct {
	Read  []string // Directories to read.
	Write []string // Directories to read and change.
}
