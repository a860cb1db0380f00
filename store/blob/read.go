package blob

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"

	"mox/internal/vfs"
)

// Reader reads the plain bytes of a blob. It keeps reading the same bytes also
// after the blob was deleted or moved. ReadAt may be called concurrently, Close
// once after all of them.
type Reader struct {
	hs   *handles
	h    *handle
	off  int64
	size int64
}

var _ io.ReaderAt = (*Reader)(nil)

// Open gives access to a blob. It returns ErrNotExist if there is none at ref, and
// ErrEncoding if it cannot be read. The data is not checked, see OpenChecked, Verify
// and ReadAll.
func (s *Store) Open(ref Ref) (*Reader, error) {
	h, err := s.handle(ref)
	if err != nil {
		return nil, err
	}
	return &Reader{hs: s.handles, h: h, off: int64(ref.offset) + int64(ref.head), size: ref.plain}, nil
}

// OpenChecked is Open for data that is to be used by somebody: that of a blob in a pack was compared with its checksum
// when it returns, else ErrCorrupt is returned. Large ones are not read ahead.
func (s *Store) OpenChecked(ctx context.Context, ref Ref) (*Reader, error) {
	r, err := s.Open(ref)
	if err != nil || ref.file {
		return r, err
	}
	if err := s.Verify(ctx, ref); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// handle returns the open file that ref is in.
func (s *Store) handle(ref Ref) (*handle, error) {
	if ref.IsZero() {
		return nil, ErrNotExist
	}
	if ref.enc != Plain || ref.keyID != 0 {
		return nil, ErrEncoding
	}
	h, err := s.handles.get(ref.number, func() (vfs.File, error) {
		if ref.file {
			if s.isRemoved(ref.number) {
				return nil, fs.ErrNotExist
			}
			return s.fs.OpenFile(s.fileName(ref.number), os.O_RDONLY, 0)
		}
		return s.fs.OpenFile(s.packName(ref.number), os.O_RDONLY, 0)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %v", ErrNotExist, ref)
	}
	return h, err
}

// Size returns the number of bytes of the blob.
func (r *Reader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt. It returns an error that is ErrCorrupt if the
// file ends before the blob does.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("blob: negative offset")
	}
	if off >= r.size {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > r.size-off {
		p, end = p[:r.size-off], io.EOF
	}
	n, err := r.h.file.ReadAt(p, r.off+off)
	if n == len(p) {
		return n, end
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, io.ErrUnexpectedEOF)
	}
	return n, err
}

// Close ends reading.
func (r *Reader) Close() error {
	if r.h == nil {
		return ErrClosed
	}
	r.hs.put(r.h)
	r.h = nil
	return nil
}

// checkAlloc is the size above which memory is only allocated after the file was
// found to have as much.
const checkAlloc = 1 << 20

// ReadAll reads a whole blob into buf, or into a new slice if that is too short,
// and returns it. Unlike a Reader it checks the data: it returns ErrCorrupt if
// that is not what was put. It is meant for blobs that are not large.
func (s *Store) ReadAll(ref Ref, buf []byte) ([]byte, error) {
	h, err := s.handle(ref)
	if err != nil {
		return nil, err
	}
	defer s.handles.put(h)
	if ref.record() > checkAlloc {
		size, err := h.file.Size()
		if err != nil {
			return nil, err
		}
		if int64(ref.offset)+ref.record() > size {
			return nil, fmt.Errorf("%w: %v: %w", ErrCorrupt, ref, io.ErrUnexpectedEOF)
		}
	}
	// Header and data in one read, then the data moves to the front.
	buf = slices.Grow(buf[:0], int(ref.record()))[:ref.record()]
	if n, err := h.file.ReadAt(buf, int64(ref.offset)); n < len(buf) {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %v: %w", ErrCorrupt, ref, io.ErrUnexpectedEOF)
		}
		return nil, err
	}
	rec, err := parseRecord(buf, s.marker)
	data := buf[ref.head:]
	if err != nil || !rec.matches(ref) || crc32.Checksum(data, castagnoli) != rec.dataSum {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, ref)
	}
	return buf[:copy(buf, data)], nil
}
