package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"mox/internal/vfs"
)

// testStore opens a store in a directory of its own.
func testStore(t *testing.T, opts Options) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	return reopen(t, dir, opts), dir
}

func reopen(t *testing.T, dir string, opts Options) *Store {
	t.Helper()
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

// randomBytes returns n bytes that depend on seed.
func randomBytes(seed int64, n int) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	src.Read(b)
	return b
}

func item(id int64, body []byte) Item {
	return Item{EmailID: id, Meta: []byte("meta"), Body: bytes.NewReader(body), Size: int64(len(body))}
}

func put(t *testing.T, s *Store, items ...Item) []Ref {
	t.Helper()
	refs, err := s.Put(t.Context(), items)
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func check(t *testing.T, s *Store, ref Ref, want []byte) {
	t.Helper()
	got, err := s.ReadAll(ref, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%v: got %d bytes that are not the %d put", ref, len(got), len(want))
	}
}

func TestPutAndReadSurvivesReopen(t *testing.T) {
	t.Parallel()
	s, dir := testStore(t, Options{LargeThreshold: 1000, MaxPackSize: 4000})
	bodies := map[int64][]byte{}
	refs := map[int64]Ref{}
	id := int64(0)
	for batch := range 10 {
		var items []Item
		for _, n := range []int{0, 1, 500, 1000, 1001, 5000} {
			id++
			bodies[id] = randomBytes(id, n+batch)
			items = append(items, item(id, bodies[id]))
		}
		for i, ref := range put(t, s, items...) {
			refs[items[i].EmailID] = ref
		}
	}
	for range 2 {
		for id, ref := range refs {
			check(t, s, ref, bodies[id])
			if err := s.Verify(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = reopen(t, dir, Options{LargeThreshold: 1000, MaxPackSize: 4000})
		if s.Unclean() {
			t.Fatal("store is unclean after Close")
		}
	}
}

func TestPutRefusesBadItems(t *testing.T) {
	t.Parallel()
	s := reopen(t, crashDir, crashOptions(newDisk(t)))
	errBody := errors.New("body failed")
	for name, tc := range map[string]struct {
		item Item
		err  error
	}{
		"meta too long":        {Item{EmailID: 2, Meta: make([]byte, MaxMeta+1), Body: strings.NewReader("x"), Size: 1}, nil},
		"negative size":        {Item{EmailID: 2, Body: strings.NewReader("x"), Size: -1}, nil},
		"no body":              {Item{EmailID: 2, Size: 1}, nil},
		"body too short":       {Item{EmailID: 2, Body: strings.NewReader("x"), Size: 2}, io.ErrUnexpectedEOF},
		"large body too short": {Item{EmailID: 2, Body: strings.NewReader("x"), Size: 2000}, io.ErrUnexpectedEOF},
		"body fails":           {Item{EmailID: 2, Body: failingReader{errBody}, Size: 2}, errBody},
		"large body fails":     {Item{EmailID: 2, Body: failingReader{errBody}, Size: 2000}, errBody},
	} {
		_, err := s.Put(t.Context(), []Item{item(1, []byte("good")), item(3, randomBytes(3, 800)), tc.item})
		var ierr *ItemError
		if !errors.As(err, &ierr) || ierr.Index != 2 || tc.err != nil && !errors.Is(err, tc.err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, []Item{item(1, []byte("good"))}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if refs, err := s.Put(t.Context(), nil); err != nil || len(refs) != 0 {
		t.Errorf("nothing: %v, %v", refs, err)
	}
	whole, corrupt, damages := scan(t, s)
	if len(whole)+len(corrupt)+len(damages) != 0 {
		t.Errorf("refused batches left %v, %v, %v", whole, corrupt, damages)
	}
}

// failingReader is a body that cannot be read.
type failingReader struct{ err error }

func (r failingReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }

func TestClosedStoreRefuses(t *testing.T) {
	t.Parallel()
	s := reopen(t, crashDir, crashOptions(newDisk(t)))
	ref := put(t, s, item(1, []byte("x")))[0]
	r, err := s.Open(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := newDatabase()
	for name, err := range map[string]error{
		"Close":   s.Close(),
		"Put":     second(s.Put(t.Context(), []Item{item(2, []byte("x"))})),
		"Stage":   second(s.Stage(t.Context(), item(2, []byte("x")))),
		"Open":    second(s.Open(ref)),
		"ReadAll": second(s.ReadAll(ref, nil)),
		"Delete":  s.Delete(t.Context(), []Deletion{{1, ref}}),
		"Compact": second(s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved)),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := r.ReadAt(make([]byte, 1), 0); n != 1 || err != nil {
		t.Errorf("open reader: %d, %v", n, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("closing a reader again: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{
		{MaxPackSize: -1}, {MaxPackSize: 1<<30 + 1}, {LargeThreshold: -1}, {LargeThreshold: 16<<20 + 1}, {MaxOpenFiles: -1},
	} {
		opts.FS = newDisk(t)
		if _, err := Open(crashDir, opts); err == nil {
			t.Errorf("%+v were accepted", opts)
		}
	}
}

func TestOpenRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := reopen(t, crashDir, crashOptions(newDisk(t)))
	refs := put(t, s, item(1, randomBytes(1, 100)), item(2, randomBytes(2, 900)))
	small, large := refs[0], refs[1]
	change := func(ref Ref, f func(*Ref)) Ref { f(&ref); return ref }
	for name, tc := range map[string]struct {
		ref Ref
		err error
	}{
		"zero":           {Ref{}, ErrNotExist},
		"other pack":     {change(small, func(r *Ref) { r.number = 77 }), ErrNotExist},
		"other file":     {change(large, func(r *Ref) { r.number = 77 }), ErrNotExist},
		"compressed":     {change(small, func(r *Ref) { r.enc = 1 }), ErrEncoding},
		"with a key":     {change(small, func(r *Ref) { r.keyID = 1 }), ErrEncoding},
		"other offset":   {change(small, func(r *Ref) { r.offset++ }), ErrCorrupt},
		"behind the end": {change(small, func(r *Ref) { r.offset += 10000 }), ErrCorrupt},
		"longer":         {change(small, func(r *Ref) { r.plain, r.stored = 101, 101 }), ErrCorrupt},
		"shorter":        {change(small, func(r *Ref) { r.plain, r.stored = 99, 99 }), ErrCorrupt},
		"much longer":    {change(large, func(r *Ref) { r.plain, r.stored = 1<<60, 1<<60 }), ErrCorrupt},
		"other head":     {change(small, func(r *Ref) { r.head++ }), ErrCorrupt},
	} {
		if _, err := s.ReadAll(tc.ref, nil); !errors.Is(err, tc.err) {
			t.Errorf("%s: reading: %v", name, err)
		}
		if err := s.Verify(t.Context(), tc.ref); !errors.Is(err, tc.err) {
			t.Errorf("%s: verifying: %v", name, err)
		}
	}
	r, err := s.Open(change(large, func(r *Ref) { r.plain, r.stored = 1000, 1000 }))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.ReadAt(make([]byte, 1000), 0); n != 900 || !errors.Is(err, ErrCorrupt) {
		t.Errorf("reading a cut file: %d, %v", n, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestReaderIsAReaderAt(t *testing.T) {
	t.Parallel()
	s := reopen(t, crashDir, crashOptions(newDisk(t)))
	for i, ref := range put(t, s, item(1, nil), item(2, randomBytes(2, 100)), item(3, randomBytes(3, 900)), item(4, randomBytes(4, 50))) {
		want := randomBytes(int64(i+1), int(ref.Size()))
		r, err := s.Open(ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), want); err != nil {
			t.Errorf("email %d: %v", i+1, err)
		}
		if _, err := r.ReadAt(make([]byte, 1), -1); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("before the start: %v", err)
		}
		if n, err := r.ReadAt(make([]byte, 1), r.Size()); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestReadAllReusesBuffer(t *testing.T) {
	t.Parallel()
	s := reopen(t, crashDir, crashOptions(newDisk(t)))
	refs := put(t, s, item(1, randomBytes(1, 500)), item(2, randomBytes(2, 400)))
	buf, err := s.ReadAll(refs[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.ReadAll(refs[1], buf)
	if err != nil || &again[0] != &buf[0] || !bytes.Equal(again, randomBytes(2, 400)) {
		t.Errorf("got %d bytes, %v", len(again), err)
	}
}

func TestLargeBlobsHaveFilesOfTheirOwn(t *testing.T) {
	t.Parallel()
	fsys := newDisk(t)
	s := reopen(t, crashDir, crashOptions(fsys))
	names := func() (names []string) {
		entries, err := fsys.ReadDir(s.filesDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	if s.Large(700) || !s.Large(701) {
		t.Error("threshold is not 700")
	}
	staged, err := s.Stage(t.Context(), item(1, randomBytes(1, 701)))
	if err != nil {
		t.Fatal(err)
	}
	discarded, err := s.Stage(t.Context(), item(2, randomBytes(2, 10)))
	if err != nil {
		t.Fatal(err)
	}
	s.Discard(discarded)
	refs := put(t, s, Item{Staged: staged}, item(3, randomBytes(3, 700)), item(4, randomBytes(4, 5000)))
	if refs[0] != staged.Ref() || len(names()) != 2 {
		t.Errorf("refs %v, files %v", refs, names())
	}
	for i, ref := range refs {
		check(t, s, ref, randomBytes([]int64{1, 3, 4}[i], []int{701, 700, 5000}[i]))
	}
	for range 2 {
		if err := s.Delete(t.Context(), []Deletion{{1, refs[0]}, {4, refs[2]}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(names()) != 0 {
		t.Errorf("files %v after deleting", names())
	}
	if _, err := s.ReadAll(refs[0], nil); !errors.Is(err, ErrNotExist) {
		t.Errorf("reading what was deleted: %v", err)
	}
}

func TestSweepSparesThisSession(t *testing.T) {
	t.Parallel()
	fsys := newDisk(t)
	s := reopen(t, crashDir, crashOptions(fsys))
	db := newDatabase()
	stage := func(id int64) Ref {
		st, err := s.Stage(t.Context(), item(id, randomBytes(id, 900)))
		if err != nil {
			t.Fatal(err)
		}
		return st.Ref()
	}
	orphan := stage(1)
	db.set(2, stage(2))
	// The process ends without Close.
	s = reopen(t, crashDir, crashOptions(fsys))
	if !s.Unclean() {
		t.Error("store is clean after a crash")
	}
	waiting := stage(3)
	if n, err := s.SweepFiles(t.Context(), db.live); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if err := s.Verify(t.Context(), orphan); !errors.Is(err, ErrNotExist) {
		t.Errorf("orphan: %v", err)
	}
	for _, ref := range []Ref{db.refs[2], waiting} {
		if err := s.Verify(t.Context(), ref); err != nil {
			t.Errorf("%v: %v", ref, err)
		}
	}
	errDatabase := errors.New("database failed")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, crashDir, crashOptions(fsys))
	if s.Unclean() {
		t.Error("store is unclean after Close")
	}
	n, err := s.SweepFiles(t.Context(), func(context.Context, []Located) ([]bool, error) { return nil, errDatabase })
	if n != 0 || !errors.Is(err, errDatabase) {
		t.Errorf("swept %d, %v", n, err)
	}
}

func TestDeadBytesAreCounted(t *testing.T) {
	t.Parallel()
	fsys := newDisk(t)
	s := reopen(t, crashDir, crashOptions(fsys))
	var refs []Ref
	for id := int64(1); id <= 20; id++ {
		refs = append(refs, put(t, s, item(id, randomBytes(id, packed)))...)
	}
	dead := func() int64 { return s.Packs()[0].Dead }
	if dead() != 0 {
		t.Fatalf("%d bytes dead", dead())
	}
	gone := []Deletion{{1, refs[0]}, {2, refs[1]}, {12, refs[11]}}
	if err := s.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	want := refs[0].record() + refs[1].record()
	if dead() != want {
		t.Fatalf("%d bytes dead, want %d", dead(), want)
	}
	put(t, s, item(21, []byte("x")))
	for _, clean := range []bool{false, true, true} {
		if clean {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s = reopen(t, crashDir, crashOptions(fsys))
		if dead() != want {
			t.Errorf("%d bytes dead after opening again, want %d", dead(), want)
		}
	}
}

func TestFewFilesStayOpen(t *testing.T) {
	t.Parallel()
	fsys := &openCounter{FS: newDisk(t)}
	opts := crashOptions(fsys)
	opts.MaxOpenFiles = 3
	s := reopen(t, crashDir, opts)
	var refs []Ref
	for id := int64(1); id <= 10; id++ {
		refs = append(refs, put(t, s, item(id, randomBytes(id, 900)))...)
	}
	for range 3 {
		for i, ref := range refs {
			check(t, s, ref, randomBytes(int64(i+1), 900))
		}
	}
	if n := fsys.open.Load(); n > 3 {
		t.Errorf("%d files are open", n)
	}
	opened := fsys.opened.Load()
	for range 10 {
		check(t, s, refs[9], randomBytes(10, 900))
	}
	if fsys.opened.Load() != opened {
		t.Error("a file in use is opened again")
	}
	var readers []*Reader
	for _, ref := range refs {
		r, err := s.Open(ref)
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	if err := s.Delete(t.Context(), []Deletion{{1, refs[0]}}); err != nil {
		t.Fatal(err)
	}
	for _, r := range readers {
		if n, err := r.ReadAt(make([]byte, 900), 0); n != 900 {
			t.Errorf("read %d, %v", n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := fsys.open.Load(); n != 0 {
		t.Errorf("%d files are open after Close", n)
	}
}

// openCounter counts open files.
type openCounter struct {
	vfs.FS
	open, opened atomic.Int64
}

func (c *openCounter) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	c.opened.Add(1)
	return &countedFile{f, c}, nil
}

type countedFile struct {
	vfs.File
	c *openCounter
}

func (f *countedFile) Close() error {
	f.c.open.Add(-1)
	return f.File.Close()
}
