package dbfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// OpenCopy opens a copy of a database, which is gone when it is closed: for reading where the disk is full or may not be
// written to. Nobody may have the database open. The copy is a temporary file, or takes memory where none
// can be made. Returns ErrDamaged.
func OpenCopy(ctx context.Context, path string, types ...any) (*DB, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	settle()
	if err := checkQuick(path); err != nil {
		return nil, err
	}
	name, remove, err := copyAside(path)
	if err != nil {
		return nil, fmt.Errorf("copying database %s, to read it: %w", path, err)
	}
	defer remove()
	return open(ctx, name, path, types...)
}

// copyAside copies a file and returns the name of the copy, which lasts until remove is called.
func copyAside(path string) (name string, remove func(), rerr error) {
	src, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer src.Close()
	dst, err := os.CreateTemp("", "mox-*.db")
	if err == nil {
		name = dst.Name()
		_, err := io.Copy(dst, src)
		if err = errors.Join(err, dst.Close()); err == nil {
			return name, func() { os.Remove(name) }, nil
		}
		os.Remove(name)
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return "", nil, err
	}
	if dst, name, err = memoryFile(); err != nil {
		return "", nil, err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return "", nil, err
	}
	return name, func() { dst.Close() }, nil
}

// Rewrite replaces a database file by a copy of itself that is durable. It is for one of which it is not known what has
// reached the disk, after an error of the disk: what the system still has of it is written out anew.
// Nobody may write to the database meanwhile; who has it open goes on reading the old file.
func Rewrite(path string) (rerr error) {
	if err := checkQuick(path); err != nil {
		return err
	}
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	tmp := path + newSuffix
	dst, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			os.Remove(tmp)
		}
	}()
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	if err := errors.Join(err, dst.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
