package blob

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
)

// damage changes bytes of a file from an offset on.
func damage(t *testing.T, fsys vfs.FS, name string, off int64) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("DAMAGED!"), off); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// scan returns the emails that are found whole, in order, and the damage.
func scan(t *testing.T, s *Store) (whole, corrupt []int64, damages []*Damage) {
	t.Helper()
	err := s.Scan(t.Context(), func(r Record) error {
		switch {
		case r.Deleted:
		case r.Corrupt:
			corrupt = append(corrupt, r.EmailID)
		default:
			whole = append(whole, r.EmailID)
		}
		return nil
	}, func(d *Damage) error {
		if !errors.Is(d, ErrCorrupt) || d.Length <= 0 {
			t.Errorf("damage %+v", d)
		}
		damages = append(damages, d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole, corrupt, damages
}

func TestScanFindsAllWithMeta(t *testing.T) {
	t.Parallel()
	s := reopen(t, crashDir, crashOptions(newDisk(t)))
	want := map[int64][]byte{}
	for id := int64(1); id <= 30; id++ {
		meta := randomBytes(-id, int(id*100))
		want[id] = meta
		it := item(id, bodyOf(id))
		it.Meta = meta
		put(t, s, it)
	}
	err := s.Scan(t.Context(), func(r Record) error {
		if !bytes.Equal(r.Meta, want[r.EmailID]) {
			t.Errorf("email %d: meta of %d bytes", r.EmailID, len(r.Meta))
		}
		check(t, s, r.Ref, bodyOf(r.EmailID))
		delete(want, r.EmailID)
		return nil
	}, func(d *Damage) error { return d })
	if err != nil || len(want) != 0 {
		t.Errorf("not found: %d, %v", len(want), err)
	}
	stop := errors.New("stop")
	if err := s.Scan(t.Context(), func(Record) error { return stop }, nil); err != stop {
		t.Errorf("got %v", err)
	}
}

func TestScanGetsOverDamage(t *testing.T) {
	t.Parallel()
	all := func(without ...int64) []int64 {
		var ids []int64
		for _, id := range []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100} {
			if !slices.Contains(without, id) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for name, tc := range map[string]struct {
		do      func(t *testing.T, s *Store, db *database, fsys *faultfs.FS)
		whole   []int64
		corrupt []int64
		damages int
	}{
		"none": {
			do:    func(*testing.T, *Store, *database, *faultfs.FS) {},
			whole: all(),
		},
		"data": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				damage(t, fsys, s.packName(1), int64(db.refs[3].offset)+300)
			},
			whole:   all(3),
			corrupt: []int64{3},
		},
		"record header": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				damage(t, fsys, s.packName(1), int64(db.refs[3].offset)+20)
			},
			whole:   all(3),
			damages: 1,
		},
		"magics of two records": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				damage(t, fsys, s.packName(1), int64(db.refs[3].offset))
				damage(t, fsys, s.packName(1), int64(db.refs[4].offset))
			},
			whole:   all(3, 4),
			damages: 1,
		},
		"last record of a sealed pack": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				damage(t, fsys, s.packName(1), int64(db.refs[10].offset))
			},
			whole:   all(10),
			damages: 1,
		},
		"last record of the open pack": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				damage(t, fsys, s.packName(2), int64(db.refs[11].offset))
			},
			whole:   all(11),
			damages: 1,
		},
		"header of a pack": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				damage(t, fsys, s.packName(1), 10)
			},
			whole:   all(),
			damages: 1,
		},
		"large file": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				damage(t, fsys, s.fileName(db.refs[100].number), 500)
			},
			whole:   all(100),
			corrupt: []int64{100},
		},
		"record header of a large file": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				damage(t, fsys, s.fileName(db.refs[100].number), 70)
			},
			whole:   all(100),
			damages: 1,
		},
		"unreadable sector": {
			do: func(t *testing.T, s *Store, db *database, fsys *faultfs.FS) {
				bad := int64(db.refs[5].offset) + 200
				fsys.SetHook(func(c faultfs.Call) error {
					if c.Op == faultfs.Read && strings.HasSuffix(c.Name, "00000001.pack") && c.Off <= bad && bad < c.Off+int64(c.Len) {
						return syscall.EIO
					}
					return nil
				})
			},
			// A block of 4 KB cannot be read, and so the first seven.
			whole:   all(1, 2, 3, 4, 5, 6, 7),
			damages: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db, fsys := sealedPacks(t, 1)
			db.set(100, put(t, s, item(100, randomBytes(100, 900)))[0])
			tc.do(t, s, db, fsys)
			for _, again := range []bool{false, true} {
				whole, corrupt, damages := scan(t, s)
				if !slices.Equal(whole, tc.whole) || !slices.Equal(corrupt, tc.corrupt) || len(damages) != tc.damages {
					t.Errorf("opened again %t: whole %v, corrupt %v, damages %v", again, whole, corrupt, damages)
				}
				n := 0
				if err := s.VerifyAll(t.Context(), func(*Damage) error { n++; return nil }); err != nil || n != len(corrupt)+len(damages) {
					t.Errorf("verifying found %d, %v", n, err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if again {
					break
				}
				s = reopen(t, crashDir, crashOptions(fsys))
			}
		})
	}
}

func TestScanDoesNotTakeMessageTextForRecords(t *testing.T) {
	t.Parallel()
	fsys := newDisk(t)
	s := reopen(t, crashDir, crashOptions(fsys))
	// What a stranger knows about the format, with a marker of another store.
	forged := record{kind: kindBlob, emailID: 666, stored: 5, plain: 5}
	body := append(forged.append(randomBytes(1, 100), testMarker), "hello"...)
	tomb := record{kind: kindTombstone, emailID: 2}
	tomb.meta, _ = Ref{number: 99, offset: 99, head: 99}.MarshalBinary()
	body = tomb.append(body, testMarker)
	ref := put(t, s, item(1, body), item(2, []byte("x")))[0]
	damage(t, fsys, s.packName(1), int64(ref.offset))
	whole, _, damages := scan(t, s)
	if !slices.Equal(whole, []int64{2}) || len(damages) != 1 {
		t.Errorf("found %v, %v", whole, damages)
	}
}

func TestLostLedgerIsMadeUpFor(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, fsys vfs.FS){
		"removed": func(t *testing.T, fsys vfs.FS) {
			if err := fsys.Remove(crashDir + "/ledger"); err != nil {
				t.Fatal(err)
			}
		},
		"damaged": func(t *testing.T, fsys vfs.FS) { damage(t, fsys, crashDir+"/ledger", 5) },
		"removed, and a pack header damaged": func(t *testing.T, fsys vfs.FS) {
			damage(t, fsys, crashDir+"/00000001.pack", 3)
			if err := fsys.Remove(crashDir + "/ledger"); err != nil {
				t.Fatal(err)
			}
		},
		"removed, and all headers damaged": func(t *testing.T, fsys vfs.FS) {
			damage(t, fsys, crashDir+"/00000001.pack", 3)
			damage(t, fsys, crashDir+"/00000002.pack", 3)
			damage(t, fsys, crashDir+"/files/00000003.blob", 3)
			if err := fsys.Remove(crashDir + "/ledger"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db, fsys := sealedPacks(t, 1)
			db.set(100, put(t, s, item(100, randomBytes(100, 900)))[0])
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			spoil(t, fsys)
			s = reopen(t, crashDir, crashOptions(fsys))
			for id, ref := range db.refs {
				n := packed
				if id == 100 {
					n = 900
				}
				check(t, s, ref, randomBytes(id, n))
			}
			ref := put(t, s, item(200, []byte("x")), item(201, randomBytes(201, 900)))
			check(t, s, ref[0], []byte("x"))
			if ref[1].number < 1000 {
				t.Errorf("numbers go on with %d", ref[1].number)
			}
		})
	}
}

func TestNewerFilesAreRefused(t *testing.T) {
	t.Parallel()
	fsys := newDisk(t)
	s := reopen(t, crashDir, crashOptions(fsys))
	put(t, s, item(1, []byte("x")))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	l := s.ledger
	l.Version++
	b, err := l.encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeFileSync(fsys, s.ledgerName(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(crashDir, crashOptions(fsys)); !errors.Is(err, ErrVersion) {
		t.Errorf("newer ledger: %v", err)
	}
	if err := fsys.Remove(s.ledgerName()); err != nil {
		t.Fatal(err)
	}
	h := fileHeader{magic: packMagic, version: formatVersion + 1, number: 1, marker: s.marker}
	f, err := fsys.OpenFile(s.packName(1), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(h.append(nil), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(crashDir, crashOptions(fsys)); !errors.Is(err, ErrVersion) {
		t.Errorf("newer pack: %v", err)
	}
}

func TestNumbersAreNeverUsedAgain(t *testing.T) {
	t.Parallel()
	fsys := newDisk(t)
	db := newDatabase()
	used := map[string]bool{}
	id := int64(0)
	for range 20 {
		s := reopen(t, crashDir, crashOptions(fsys))
		var ids []int64
		for range 5 {
			for _, n := range []int{packed, 900} {
				id++
				ref := put(t, s, item(id, randomBytes(id, n)))[0]
				at := fmt.Sprint(ref.number, ref.offset)
				if used[at] {
					t.Fatalf("%v is used again", ref)
				}
				used[at] = true
				db.set(id, ref)
				ids = append(ids, id)
			}
		}
		remove(t, s, db, ids...)
		if _, err := s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if last := reopen(t, crashDir, crashOptions(fsys)).next; last > 300 {
		t.Errorf("%d numbers were used for %d files", last, 20*7)
	}
}

func TestOldLedgerFromBackupOverwritesNothing(t *testing.T) {
	t.Parallel()
	fsys := newDisk(t)
	s := reopen(t, crashDir, crashOptions(fsys))
	put(t, s, item(1, []byte("x")))
	old, err := vfs.ReadFile(fsys, s.ledgerName())
	if err != nil {
		t.Fatal(err)
	}
	db := newDatabase()
	for id := int64(2); id < 150; id++ {
		db.set(id, put(t, s, item(id, randomBytes(id, 900)))[0])
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writeFileSync(fsys, s.ledgerName(), old); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, crashDir, crashOptions(fsys))
	put(t, s, item(200, randomBytes(200, 900)), item(201, []byte("x")))
	checkBodies(t, s, db, 900)
}

func TestParseLedgerRefuses(t *testing.T) {
	t.Parallel()
	good := ledger{Version: 1, Marker: "0102030405060708", Next: 5, Length: 64, Packs: []ledgerPack{{Number: 1, Size: 100, Tombs: map[uint32]int64{3: 80}}}}
	b, err := good.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseLedger(b); err != nil || got.Packs[0].Tombs[3] != 80 {
		t.Fatalf("got %+v, %v", got, err)
	}
	for i := range b {
		if _, err := parseLedger(b[:i]); err == nil {
			t.Errorf("%d bytes parsed", i)
		}
		c := bytes.Clone(b)
		c[i] ^= 1
		if _, err := parseLedger(c); err == nil {
			t.Errorf("parsed with byte %d changed", i)
		}
	}
	for name, change := range map[string]func(*ledger){
		"no marker":         func(l *ledger) { l.Marker = "" },
		"short marker":      func(l *ledger) { l.Marker = "01020304" },
		"no next":           func(l *ledger) { l.Next = 0 },
		"length in header":  func(l *ledger) { l.Length = 63 },
		"newer than we are": func(l *ledger) { l.Version = 2 },
	} {
		l := good
		change(&l)
		b, err := l.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseLedger(b); err == nil {
			t.Errorf("%s: parsed", name)
		}
	}
	if errors.Is(errLedger, ErrVersion) {
		t.Error("a damaged ledger is not a newer one")
	}
}
