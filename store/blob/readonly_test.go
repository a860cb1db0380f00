package blob

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// files returns the content of all files below a directory.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Of a store that another process left in disorder nothing changes, until it may be written to.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	s, dir := testStore(t, Options{})
	small, large := randomBytes(1, 1000), randomBytes(2, DefaultLargeThreshold+1)
	refs := put(t, s, item(1, small), item(2, large))
	crashed := t.TempDir()
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(crashed, "tmp", "leftover"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := files(t, crashed)
	ro := reopen(t, crashed, Options{ReadOnly: true})
	check(t, ro, refs[0], small)
	check(t, ro, refs[1], large)
	ctx := context.Background()
	if _, err := ro.Put(ctx, []Item{item(3, small)}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("putting: %v", err)
	}
	if _, err := ro.Put(ctx, []Item{item(3, large)}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("putting a large one: %v", err)
	}
	if _, err := ro.Compact(ctx, Policy{Force: true}, nil, nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("compacting: %v", err)
	}
	if err := ro.VerifyAll(ctx, func(d *Damage) error { return d }); err != nil {
		t.Error(err)
	}
	if !maps.Equal(before, files(t, crashed)) {
		t.Error("files were changed")
	}

	if err := ro.SetWritable(); err != nil {
		t.Fatal(err)
	}
	later := put(t, ro, item(3, small))
	check(t, ro, refs[0], small)
	check(t, ro, later[0], small)
	if err := ro.Close(); err != nil {
		t.Error(err)
	}
	again := reopen(t, crashed, Options{})
	check(t, again, refs[1], large)
	check(t, again, later[0], small)

	// There may be nothing at all.
	empty := reopen(t, filepath.Join(t.TempDir(), "absent"), Options{ReadOnly: true})
	if l := empty.Packs(); len(l) > 0 {
		t.Errorf("packs %v", l)
	}
}

func TestOpenChecked(t *testing.T) {
	t.Parallel()
	s, dir := testStore(t, Options{})
	refs := put(t, s, item(1, randomBytes(1, 1000)), item(2, randomBytes(2, 1000)), item(3, randomBytes(3, 1000)))
	pack, size := s.Packs()[0].Path, s.Packs()[0].Size
	b, err := os.ReadFile(pack)
	if err != nil || filepath.Dir(pack) != dir {
		t.Fatal(pack, err)
	}
	b[int(refs[1].offset)+int(refs[1].head)+500] ^= 1
	if err := os.WriteFile(pack, b[:size-10], 0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, ErrCorrupt, ErrCorrupt} {
		r, err := s.OpenChecked(t.Context(), refs[i])
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("blob %d: %v, want %v", i+1, err, want)
		}
		if err == nil {
			r.Close()
		}
	}
}
