package blob

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What a snapshot has is not what was put, deleted or compacted since, and all of it can be linked.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := Options{MaxPackSize: 6000, LargeThreshold: 5000}
	s := reopen(t, dir, opts)
	db := newDatabase()
	for id := range int64(41) {
		db.set(id+1, put(t, s, item(id+1, randomBytes(id+1, packed)))[0])
	}
	db.set(100, put(t, s, item(100, randomBytes(100, 10_000)))[0])
	db.set(101, put(t, s, item(101, randomBytes(101, 10_000)))[0])
	want := db.clone()

	sn, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	// Packs whose content moves on, a large file that goes, and what is new.
	remove(t, s, db, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 41, 100)
	if _, err := s.Open(want.refs[100]); !errors.Is(err, ErrNotExist) {
		t.Errorf("opening a large blob that was deleted: %v", err)
	}
	if _, err := s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved); err != nil {
		t.Fatal(err)
	}
	for id := range int64(30) {
		db.set(200+id, put(t, s, item(200+id, randomBytes(200+id, packed)))[0])
	}
	db.set(300, put(t, s, item(300, randomBytes(300, 10_000)))[0])
	checkBodies(t, s, &database{refs: restrict(db, 200)}, packed)
	copied := filepath.Join(t.TempDir(), "blobs")
	bytes := int64(0)
	if err := sn.Link(t.Context(), copied, func(n int64) { bytes += n }); err != nil {
		t.Fatal(err)
	}
	if bytes < sn.Size()+20_000 {
		t.Errorf("told of %d bytes, packs have %d", bytes, sn.Size())
	}
	sn.Release()
	sn.Release()

	// What was kept for the snapshot goes.
	if _, err := os.Stat(s.fileName(want.refs[100].number)); err == nil {
		t.Error("a large file that was deleted is left")
	}
	if c, err := s.Compact(t.Context(), Policy{}, db.live, db.moved); err != nil || c.Packs == 0 {
		t.Errorf("compaction after the snapshot: %+v, %v", c, err)
	}

	for _, readOnly := range []bool{true, false} {
		o := opts
		o.ReadOnly = readOnly
		b := reopen(t, copied, o)
		for id, ref := range want.refs {
			size := packed
			if id >= 100 {
				size = 10_000
			}
			check(t, b, ref, randomBytes(id, size))
		}
		if err := b.VerifyAll(t.Context(), func(d *Damage) error { return d }); err != nil {
			t.Error(err)
		}
		if readOnly {
			continue
		}
		// Both can be used from now on: neither writes to bytes of the other.
		put(t, b, item(1000, randomBytes(1000, packed)))
		put(t, s, item(1001, randomBytes(1001, packed)))
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	checkBodies(t, s, &database{refs: restrict(db, 200)}, packed)
	if err := s.VerifyAll(t.Context(), func(d *Damage) error { return d }); err != nil {
		t.Error(err)
	}
}

// restrict returns the references of emails below an id.
func restrict(db *database, below int64) map[int64]Ref {
	refs := map[int64]Ref{}
	for id, ref := range db.refs {
		if id < below && id != 101 {
			refs[id] = ref
		}
	}
	return refs
}

// The pack that may be appended to is never shared, also when all of them are sealed.
func TestSnapshotSharesNoLastPack(t *testing.T) {
	t.Parallel()
	s := reopen(t, t.TempDir(), Options{MaxPackSize: 6000})
	for id := range int64(30) {
		put(t, s, item(id+1, randomBytes(id+1, packed)))
	}
	s.mu.Lock()
	s.abandon() // As after an error of the disk.
	s.mu.Unlock()
	sn, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer sn.Release()
	dir := filepath.Join(t.TempDir(), "blobs")
	if err := sn.Link(t.Context(), dir, nil); err != nil {
		t.Fatal(err)
	}
	shared := 0
	for i, p := range s.Packs() {
		a, err := os.Stat(p.Path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.Stat(filepath.Join(dir, filepath.Base(p.Path)))
		if err != nil {
			t.Fatal(err)
		}
		last := i == len(s.Packs())-1
		if os.SameFile(a, b) == last {
			t.Errorf("pack %d of %d: shared is %v", p.Number, len(s.Packs()), !last)
		}
		if !last {
			shared++
		}
	}
	if shared == 0 {
		t.Error("nothing is shared")
	}
}
