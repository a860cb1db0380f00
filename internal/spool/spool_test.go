package spool

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"
)

// pattern returns n bytes in which each place can be told from its neighbours.
func pattern(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		size, memory int64
		piece        int
		file         bool
	}{
		{"empty", 0, 100, 1, false},
		{"one byte", 1, 100, 1, false},
		{"up to the limit", 100, 100, 7, false},
		{"past the limit", 101, 100, 7, true},
		{"several chunks", 5*chunkSize + 3, 10 * chunkSize, 1000, false},
		{"whole chunks", 2 * chunkSize, 2 * chunkSize, chunkSize, false},
		{"several chunks, then file", 5*chunkSize + 3, 2*chunkSize + 100, 1000, true},
		{"default", DefaultMemory, 0, 4096, false},
		{"past the default", DefaultMemory + 1, 0, 4096, true},
		{"always a file", 1, -1, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := pattern(int(tt.size))
			b := New(t.TempDir(), tt.memory)
			defer b.Close()
			for p := range chunked(want, tt.piece) {
				if n, err := b.Write(p); err != nil || n != len(p) {
					t.Fatalf("Write: %d, %v", n, err)
				}
			}
			if b.Size() != tt.size {
				t.Fatalf("Size() = %d, want %d", b.Size(), tt.size)
			}
			if (b.file != nil) != tt.file {
				t.Fatalf("file: %v, want %v", b.file != nil, tt.file)
			}
			if err := iotest.TestReader(io.NewSectionReader(b, 0, b.Size()), want); err != nil {
				t.Fatal(err)
			}
			if n, err := b.ReadAt(make([]byte, 1), tt.size+10); n != 0 || err != io.EOF {
				t.Fatalf("ReadAt past the end: %d, %v", n, err)
			}
			if _, err := b.ReadAt(make([]byte, 1), -1); err == nil {
				t.Fatal("negative offset read")
			}
		})
	}
}

func chunked(p []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(p) > 0 {
			m := min(n, len(p))
			if !yield(p[:m]) {
				return
			}
			p = p[m:]
		}
	}
}

func TestConcurrentReaders(t *testing.T) {
	t.Parallel()
	want := pattern(100_000)
	for _, memory := range []int64{-1, 200_000} {
		b := New(t.TempDir(), memory)
		defer b.Close()
		b.Write(want)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				got, err := io.ReadAll(io.NewSectionReader(b, int64(i), b.Size()))
				if err != nil || !bytes.Equal(got, want[i:]) {
					t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
				}
			})
		}
		wg.Wait()
	}
}

func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := New(dir, 10)
	b.Write(pattern(1000))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
	if l, _ := os.ReadDir(dir); len(l) != 0 {
		t.Fatalf("files left: %v", l)
	}
	if _, err := b.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("ReadAt after Close: %v", err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("Write after Close: %v", err)
	}
}

func TestFileFails(t *testing.T) {
	t.Parallel()
	b := New(filepath.Join(t.TempDir(), "missing"), 10)
	defer b.Close()
	if _, err := b.Write(pattern(10)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write(pattern(1)); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	if _, err := b.Write(nil); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a later write hides the failure: %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	p := pattern(32 << 10)
	dir := b.TempDir()
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		s := New(dir, 0)
		s.Write(p)
		s.Close()
	}
}
