// Package spool holds bytes between their arrival and the moment somebody keeps them for
// good: in memory up to a limit, in a temporary file beyond. Nothing in a spool is meant to
// survive the process.
package spool

import (
	"errors"
	"io"
	"os"
	"sync"
)

// DefaultMemory is how many bytes a Buffer keeps in memory when New is given zero.
const DefaultMemory = 256 << 10

const chunkSize = 16 << 10

var chunkPool = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// Buffer is a growing sequence of bytes. Write is for one goroutine; once writing is over,
// ReadAt and Size are safe for concurrent use until Close. The zero Buffer is not usable.
type Buffer struct {
	dir    string
	memory int64

	size   int64
	chunks []*[chunkSize]byte // All bytes, while file is nil.
	file   *os.File
	linked bool // The file still has a name.
	closed bool
	err    error // First failure of Write; further ones would leave a hole.
}

var (
	_ io.Writer   = (*Buffer)(nil)
	_ io.ReaderAt = (*Buffer)(nil)
	_ io.Closer   = (*Buffer)(nil)
)

// New returns an empty Buffer. A temporary file is made in dir (os.TempDir if empty) when
// more than memory bytes are written; zero means DefaultMemory, less means always a file.
// The caller must Close the Buffer.
func New(dir string, memory int64) *Buffer {
	if memory == 0 {
		memory = DefaultMemory
	}
	return &Buffer{dir: dir, memory: memory}
}

// Write appends p. After an error, which is about the temporary file, the Buffer takes
// nothing more and returns the same error.
func (b *Buffer) Write(p []byte) (int, error) {
	if b.closed {
		return 0, os.ErrClosed
	}
	if b.err != nil {
		return 0, b.err
	}
	if b.file == nil && b.size+int64(len(p)) <= b.memory {
		b.append(p)
		return len(p), nil
	}
	if b.file == nil {
		if b.err = b.spill(); b.err != nil {
			return 0, b.err
		}
	}
	n, err := b.file.Write(p)
	b.size += int64(n)
	b.err = err
	return n, err
}

// append copies p to memory.
func (b *Buffer) append(p []byte) {
	for len(p) > 0 {
		off := int(b.size % chunkSize)
		if off == 0 {
			b.chunks = append(b.chunks, chunkPool.Get().(*[chunkSize]byte))
		}
		n := copy(b.chunks[len(b.chunks)-1][off:], p)
		b.size += int64(n)
		p = p[n:]
	}
}

// spill moves what is in memory to a temporary file.
func (b *Buffer) spill() error {
	f, err := os.CreateTemp(b.dir, "spool-")
	if err != nil {
		return err
	}
	b.file = f
	// Without a name the file goes with the process, however that ends. Where an open file
	// cannot be removed Close does it.
	b.linked = os.Remove(f.Name()) != nil
	left := b.size
	for _, c := range b.chunks {
		n := min(left, chunkSize)
		if _, err := f.Write(c[:n]); err != nil {
			return err
		}
		left -= n
	}
	b.release()
	return nil
}

func (b *Buffer) release() {
	for _, c := range b.chunks {
		chunkPool.Put(c)
	}
	b.chunks = nil
}

// Size returns how many bytes were written.
func (b *Buffer) Size() int64 { return b.size }

// ReadAt implements io.ReaderAt.
func (b *Buffer) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case b.closed:
		return 0, os.ErrClosed
	case off < 0:
		return 0, errors.New("spool: negative offset")
	case b.file != nil:
		return b.file.ReadAt(p, off)
	}
	n := 0
	for n < len(p) && off < b.size {
		i := off % chunkSize
		end := min(chunkSize, i+b.size-off)
		m := copy(p[n:], b.chunks[off/chunkSize][i:end])
		n += m
		off += int64(m)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close frees the memory and removes the file. Calls after the first do nothing.
func (b *Buffer) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	b.release()
	if b.file == nil {
		return nil
	}
	err := b.file.Close()
	if b.linked {
		err = errors.Join(err, os.Remove(b.file.Name()))
	}
	return err
}
