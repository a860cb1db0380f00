//go:build !linux

package static

import "io/fs"

// identify returns the version of the content of the file that info is about. Which file
// it is, and whether it was changed back to an earlier time, is not known, so known is false
// and nothing is kept of it.
func identify(info fs.FileInfo) (v version, known bool) {
	return version{size: info.Size(), mtime: info.ModTime().UnixNano()}, false
}

// identifyPath is identify for the file that a path leads to.
func identifyPath(string) (v version, known bool) { return version{}, false }
