package blob

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"mox/internal/vfs"
)

// walker goes through the records of a file from front to back, over damage too.
type walker struct {
	f      vfs.File
	marker marker
	off    int64 // Of the next record.
	end    int64 // Bytes from here on are not looked at.
	window int   // How much is read at once, unless more is asked for.

	// salvage makes bytes that cannot be read count as damage. readErr is the
	// last error of such since the last step.
	salvage bool
	readErr error

	// buf holds file bytes from bufOff on.
	buf    []byte
	bufOff int64
}

// step is what a walker came across: a record, or bytes that are none.
type step struct {
	off int64
	end int64 // Where the next step begins.

	rec     record // Its meta is valid until the walker reads on.
	damaged bool   // No record, rec is not set.
	err     error  // Why it could not be read, if damaged by that.
}

// newWalker makes a walker over [off, end) that reads window bytes at a time.
func newWalker(f vfs.File, m marker, off, end int64, window int) *walker {
	return &walker{f: f, marker: m, off: off, end: end, window: window}
}

// Windows of walkers that read all and of those that only look at headers.
const (
	windowAll     = 1 << 20
	windowHeaders = 4 << 10
)

// next returns the next record or damage, io.EOF at the end. A record reaches up
// to the end of its data, which is not looked at.
func (w *walker) next() (step, error) {
	if w.off >= w.end {
		return step{}, io.EOF
	}
	rec, ok, err := w.parse(w.off)
	if err != nil {
		return step{}, err
	}
	if ok {
		s := step{off: w.off, end: w.off + rec.size(), rec: rec}
		w.off = s.end
		return s, nil
	}
	return w.skip()
}

// parse tells whether there is a record at an offset and which one.
func (w *walker) parse(off int64) (record, bool, error) {
	b, err := w.peek(off, recordHeaderSize)
	if err != nil {
		return record{}, false, err
	}
	n, err := headLength(b, w.marker)
	if err != nil {
		return record{}, false, nil
	}
	if b, err = w.peek(off, n); err != nil {
		return record{}, false, err
	}
	rec, err := parseRecord(b, w.marker)
	if err != nil || rec.size() > w.end-off {
		return record{}, false, nil
	}
	return rec, true, nil
}

// skip finds the end of damage that begins at w.off.
func (w *walker) skip() (s step, rerr error) {
	s = step{off: w.off, damaged: true}
	defer func() { s.err, w.readErr = w.readErr, nil }()
	for off := w.off; off < w.end; {
		b, err := w.ahead(off)
		if err != nil {
			return step{}, err
		}
		i := bytes.Index(b, recordMagic[:])
		if i < 0 {
			// All of b is passed but what may be the start of a magic.
			if off += int64(len(b)); off < w.end {
				off -= int64(len(recordMagic) - 1)
			}
			continue
		}
		off += int64(i)
		_, ok, err := w.parse(off)
		if err != nil {
			return step{}, err
		}
		if ok {
			s.end, w.off = off, off
			return s, nil
		}
		off++
	}
	s.end, w.off = w.end, w.end
	return s, nil
}

// verify tells whether the data of the record in s has its checksum.
func (w *walker) verify(s step) (bool, error) {
	var sum uint32
	for off := s.off + s.rec.head(); off < s.end; {
		b, err := w.peek(off, int(min(s.end-off, int64(w.window))))
		if err != nil {
			return false, err
		}
		sum = crc32.Update(sum, castagnoli, b)
		off += int64(len(b))
	}
	return sum == s.rec.dataSum, nil
}

// ahead returns the bytes from an offset on that are at hand, at least the size of
// a record header but at the end. They are valid until the next call.
func (w *walker) ahead(off int64) ([]byte, error) {
	if _, err := w.peek(off, recordHeaderSize); err != nil {
		return nil, err
	}
	return w.buf[off-w.bufOff:], nil
}

// peek returns up to n bytes at an offset, fewer at the end. They are valid until
// the next call.
func (w *walker) peek(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.end-off))
	if i := off - w.bufOff; i >= 0 && i+int64(n) <= int64(len(w.buf)) {
		return w.buf[i : i+int64(n)], nil
	}
	size := int(min(int64(max(n, w.window)), w.end-off))
	w.buf = slices.Grow(w.buf[:0], size)
	m, err := w.f.ReadAt(w.buf[:size], off)
	if m < n && w.salvage && err != nil && !errors.Is(err, io.EOF) {
		w.readErr = err
		m = w.readBlocks(w.buf[:size], off)
	}
	w.buf, w.bufOff = w.buf[:m], off
	if m < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("blob: reading at %d: %w", off, err)
	}
	return w.buf[:n], nil
}

// blockSize is how much is lost at least where a disk cannot be read.
const blockSize = 4096

// readBlocks fills b with what can be read of its blocks and zeros, and returns
// its length.
func (w *walker) readBlocks(b []byte, off int64) int {
	for i := 0; i < len(b); {
		n := min(int(blockSize-(off+int64(i))%blockSize), len(b)-i)
		if m, err := w.f.ReadAt(b[i:i+n], off+int64(i)); m < n {
			w.readErr = err
			clear(b[i+m : i+n])
		}
		i += n
	}
	return len(b)
}
