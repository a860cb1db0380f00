package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mox/internal/vfs"
)

// Snapshot is what a store held at a moment, for a backup. Nothing of it is removed before Release.
type Snapshot struct {
	s      *Store
	ledger []byte // Nil for none.
	packs  []PackInfo
	next   uint32 // No number from here on had been used.
}

// holds keeps files that are of no more use for those who have a Snapshot.
type holds struct {
	count   int
	removed map[uint32]bool // Large files to remove once there are none.
}

// Snapshot tells what the store holds now. What is put, deleted or compacted later does not change it. To fit the
// database, it is called when that is copied, between two of its transactions. The caller must call Release.
func (s *Store) Snapshot() (*Snapshot, error) {
	s.holdMu.Lock()
	s.holds.count++
	s.holdMu.Unlock()
	sn := &Snapshot{s: s}
	// The ledger may be older than the packs.
	s.ledgerMu.Lock()
	ledger, err := vfs.ReadFile(s.fs, s.ledgerName())
	sn.next = s.next
	s.ledgerMu.Unlock()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		sn.Release()
		return nil, err
	}
	sn.ledger = ledger
	sn.packs = s.Packs()
	return sn, nil
}

// Release lets go of what the snapshot held. It may be called more than once, by one goroutine.
func (sn *Snapshot) Release() {
	s := sn.s
	if s == nil {
		return
	}
	sn.s = nil
	s.holdMu.Lock()
	defer s.holdMu.Unlock()
	if s.holds.count--; s.holds.count > 0 {
		return
	}
	for number := range s.holds.removed {
		s.tryRemove(s.fileName(number))
	}
	s.holds.removed = nil
}

// removeFile removes a large file, or has that done once no snapshot needs it.
func (s *Store) removeFile(number uint32) error {
	s.holdMu.Lock()
	defer s.holdMu.Unlock()
	if s.holds.count > 0 {
		if s.holds.removed == nil {
			s.holds.removed = map[uint32]bool{}
		}
		s.holds.removed[number] = true
		return nil
	}
	err := s.fs.Remove(s.fileName(number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// isRemoved tells whether a large file is there only for a snapshot.
func (s *Store) isRemoved(number uint32) bool {
	s.holdMu.Lock()
	defer s.holdMu.Unlock()
	return s.holds.removed[number]
}

// Size is how many bytes packs take. Large files come on top of it.
func (sn *Snapshot) Size() (n int64) {
	for _, p := range sn.packs {
		n += p.Size
	}
	return n
}

// Link makes a store in a directory, which is made, that has what the snapshot holds. Sealed packs and large files are
// hard links to those of the store, where the file system has these, as their bytes never change. The last pack, which
// a store in use may append to, is a copy, as is the ledger. Progress, if not nil, is told the bytes of each file. What
// was made is durable once its directories were synced, which is left to the caller.
//
// The store must be one in the operating system's files.
func (sn *Snapshot) Link(ctx context.Context, dir string, progress func(n int64)) error {
	s := sn.s
	for _, d := range []string{dir, filepath.Join(dir, "files"), filepath.Join(dir, "tmp")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	if sn.ledger != nil {
		if err := writeFileSync(s.fs, filepath.Join(dir, "ledger"), sn.ledger); err != nil {
			return err
		}
	}
	for i, p := range sn.packs {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := filepath.Join(dir, formatName(p.Number, packSuffix))
		var err error
		if i == len(sn.packs)-1 {
			err = copyFile(p.Path, name, p.Size)
		} else {
			err = linkFile(p.Path, name)
		}
		if err != nil {
			return err
		}
		if progress != nil {
			progress(p.Size)
		}
	}
	return sn.linkFiles(ctx, filepath.Join(dir, "files"), progress)
}

// linkFiles links the large files.
func (sn *Snapshot) linkFiles(ctx context.Context, dir string, progress func(n int64)) error {
	numbers, err := sn.s.listFiles()
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if number >= sn.next {
			break
		}
		path := sn.s.fileName(number)
		err := linkFile(path, filepath.Join(dir, formatName(number, fileSuffix)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // Staged, and given up.
		} else if err != nil {
			return err
		}
		if fi, err := os.Stat(path); err == nil && progress != nil {
			progress(fi.Size())
		}
	}
	return nil
}

// linkFile makes a hard link to a file, or a copy where that cannot be.
func linkFile(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return err
	}
	return copyFile(from, to, -1)
}

// copyFile copies the first bytes of a file, or all if size is negative, with its time of change.
func copyFile(from, to string, size int64) (rerr error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	fi, err := src.Stat()
	if err != nil {
		return err
	}
	if size < 0 {
		size = fi.Size()
	}
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(dst, src, size)
	if errors.Is(err, io.EOF) {
		err = nil // A pack that was cut short; that is for Verify to tell.
	}
	if err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, fi.ModTime(), fi.ModTime())
}
