package blob

import (
	"fmt"
	"sync"
	"testing"
)

// benchStore opens a store in a temporary directory on disk.
func benchStore(b *testing.B) *Store {
	b.Helper()
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

func benchBatch(first int64, n, size int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = item(first+int64(i), randomBytes(first+int64(i), size))
		items[i].Meta = make([]byte, 60)
	}
	return items
}

// BenchmarkPut appends batches of messages of 8 KB, each batch with its sync.
func BenchmarkPut(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			s := benchStore(b)
			items := benchBatch(1, n, 8<<10)
			b.SetBytes(int64(n) * 8 << 10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Put(b.Context(), items); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/message")
		})
	}
}

// BenchmarkStage writes messages of 1 MB to files of their own.
func BenchmarkStage(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("parallel=%d", n), func(b *testing.B) {
			s := benchStore(b)
			items := benchBatch(1, n, 1<<20)
			b.SetBytes(int64(n) << 20)
			b.ReportAllocs()
			for b.Loop() {
				var wg sync.WaitGroup
				for i := range items {
					wg.Go(func() {
						if _, err := s.Stage(b.Context(), items[i]); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
			}
		})
	}
}

func BenchmarkReadAll(b *testing.B) {
	s := benchStore(b)
	refs, err := s.Put(b.Context(), benchBatch(1, 100, 8<<10))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(8 << 10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var buf []byte
		for i := 0; pb.Next(); i++ {
			var err error
			if buf, err = s.ReadAll(refs[i%len(refs)], buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkOpenAndRead(b *testing.B) {
	s := benchStore(b)
	refs, err := s.Put(b.Context(), benchBatch(1, 100, 8<<10))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(8 << 10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		buf := make([]byte, 8<<10)
		for i := 0; pb.Next(); i++ {
			r, err := s.Open(refs[i%len(refs)])
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := r.ReadAt(buf, 0); err != nil {
				b.Error(err)
			}
			if err := r.Close(); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkOpenStore opens and closes a store with a thousand messages.
func BenchmarkOpenStore(b *testing.B) {
	for _, clean := range []bool{true, false} {
		b.Run(fmt.Sprintf("clean=%t", clean), func(b *testing.B) {
			dir := b.TempDir()
			s, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Put(b.Context(), benchBatch(1, 1000, 8<<10)); err != nil {
				b.Fatal(err)
			}
			if clean {
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				s, err := Open(dir, Options{})
				if err != nil {
					b.Fatal(err)
				}
				if !clean {
					continue // Without Close the next one finds it unclean, too.
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	s := benchStore(b)
	if _, err := s.Put(b.Context(), benchBatch(1, 2000, 8<<10)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(2000 * 8 << 10)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := s.Scan(b.Context(), func(Record) error { n++; return nil }, func(d *Damage) error { return d })
		if err != nil || n != 2000 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkParseRef(b *testing.B) {
	ref := Ref{number: 1234, offset: 34567890, head: 120, plain: 8123, stored: 8123}
	wire, err := ref.AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		got, err := ParseRef(wire)
		if err != nil || got != ref {
			b.Fatal(got, err)
		}
		wire, _ = got.AppendBinary(wire[:0])
	}
}
