package static

import (
	"io/fs"
	"syscall"
	"time"
)

// identify returns which file info is about, and which content of it; known is false where
// that cannot be told, so nothing is kept of the file.
func identify(info fs.FileInfo) (v version, known bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return version{size: info.Size(), mtime: info.ModTime().UnixNano()}, false
	}
	return versionOf(st), true
}

// identifyPath is identify for the file that a path leads to, links followed.
func identifyPath(path string) (v version, known bool) {
	var st syscall.Stat_t
	for {
		if err := syscall.Stat(path, &st); err == nil {
			return versionOf(&st), true
		} else if err != syscall.EINTR {
			return version{}, false
		}
	}
}

func versionOf(st *syscall.Stat_t) version {
	return version{
		device: uint64(st.Dev),
		inode:  st.Ino,
		size:   st.Size,
		mtime:  time.Unix(st.Mtim.Unix()).UnixNano(),
		ctime:  time.Unix(st.Ctim.Unix()).UnixNano(),
	}
}
