package blob

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
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
