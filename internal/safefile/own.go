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
	Left    []string // Paths of what was left alone: links, devices, and files that may be elsewhere too.
}

// owning is what Own works with.
type owning struct {
	User
	Owned

	// linksProtected tells that nobody can make hard links to files of others. Without that, a file with one name
	// may have had another one when it was opened, and be a file from elsewhere.
	linksProtected bool
}

// Own has a directory, and all in it, belong to the user, so that the user can work with what root has
// put there. The directory itself gets the mode 0700. Links are not followed, and a file of another user that has
// several names keeps its owner, as it may be a file from elsewhere; on systems where everybody can make hard links to
// files of others, all files of other users do.
func (u User) Own(path string) (Owned, error) {
	o := &owning{User: u, linksProtected: linksProtected()}
	err := o.ownDir(path)
	return o.Owned, err
}

func (o *owning) ownDir(path string) error {
	dir, err := checkGiven(path)
	if err != nil {
		return err
	}
	fd, err := unix.Open(filepath.Join(dir, filepath.Base(path)), openDir, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%s is not a directory, or a symbolic link; name the directory itself", path)
	} else if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if err := o.own(fd, path); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, 0o700); err != nil {
		return &os.PathError{Op: "chmod", Path: path, Err: err}
	}
	return o.ownTree(fd, path)
}

const openDir = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// ownTree changes the owner of all in an open directory.
func (o *owning) ownTree(fd int, path string) error {
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
		err = o.ownEntry(fd, name, child, below)
		unix.Close(child)
		if err != nil {
			return err
		}
	}
	return nil
}

// ownEntry changes the owner of an entry that is open, and of what is below it.
func (o *owning) ownEntry(parent int, name string, fd int, path string) error {
	if err := o.own(fd, path); err != nil {
		return err
	}
	dir, err := unix.Openat(parent, name, openDir, 0)
	if err != nil {
		return nil // Not a directory, or not any more.
	}
	defer unix.Close(dir)
	return o.ownTree(dir, path)
}

// own changes the owner of what is open.
func (o *owning) own(fd int, path string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	kind := st.Mode & unix.S_IFMT
	switch {
	case kind == unix.S_IFLNK, kind == unix.S_IFBLK, kind == unix.S_IFCHR:
		o.Left = append(o.Left, path)
		return nil
	case st.Uid == o.UID:
		return nil
	case kind != unix.S_IFDIR && (st.Nlink != 1 || !o.linksProtected):
		o.Left = append(o.Left, path)
		return nil
	}
	if err := chownOpen(fd, int(o.UID), int(o.GID)); err != nil {
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

// ofTheSystem are directories that many programs use. One that is given away by a mistake makes a machine unusable.
var ofTheSystem = [...]string{
	"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/private", "/proc", "/root", "/run", "/sbin", "/srv",
	"/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/lib", "/usr/sbin", "/usr/share",
	"/var", "/var/cache", "/var/db", "/var/lib", "/var/log", "/var/mail", "/var/run", "/var/spool", "/var/tmp",
}

// checkGiven is checkAbove for a directory whose owner or group is to change.
func checkGiven(path string) (dir string, err error) {
	if dir, _, err = checkAbove(path); err != nil {
		return "", err
	}
	if full := filepath.Join(dir, filepath.Base(path)); slices.Contains(ofTheSystem[:], full) {
		return "", fmt.Errorf("%s is a directory of the system, and is to belong to mox alone; use a directory below it", full)
	}
	return dir, nil
}

// Share has a directory belong to root, and lets a group make entries in it, but neither replace nor remove those
// of others.
func Share(path string, gid uint32) error {
	dir, err := checkGiven(path)
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

// ShareFile lets a group read a file of root. One that is not a regular file of root, or may be one from elsewhere, is
// left alone: ReadFile tells about it.
func ShareFile(path string, gid uint32) error {
	dir, isShared, err := checkAbove(path)
	if err != nil {
		return err
	}
	fd, err := unix.Open(filepath.Join(dir, filepath.Base(path)), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil
	} else if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	mode := uint32(st.Mode)
	if mode&unix.S_IFMT != unix.S_IFREG || st.Uid != 0 || isShared && st.Nlink != 1 || st.Gid == gid && mode&0o040 != 0 {
		return nil
	}
	// What the group could do before, no other group can now.
	if err := errors.Join(unix.Fchown(fd, 0, int(gid)), unix.Fchmod(fd, mode&0o707|0o040)); err != nil {
		return &os.PathError{Op: "chown", Path: path, Err: err}
	}
	return nil
}
