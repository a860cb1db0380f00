package static

import (
	"io/fs"
	"syscall"
	"time"
)

// identify returns which file info is about, and which version of its content; ok is
// false where that cannot be told, so nothing is kept of the file.
func identify(info fs.FileInfo) (id fileID, v version, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, version{size: info.Size(), mtime: info.ModTime().UnixNano()}, false
	}
	return fileID{uint64(st.Dev), st.Ino}, version{
		size:  st.Size,
		mtime: time.Unix(st.Mtim.Unix()).UnixNano(),
		ctime: time.Unix(st.Ctim.Unix()).UnixNano(),
	}, true
}
