package static

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
)

// Symlinks says which symbolic links below Root are followed. The zero value is
// SymlinksInside. Root itself may always be one, or be reached through some.
type Symlinks uint8

// The policies.
const (
	// SymlinksInside follows relative links that stay below Root. Absolute links are not
	// followed, even to a place below Root. The kernel is asked for each step with
	// no-follow flags (os.Root), so a link swapped in meanwhile leads nowhere.
	SymlinksInside Symlinks = iota
	// SymlinksNone follows none.
	SymlinksNone
	// SymlinksAny follows all: whoever can write below Root can show any file that mox may
	// read.
	SymlinksAny
)

// errSymlink is for a link that the policy does not follow.
var errSymlink = errors.New("symbolic link")

// root finds files below one directory. It is safe for concurrent use.
type root struct {
	path  string
	links Symlinks
	dir   atomic.Pointer[rootDir]
}

// rootDir is the directory that path named when it was last looked at.
type rootDir struct {
	*os.Root
	info fs.FileInfo
}

// open returns the directory that path names now: a site is often replaced as a whole, by
// changing a link. What was opened before is closed when its last request is done with it
// and the collector finds it.
func (r *root) open() (*os.Root, error) {
	info, err := os.Stat(r.path)
	if err != nil {
		return nil, err
	}
	if dir := r.dir.Load(); dir != nil && os.SameFile(dir.info, info) {
		return dir.Root, nil
	}
	opened, err := os.OpenRoot(r.path)
	if err != nil {
		return nil, err
	}
	// Of what was opened, whichever that is by now.
	if info, err = opened.Stat("."); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	r.dir.Store(&rootDir{opened, info})
	return opened, nil
}

// view is the directory of a root during one request.
type view struct {
	dir   *os.Root // Nil for SymlinksAny.
	path  string
	links Symlinks
}

func (r *root) view() (view, error) {
	v := view{path: r.path, links: r.links}
	if r.links == SymlinksAny {
		return v, nil
	}
	var err error
	v.dir, err = r.open()
	return v, err
}

// stat tells about a file, following links as the policy says.
func (v view) stat(name string) (fs.FileInfo, error) {
	switch v.links {
	case SymlinksAny:
		return os.Stat(filepath.Join(v.path, filepath.FromSlash(name)))
	case SymlinksNone:
		return v.statNoLinks(name)
	}
	return v.dir.Stat(name)
}

// statNoLinks looks at each directory on the way.
func (v view) statNoLinks(name string) (fs.FileInfo, error) {
	for i := 0; ; i++ {
		end := strings.IndexByte(name[i:], '/')
		last := end < 0
		if last {
			end = len(name) - i
		}
		i += end
		info, err := v.dir.Lstat(name[:i])
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = &fs.PathError{Op: "stat", Path: name, Err: errSymlink}
		}
		if last || err != nil {
			return info, err
		}
	}
}

// openFile opens what a stat before found to be a regular file or directory. Should it be
// something else by now, opening does not wait for the other end of it, and fails.
func (v view) openFile(name string) (*os.File, fs.FileInfo, error) {
	const flags = os.O_RDONLY | openNonblock
	var f *os.File
	var err error
	if v.links == SymlinksAny {
		f, err = os.OpenFile(filepath.Join(v.path, filepath.FromSlash(name)), flags, 0)
	} else {
		f, err = v.dir.OpenFile(name, flags, 0)
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = errSpecial
	}
	if err == nil && v.links == SymlinksNone {
		// A link put there since would have been followed.
		var now fs.FileInfo
		if now, err = v.statNoLinks(name); err == nil && !os.SameFile(now, info) {
			err = errSymlink
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// errSpecial is for devices, sockets, named pipes.
var errSpecial = fmt.Errorf("%w: not a file or directory", fs.ErrPermission)

// statusOf returns the status for an error of the file system, and whether it is one that
// whoever runs the server should hear of.
func statusOf(err error) (status int, unexpected bool) {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG),
		errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.EINVAL):
		return 404, false
	case errors.Is(err, fs.ErrPermission):
		return 403, false
	case errors.As(err, &errno):
		return 500, true
	}
	// Not from the system, so from os.Root or the policy: the way leads outside. That
	// there is such a link is nobody's business.
	return 404, false
}
