package blob

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"mox/internal/vfs"
)

// Staged is a large blob that is durable in a file of its own but not yet part
// of a batch. It is given to Put in an Item, or to Discard.
type Staged struct {
	ref Ref
}

// Ref returns the reference that Put will return.
func (st *Staged) Ref() Ref { return st.ref }

// copySize is the size of the pieces a large blob is copied in.
const copySize = 256 << 10

// Stage writes a blob to a file of its own, whatever its size, and returns when
// that is durable. It may be called concurrently, and does not hold up Put. An
// *ItemError says that the item is at fault, other errors are those of the disk.
//
// A staged blob that is neither put nor discarded stays until SweepFiles finds it
// after the store was opened again.
func (s *Store) Stage(ctx context.Context, it Item) (st *Staged, rerr error) {
	if it.Staged != nil {
		return it.Staged, nil
	}
	if err := it.check(); err != nil {
		return nil, &ItemError{0, err}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	number, err := s.fileNumber()
	if err != nil {
		return nil, err
	}
	tmp := filepath.Join(s.tmpDir(), formatName(number, fileSuffix))
	f, err := s.fs.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	ref, err := s.writeLarge(ctx, f, number, &it)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		s.tryRemove(tmp)
		return nil, err
	}
	name := s.fileName(number)
	if err := s.fs.Rename(tmp, name); err != nil {
		s.tryRemove(tmp)
		return nil, err
	}
	if err := s.fs.SyncDir(s.filesDir()); err != nil {
		s.tryRemove(name)
		return nil, err
	}
	return &Staged{ref}, nil
}

// fileNumber returns a number for a large file. There is a file of that number
// already only if the ledger is older than the files, from a backup.
func (s *Store) fileNumber() (uint32, error) {
	for {
		number, err := s.number()
		if err != nil {
			return 0, err
		}
		if _, err := s.fs.Stat(s.fileName(number)); errors.Is(err, fs.ErrNotExist) {
			return number, nil
		} else if err != nil {
			return 0, err
		}
	}
}

// writeLarge writes a whole large file and syncs it.
func (s *Store) writeLarge(ctx context.Context, f vfs.File, number uint32, it *Item) (Ref, error) {
	rec := record{kind: kindBlob, emailID: it.EmailID, stored: it.Size, plain: it.Size, meta: it.Meta}
	// A full disk is found out before anything was copied. Where space cannot
	// be reserved, writing tells.
	_ = f.Allocate(0, fileHeaderSize+rec.size())

	buf := s.newCopy()
	defer s.copies.Put(buf)
	at := fileHeaderSize + rec.head()
	for off := int64(0); off < it.Size; {
		if err := ctx.Err(); err != nil {
			return Ref{}, err
		}
		b := buf[:min(copySize, it.Size-off)]
		if err := readFull(it.Body, b, off); err != nil {
			return Ref{}, &ItemError{0, fmt.Errorf("reading body: %w", err)}
		}
		rec.dataSum = crc32.Update(rec.dataSum, castagnoli, b)
		if _, err := f.WriteAt(b, at+off); err != nil {
			return Ref{}, fmt.Errorf("blob: writing file: %w", err)
		}
		off += int64(len(b))
	}
	h := fileHeader{magic: largeMagic, version: formatVersion, number: number, marker: s.marker}
	head := rec.append(h.append(buf[:0]), s.marker)
	if _, err := f.WriteAt(head, 0); err != nil {
		return Ref{}, fmt.Errorf("blob: writing file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return Ref{}, fmt.Errorf("blob: syncing file: %w", err)
	}
	return rec.ref(number, fileHeaderSize, true), nil
}

// Discard removes a staged blob that is not going to be put.
func (s *Store) Discard(st *Staged) {
	s.handles.drop(st.ref.number)
	s.tryRemove(s.fileName(st.ref.number))
}

// newCopy returns a buffer, to be put into s.copies after use.
func (s *Store) newCopy() *[copySize]byte {
	if b, ok := s.copies.Get().(*[copySize]byte); ok {
		return b
	}
	return new([copySize]byte)
}
