//go:build unix

package safefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// User is whom files are given to.
type User struct{ UID, GID uint32 }

// Owned is what Own did.
type Owned struct {
	Changed int      // Files and directories that belonged to somebody else.
	Left    []string // Paths of what was left alone: links to files that are not the user's.
}

// Own has a directory, and all in it, belong to the user, so that the user can work with what root has
// put there. The directory itself gets the mode 0700. Links are not followed, and a file of another user that has
// several names keeps its owner, as it may be a file from elsewhere.
func (u User) Own(path string) (Owned, error) {
	var o Owned
	dir, _, err := checkAbove(path)
	if err != nil {
		return o, err
	}
	fd, err := unix.Open(filepath.Join(dir, filepath.Base(path)), openDir, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return o, fmt.Errorf("%s is not a directory, or a symbolic link; name the directory itself", path)
	} else if err != nil {
		return o, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if err := u.own(fd, path, &o); err != nil {
		return o, err
	}
	if err := unix.Fchmod(fd, 0o700); err != nil {
		return o, &os.PathError{Op: "chmod", Path: path, Err: err}
	}
	return o, u.ownTree(fd, path, &o)
}

const openDir = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// ownTree changes the owner of all in an open directory.
func (u User) ownTree(fd int, path string, o *Owned) error {
	names, err := entries(fd, path)
	if err != nil {
		return err
	}
	for _, name := range names {
		below := filepath.Join(path, name)
		child, err := openEntry(fd, name)
		switch {
		case errors.Is(err, unix.ENOENT):
			continue // It went meanwhile.
		case errors.Is(err, unix.ELOOP):
			o.Left = append(o.Left, below)
			continue
		case err != nil:
			return &os.PathError{Op: "open", Path: below, Err: err}
		}
		err = u.ownEntry(fd, name, child, below, o)
		unix.Close(child)
		if err != nil {
			return err
		}
	}
	return nil
}

// ownEntry changes the owner of an entry that is open, and of what is below it.
func (u User) ownEntry(parent int, name string, fd int, path string, o *Owned) error {
	if err := u.own(fd, path, o); err != nil {
		return err
	}
	dir, err := unix.Openat(parent, name, openDir, 0)
	if err != nil {
		return nil // Not a directory, or not any more.
	}
	defer unix.Close(dir)
	return u.ownTree(dir, path, o)
}

// own changes the owner of what is open.
func (u User) own(fd int, path string, o *Owned) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	kind := st.Mode & unix.S_IFMT
	switch {
	case kind == unix.S_IFLNK, kind == unix.S_IFBLK, kind == unix.S_IFCHR:
		o.Left = append(o.Left, path)
		return nil
	case st.Uid == u.UID:
		return nil
	case kind != unix.S_IFDIR && st.Nlink != 1:
		o.Left = append(o.Left, path)
		return nil
	}
	if err := chownOpen(fd, int(u.UID), int(u.GID)); err != nil {
		return &os.PathError{Op: "chown", Path: path, Err: err}
	}
	o.Changed++
	return nil
}

// entries returns the names in an open directory.
func entries(fd int, path string) ([]string, error) {
	dup, err := unix.Openat(fd, ".", openDir, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(dup), path)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// Share has a directory belong to root, and lets a group make entries in it, but neither replace nor remove those
// of others.
func Share(path string, gid uint32) error {
	dir, _, err := checkAbove(path)
	if err != nil {
		return err
	}
	fd, err := unix.Open(filepath.Join(dir, filepath.Base(path)), openDir, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Fchown(fd, 0, int(gid)), unix.Fchmod(fd, 0o1770)); err != nil {
		return &os.PathError{Op: "chown", Path: path, Err: err}
	}
	return nil
}

// OwnFile has a file belong to the user, if it is there, and is neither a link nor has other names.
func (u User) OwnFile(path string) error {
	dir, _, err := checkAbove(path)
	if err != nil {
		return err
	}
	fd, err := openEntry(unix.AT_FDCWD, filepath.Join(dir, filepath.Base(path)))
	if errors.Is(err, unix.ENOENT) {
		return nil
	} else if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var o Owned
	if err := u.own(fd, path, &o); err != nil {
		return err
	}
	if len(o.Left) > 0 {
		return fmt.Errorf("%s is a link, or has several names; put the file itself there", path)
	}
	return nil
}
