package blob

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/memfs"
)

var testMarker = marker{1, 2, 3, 4, 5, 6, 7, 8}

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	for _, rec := range []record{
		{kind: kindBlob, emailID: -5, stored: 10, plain: 10, dataSum: 7, synced: 64, meta: []byte("meta")},
		{kind: kindBlob, enc: 3, keyID: 9, emailID: 1 << 62, stored: 5, plain: 1 << 40, meta: make([]byte, MaxMeta)},
		{kind: kindTombstone, emailID: 1, meta: []byte("x")},
		{kind: kindSeal, meta: []byte{}},
	} {
		b := rec.append([]byte("before"), testMarker)[6:]
		got, err := parseRecord(append(b, "behind"...), testMarker)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.meta, rec.meta) {
			t.Errorf("meta %q, want %q", got.meta, rec.meta)
		}
		got.meta, rec.meta = nil, nil
		if got.kind != rec.kind || got.enc != rec.enc || got.emailID != rec.emailID || got.stored != rec.stored || got.plain != rec.plain ||
			got.keyID != rec.keyID || got.dataSum != rec.dataSum || got.synced != rec.synced {
			t.Errorf("got %+v, want %+v", got, rec)
		}
	}
}

func TestParseRecordRefusesAnyChange(t *testing.T) {
	t.Parallel()
	rec := record{kind: kindBlob, emailID: 5, stored: 10, plain: 10, meta: []byte("meta")}
	b := rec.append(nil, testMarker)
	for i := range b {
		for _, flip := range []byte{1, 0x80} {
			c := bytes.Clone(b)
			c[i] ^= flip
			if _, err := parseRecord(c, testMarker); err == nil {
				t.Errorf("byte %d changed, and parsed", i)
			}
		}
	}
	for n := range b {
		if _, err := parseRecord(b[:n], testMarker); err == nil {
			t.Errorf("%d bytes parsed", n)
		}
	}
	if _, err := parseRecord(b, marker{}); err == nil {
		t.Error("record of another store parsed")
	}
	rec.stored = -1
	if _, err := parseRecord(rec.append(nil, testMarker), testMarker); err == nil {
		t.Error("negative length parsed")
	}
}

func TestParseFileHeaderRefuses(t *testing.T) {
	t.Parallel()
	h := fileHeader{magic: packMagic, version: formatVersion, number: 9, marker: testMarker}
	b := h.append(nil)
	if got, err := parseFileHeader(b, packMagic); err != nil || got != h {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseFileHeader(b, largeMagic); !errors.Is(err, errFileHeader) {
		t.Errorf("other kind of file: %v", err)
	}
	if _, err := parseFileHeader(b[:63], packMagic); !errors.Is(err, errFileHeader) {
		t.Errorf("cut: %v", err)
	}
	h.version++
	if _, err := parseFileHeader(h.append(nil), packMagic); !errors.Is(err, ErrVersion) {
		t.Errorf("newer version: %v", err)
	}
}

func FuzzParseRecord(f *testing.F) {
	for _, rec := range []record{
		{kind: kindBlob, emailID: 5, stored: 10, plain: 10, meta: []byte("meta")},
		{kind: kindTombstone, emailID: 5, meta: []byte{0, 1, 64, 64, 0}},
		{kind: kindSeal, synced: 1000},
	} {
		f.Add(rec.append(nil, testMarker))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= recordHeaderSize {
			// Let the fuzzer get past the checksum.
			if n, err := headLength(b, testMarker); err == nil && n <= len(b) {
				setHeaderSum(b[:n])
			}
		}
		rec, err := parseRecord(b, testMarker)
		if err != nil {
			return
		}
		again := rec.append(nil, testMarker)
		b[6], b[7] = 0, 0 // Not used.
		setHeaderSum(b[:rec.head()])
		if !bytes.Equal(again, b[:rec.head()]) {
			t.Fatalf("got %x back from %x", again, b)
		}
	})
}

// memFile returns an open file in memory.
func memFile(tb testing.TB, data []byte) vfs.File {
	tb.Helper()
	m := memfs.New()
	f, err := m.OpenFile("/x", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		tb.Fatal(err)
	}
	return f
}

// FuzzWalk checks that a walker gets over anything, covers all of it, and comes
// to the same with small and large windows.
func FuzzWalk(f *testing.F) {
	var good []byte
	for i := range 3 {
		data := bytes.Repeat([]byte{byte(i)}, 20*i)
		rec := record{kind: kindBlob, emailID: int64(i), stored: int64(len(data)), plain: int64(len(data))}
		good = append(rec.append(good, testMarker), data...)
	}
	f.Add(good, []byte{}, []byte{})
	f.Add(good[:100], []byte("damage"), good)
	f.Add([]byte("\xa7mxr"), good, []byte("\xa7mx"))
	f.Add(bytes.Repeat([]byte{0xa7}, 5000), good, good)
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		data := append(append(bytes.Clone(a), b...), c...)
		var first []step
		for round, window := range []int{1 << 20, 70} {
			w := newWalker(memFile(t, data), testMarker, 0, int64(len(data)), window)
			var steps []step
			at := int64(0)
			for {
				st, err := w.next()
				if errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if st.off != at || st.end <= st.off {
					t.Fatalf("step from %d to %d at %d", st.off, st.end, at)
				}
				at = st.end
				if _, err := w.verify(st); !st.damaged && err != nil {
					t.Fatal(err)
				}
				st.rec.meta = nil
				steps = append(steps, st)
			}
			if at != int64(len(data)) {
				t.Fatalf("ended at %d of %d", at, len(data))
			}
			if round == 0 {
				first = steps
				continue
			}
			if len(steps) != len(first) {
				t.Fatalf("%d steps with a small window, %d with a large one", len(steps), len(first))
			}
			for i := range steps {
				if steps[i].off != first[i].off || steps[i].damaged != first[i].damaged {
					t.Fatalf("step %d differs: %+v, %+v", i, steps[i], first[i])
				}
			}
		}
	})
}
