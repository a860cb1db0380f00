package blob

import (
	"context"
	"fmt"
	"hash/crc32"
)

// Verify reads a blob and returns nil if it is what was put, ErrCorrupt if it is
// not, ErrNotExist if there is none.
func (s *Store) Verify(ctx context.Context, ref Ref) error {
	h, err := s.handle(ref)
	if err != nil {
		return err
	}
	defer s.handles.put(h)
	size, err := h.file.Size()
	if err != nil {
		return err
	}
	if int64(ref.offset)+ref.record() > size {
		return fmt.Errorf("%w: %v: file is too short", ErrCorrupt, ref)
	}
	buf := s.newCopy()
	defer s.copies.Put(buf)
	head := buf[:ref.head]
	if err := readFull(h.file, head, int64(ref.offset)); err != nil {
		return err
	}
	rec, err := parseRecord(head, s.marker)
	if err != nil || !rec.matches(ref) {
		return fmt.Errorf("%w: %v: header", ErrCorrupt, ref)
	}
	want := rec.dataSum
	var sum uint32
	for off := int64(0); off < ref.stored; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(copySize, ref.stored-off)]
		if err := readFull(h.file, b, int64(ref.offset)+int64(ref.head)+off); err != nil {
			return err
		}
		sum = crc32.Update(sum, castagnoli, b)
		off += int64(len(b))
	}
	if sum != want {
		return fmt.Errorf("%w: %v: data", ErrCorrupt, ref)
	}
	return nil
}

// VerifyAll reads the whole store and calls damaged for all that is not what was
// put, deleted blobs excepted. It stops at the first error from damaged and
// returns it.
func (s *Store) VerifyAll(ctx context.Context, damaged func(*Damage) error) error {
	return s.Scan(ctx, func(r Record) error {
		if !r.Corrupt || r.Deleted {
			return nil
		}
		path := s.packName(r.Ref.number)
		if r.Ref.file {
			path = s.fileName(r.Ref.number)
		}
		return damaged(&Damage{Path: path, Offset: int64(r.Ref.offset), Length: r.Ref.record()})
	}, damaged)
}
