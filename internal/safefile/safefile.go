//go:build unix

// Package safefile is how a process with root rights touches files in places where
// somebody else can write too, e.g. the service that it started: who can write in a directory can put a
// symbolic or hard link to any other file there, also between two steps of a check.
//
// So nothing is looked at by its path twice: a file is opened without following a link at its
// end, and what is open is checked and changed. The directories above must be root's, and what
// stands in them be safe from others, by their modes or the sticky bit.
package safefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 1 << 20

// shared tells whether others than root can create entries in a directory of root.
func shared(st *unix.Stat_t) bool { return st.Mode&0o022 != 0 }

// checkAbove resolves the directory of a path, and returns an error if anybody but root could put another
// in its place. In one that is shared, others can still make new entries.
func checkAbove(path string) (dir string, isShared bool, err error) {
	if !filepath.IsAbs(path) {
		return "", false, fmt.Errorf("%s is not an absolute path", path)
	}
	dir, err = filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", false, err
	}
	for d := dir; ; d = filepath.Dir(d) {
		var st unix.Stat_t
		if err := unix.Lstat(d, &st); err != nil {
			return "", false, &os.PathError{Op: "lstat", Path: d, Err: err}
		}
		switch {
		case st.Mode&unix.S_IFMT != unix.S_IFDIR:
			return "", false, fmt.Errorf("%s is not a directory", d)
		case st.Uid != 0:
			return "", false, fmt.Errorf("%s belongs to user %d, who could replace %s; as root, run: chown root %s", d, st.Uid, path, d)
		case shared(&st) && st.Mode&unix.S_ISVTX == 0:
			return "", false, fmt.Errorf("others than root can write in %s, and so replace %s; as root, run: chmod go-w %s (or chmod +t)", d, path, d)
		case d == dir:
			isShared = shared(&st)
		}
		if d == "/" {
			return dir, isShared, nil
		}
	}
}

// ReadFile reads a file that nobody but root can have made. In a directory where others can write it must be
// a regular file of root, and not a link of any kind.
func ReadFile(path string) (_ []byte, rerr error) {
	dir, isShared, err := checkAbove(path)
	if err != nil {
		return nil, err
	}
	if !isShared {
		// A link, which root has made, can lead to where others could put one.
		target, err := filepath.EvalSymlinks(filepath.Join(dir, filepath.Base(path)))
		if err != nil {
			return nil, err
		}
		if dir, isShared, err = checkAbove(target); err != nil {
			return nil, err
		}
		path = target
	}
	flags := unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK
	if isShared {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Open(filepath.Join(dir, filepath.Base(path)), flags, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link, in a directory where others than root can write; put the file itself there", path)
	} else if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer func() { rerr = errors.Join(rerr, f.Close()) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, fmt.Errorf("%s is not a regular file", path)
	case st.Uid != 0:
		return nil, fmt.Errorf("%s belongs to user %d; as root, run: chown root %s", path, st.Uid, path)
	case st.Mode&0o022 != 0:
		return nil, fmt.Errorf("others than root can write to %s; as root, run: chmod go-w %s", path, path)
	case isShared && st.Nlink != 1:
		return nil, fmt.Errorf("%s has %d hard links, in a directory where others than root can write; put a copy in its place", path, st.Nlink)
	case st.Size > MaxSize:
		return nil, fmt.Errorf("%s has %d bytes, which is more than is read of such a file", path, st.Size)
	}
	return io.ReadAll(io.LimitReader(f, MaxSize))
}

// CheckProgram returns an error if anybody but root could replace a program.
func CheckProgram(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	dir, _, err := checkAbove(path)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(dir, filepath.Base(path)), &st); err != nil {
		return &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%s is not a regular file", path)
	case st.Uid != 0:
		return fmt.Errorf("%s belongs to user %d, who could replace the program; as root, run: chown root %s", path, st.Uid, path)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("others than root can write to the program %s; as root, run: chmod go-w %s", path, path)
	}
	return nil
}
