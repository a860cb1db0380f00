//go:build unix

package safefile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// OwnFile has a file belong to the user, if it is there, and is neither a link nor has other names.
//
// On systems where everybody can make hard links to files of others, even a file with one name may be one from elsewhere,
// whose first name is gone: it may hold a secret, or programs may still use it. There a file of root that the user can
// read is replaced by a copy that belongs to the user, which gives away nothing, and another one is an error.
func (u User) OwnFile(path string) error { return u.ownFile(path, linksProtected()) }

func (u User) ownFile(path string, linksProtected bool) error {
	dir, _, err := checkAbove(path)
	if err != nil {
		return err
	}
	full := filepath.Join(dir, filepath.Base(path))
	fd, err := openEntry(unix.AT_FDCWD, full)
	if errors.Is(err, unix.ENOENT) {
		return nil
	} else if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	o := &owning{User: u, linksProtected: linksProtected}
	if err := o.own(fd, path); err != nil || len(o.Left) == 0 {
		return err
	}
	if !linksProtected {
		data, ok, err := u.readShown(full)
		if err != nil {
			return err
		} else if ok {
			return u.replace(full, data)
		}
	}
	return fmt.Errorf("%s belongs to another user than %d, and could be a link to another file; as root, run: chown %d %s", path, u.UID, u.UID, path)
}

// readShown reads a regular file of root, with one name, that the user can read too; ok is false for others.
func (u User) readShown(path string) (data []byte, ok bool, rerr error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) {
		return nil, false, nil // A symbolic link; FreeBSD has EMLINK for it.
	} else if err != nil {
		return nil, false, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer func() { rerr = errors.Join(rerr, f.Close()) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, false, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	shown := st.Mode&0o004 != 0
	if st.Gid == u.GID {
		shown = st.Mode&0o040 != 0 // Of the group only the bits of the group count.
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != 0 || st.Nlink != 1 || st.Size > MaxSize || !shown {
		return nil, false, nil
	}
	data, err = io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil || len(data) > MaxSize {
		return nil, false, err // It has grown meanwhile.
	}
	return data, true, nil
}

// replace puts a file of the user in the place of another, durably. Others cannot get at the new one before it is the
// user's.
func (u User) replace(path string, data []byte) (rerr error) {
	tmp := path + ".new-" + rand.Text()
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, os.Remove(tmp))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chown(int(u.UID), int(u.GID))
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil // It is in place, durable or not.
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
