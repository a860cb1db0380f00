package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/internal/vfs/faultfs"
)

// packed is the size of messages of which ten fill a pack.
const packed = 540

// sealedPacks opens a store in memory and fills n packs of 6,000 bytes or so, each
// with ten messages, and begins another.
func sealedPacks(t *testing.T, n int) (*Store, *database, *faultfs.FS) {
	t.Helper()
	fsys := &faultfs.FS{FS: newDisk(t)}
	s := reopen(t, crashDir, crashOptions(fsys))
	db := newDatabase()
	for id := int64(1); id <= int64(n)*10+1; id++ {
		db.set(id, put(t, s, item(id, randomBytes(id, packed)))[0])
	}
	if packs := s.Packs(); len(packs) != n+1 {
		t.Fatalf("%d packs", len(packs))
	}
	return s, db, fsys
}

// remove deletes emails from database and store.
func remove(t *testing.T, s *Store, db *database, ids ...int64) {
	t.Helper()
	var gone []Deletion
	for _, id := range ids {
		gone = append(gone, Deletion{id, db.refs[id]})
		delete(db.refs, id)
	}
	if err := s.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
}

func checkBodies(t *testing.T, s *Store, db *database, size int) {
	t.Helper()
	for id, ref := range db.refs {
		check(t, s, ref, randomBytes(id, size))
	}
}

func TestCompactRewritesWhatIsLittleUsed(t *testing.T) {
	t.Parallel()
	s, db, _ := sealedPacks(t, 3)
	remove(t, s, db, 1, 2, 3)        // Of the first pack less than a third.
	remove(t, s, db, 11, 12, 13, 14) // Of the second more.
	remove(t, s, db, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
	var done, total int64
	policy := Policy{Progress: func(d, n int64) {
		if d < done {
			t.Errorf("progress went from %d back to %d", done, d)
		}
		done, total = d, n
	}}
	before := s.Packs()
	c, err := s.Compact(t.Context(), policy, db.live, db.moved)
	if err != nil {
		t.Fatal(err)
	}
	if c.Packs != 2 || c.Moved != 6 {
		t.Errorf("compacted %+v", c)
	}
	if done != total || total == 0 {
		t.Errorf("progress ended with %d of %d", done, total)
	}
	packs := s.Packs()
	if len(packs) != 2 || packs[0].Number != before[0].Number {
		t.Errorf("packs %+v", packs)
	}
	checkBodies(t, s, db, packed)
	c, err = s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved)
	if err != nil || c.Packs == 0 || c.Moved < 7 {
		t.Errorf("forced: %+v, %v", c, err)
	}
	checkBodies(t, s, db, packed)
	// What was noted about packs that are gone now can go, too, and then there is
	// nothing left to do.
	for _, force := range []bool{true, true, false} {
		if c, err = s.Compact(t.Context(), Policy{Force: force}, db.live, db.moved); err != nil {
			t.Fatal(err)
		}
	}
	if c.Packs != 0 {
		t.Errorf("goes on compacting: %+v", c)
	}
	checkBodies(t, s, db, packed)
}

func TestCompactAsksTheDatabase(t *testing.T) {
	t.Parallel()
	s, db, _ := sealedPacks(t, 1)
	// Deletions that the store was not told of, because a crash lost them.
	for id := int64(1); id <= 5; id++ {
		delete(db.refs, id)
	}
	// And one that it was told of by mistake.
	if err := s.Delete(t.Context(), []Deletion{{6, db.refs[6]}}); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Compact(t.Context(), Policy{}, db.live, db.moved); err != nil || c.Packs != 0 {
		t.Errorf("compacted what seems to be in use: %+v, %v", c, err)
	}
	if c, err := s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved); err != nil || c.Moved < 5 {
		t.Errorf("forced: %+v, %v", c, err)
	}
	checkBodies(t, s, db, packed)
}

func TestReaderOutlivesCompaction(t *testing.T) {
	t.Parallel()
	s, db, _ := sealedPacks(t, 1)
	old := db.refs[7]
	r, err := s.Open(old)
	if err != nil {
		t.Fatal(err)
	}
	remove(t, s, db, 1, 2, 3, 4, 5)
	if _, err := s.Compact(t.Context(), Policy{}, db.live, db.moved); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
	if err != nil || !bytes.Equal(got, randomBytes(7, packed)) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(old); !errors.Is(err, ErrNotExist) {
		t.Errorf("opening the old place: %v", err)
	}
	if _, err := s.ReadAll(old, nil); !errors.Is(err, ErrNotExist) {
		t.Errorf("reading the old place: %v", err)
	}
}

func TestCompactKeepsAllWhenTheDatabaseFails(t *testing.T) {
	t.Parallel()
	errDatabase := errors.New("database failed")
	for name, tc := range map[string]struct {
		live  func(*database) Live
		moved func(*database) Moved
		err   error
	}{
		"asking fails": {
			live: func(*database) Live {
				return func(context.Context, []Located) ([]bool, error) { return nil, errDatabase }
			},
			moved: func(db *database) Moved { return db.moved },
			err:   errDatabase,
		},
		"too few answers": {
			live: func(*database) Live {
				return func(context.Context, []Located) ([]bool, error) { return []bool{false}, nil }
			},
			moved: func(db *database) Moved { return db.moved },
		},
		"moving fails": {
			live:  func(db *database) Live { return db.live },
			moved: func(*database) Moved { return func(context.Context, []Move) error { return errDatabase } },
			err:   errDatabase,
		},
		"moving does nothing": {
			live:  func(db *database) Live { return db.live },
			moved: func(*database) Moved { return func(context.Context, []Move) error { return nil } },
		},
		"moving succeeds and fails": {
			live: func(db *database) Live { return db.live },
			moved: func(db *database) Moved {
				return func(ctx context.Context, moves []Move) error {
					return errors.Join(db.moved(ctx, moves), errDatabase)
				}
			},
			err: errDatabase,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db, _ := sealedPacks(t, 1)
			remove(t, s, db, 1, 2, 3, 4, 5)
			c, err := s.Compact(t.Context(), Policy{}, tc.live(db), tc.moved(db))
			if err == nil || tc.err != nil && !errors.Is(err, tc.err) || c.Packs != 0 {
				t.Fatalf("got %+v, %v", c, err)
			}
			checkBodies(t, s, db, packed)
			if _, err := s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved); err != nil {
				t.Fatal(err)
			}
			checkBodies(t, s, db, packed)
			// Recovery finds each once.
			found := map[int64]int{}
			err = s.Scan(t.Context(), func(r Record) error {
				if !r.Deleted {
					found[r.EmailID]++
				}
				return nil
			}, func(d *Damage) error { return d })
			if err != nil {
				t.Fatal(err)
			}
			for id := range db.refs {
				if found[id] != 1 {
					t.Errorf("email %d was found %d times", id, found[id])
				}
			}
			if len(found) != len(db.refs) {
				t.Errorf("found %d emails of %d", len(found), len(db.refs))
			}
		})
	}
}

func TestCompactSparesWhatMayYetBeCommitted(t *testing.T) {
	t.Parallel()
	s := reopen(t, crashDir, crashOptions(newDisk(t)))
	db := newDatabase()
	db.set(1, put(t, s, item(1, randomBytes(1, packed)))[0])
	remove(t, s, db, 1)
	ref := put(t, s, item(2, randomBytes(2, packed)))[0]
	// The database has not committed email 2 yet.
	if _, err := s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved); err != nil {
		t.Fatal(err)
	}
	db.set(2, ref)
	checkBodies(t, s, db, packed)
	// It has given up email 3.
	gone := put(t, s, item(3, randomBytes(3, packed)))[0]
	if err := s.Delete(t.Context(), []Deletion{{3, gone}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved); err != nil {
		t.Fatal(err)
	}
	checkBodies(t, s, db, packed)
	if _, err := s.Open(gone); !errors.Is(err, ErrNotExist) {
		t.Errorf("what was given up is still there: %v", err)
	}
}

func TestDeletedStaysDeletedThroughCompaction(t *testing.T) {
	t.Parallel()
	s, db, _ := sealedPacks(t, 4)
	rng := rand.New(rand.NewPCG(1, 2))
	next := int64(1000)
	for range 12 {
		ids := slices.Sorted(maps.Keys(db.refs))
		rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		remove(t, s, db, ids[:len(ids)/3]...)
		for range 8 {
			next++
			db.set(next, put(t, s, item(next, randomBytes(next, 600)))[0])
		}
		// Not the forced kind: packs remain which hold what was deleted.
		if _, err := s.Compact(t.Context(), Policy{MinLive: 0.5}, db.live, db.moved); err != nil {
			t.Fatal(err)
		}
		err := s.Scan(t.Context(), func(r Record) error {
			ref, ok := db.refs[r.EmailID]
			if r.Deleted == (ok && ref == r.Ref) {
				t.Errorf("email %d at %v: deleted %t, database has %v", r.EmailID, r.Ref, r.Deleted, ref)
			}
			return nil
		}, func(d *Damage) error { return d })
		if err != nil {
			t.Fatal(err)
		}
	}
	// All deleted: only the open pack remains, with little in it.
	remove(t, s, db, slices.Sorted(maps.Keys(db.refs))...)
	put(t, s, item(1, randomBytes(1, packed)))
	db.set(1, put(t, s, item(1, randomBytes(1, packed)))[0])
	if _, err := s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved); err != nil {
		t.Fatal(err)
	}
	if packs := s.Packs(); len(packs) != 1 || packs[0].Size > 1000 {
		t.Errorf("packs after all was deleted: %+v", packs)
	}
}

func TestCompactKeepsDamagedPack(t *testing.T) {
	t.Parallel()
	s, db, fsys := sealedPacks(t, 2)
	remove(t, s, db, 1, 2, 3, 4, 5)
	remove(t, s, db, 11, 12, 13, 14, 15)
	damage(t, fsys, s.packName(db.refs[7].number), int64(db.refs[7].offset)+100)
	c, err := s.Compact(t.Context(), Policy{}, db.live, db.moved)
	var d *Damage
	if !errors.As(err, &d) || !errors.Is(err, ErrCorrupt) || d.Offset != int64(db.refs[7].offset) || d.Length != db.refs[7].record() {
		t.Fatalf("got error %v", err)
	}
	if c.Packs != 1 || c.Moved != 9 {
		t.Errorf("compacted %+v", c)
	}
	if packs := s.Packs(); !packs[0].Damaged || packs[1].Damaged {
		t.Errorf("packs %+v", packs)
	}
	if err := s.Verify(t.Context(), db.refs[7]); !errors.Is(err, ErrCorrupt) {
		t.Errorf("verifying what is damaged: %v", err)
	}
	delete(db.refs, 7)
	checkBodies(t, s, db, packed)
	if c, err := s.Compact(t.Context(), Policy{}, db.live, db.moved); err != nil || c.Packs != 0 {
		t.Errorf("again: %+v, %v", c, err)
	}
	// Once the database has given it up, too, the pack can go.
	if c, err := s.Compact(t.Context(), Policy{Force: true}, db.live, db.moved); err != nil || c.Packs == 0 {
		t.Errorf("forced: %+v, %v", c, err)
	}
	if s.Packs()[0].Damaged {
		t.Error("damaged pack is still there")
	}
}

func TestCompactKeepsToItsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, db, _ := sealedPacks(t, 3)
		remove(t, s, db, 1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24)
		var size int64
		for _, p := range s.Packs() {
			if p.Sealed {
				size += p.Size
			}
		}
		start := time.Now()
		c, err := s.Compact(t.Context(), Policy{BytesPerSecond: 1000}, db.live, db.moved)
		if err != nil || c.Packs != 3 {
			t.Fatalf("%+v, %v", c, err)
		}
		want := time.Duration(size) * time.Second / 1000
		if took := time.Since(start); took < want-time.Second || took > want {
			t.Errorf("took %v for %d bytes", took, size)
		}

		remove(t, s, db, 5, 6, 7, 8, 9, 10, 15, 16, 17, 18)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := s.Compact(ctx, Policy{Force: true, BytesPerSecond: 10}, db.live, db.moved); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v when out of time", err)
		}
		checkBodies(t, s, db, packed)
	})
}

// lockedDatabase is a database for concurrent use.
type lockedDatabase struct {
	mu sync.Mutex
	db *database
}

func (l *lockedDatabase) live(ctx context.Context, blobs []Located) ([]bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.live(ctx, blobs)
}

func (l *lockedDatabase) moved(ctx context.Context, moves []Move) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.moved(ctx, moves)
}

func (l *lockedDatabase) get(id int64) Ref {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.refs[id]
}

// TestAllAtOnce has readers, a committer and compaction at work together.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	s := reopen(t, crashDir, crashOptions(newDisk(t)))
	l := &lockedDatabase{db: newDatabase()}
	const emails = 600
	stop := make(chan struct{})
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	fail := func(err error) {
		select {
		case errs <- err:
		default:
		}
	}
	for seed := range uint64(3) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 3))
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := readOne(s, l, rng.Int64N(emails)+1); err != nil {
					fail(err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Compact(t.Context(), Policy{}, l.live, l.moved); err != nil {
				fail(err)
				return
			}
			if err := s.VerifyAll(t.Context(), func(d *Damage) error { return d }); err != nil {
				fail(err)
				return
			}
		}
	})
	rng := rand.New(rand.NewPCG(9, 9))
	for id := int64(1); id <= emails; id++ {
		it := item(id, bodyOf(id))
		if s.Large(it.Size) {
			st, err := s.Stage(t.Context(), it)
			if err != nil {
				t.Fatal(err)
			}
			it = Item{Staged: st}
		}
		ref := put(t, s, it)[0]
		var gone []Deletion
		l.mu.Lock()
		l.db.set(id, ref)
		for id, ref := range l.db.refs {
			if rng.IntN(200) == 0 {
				gone = append(gone, Deletion{id, ref})
				delete(l.db.refs, id)
			}
		}
		l.mu.Unlock()
		if err := s.Delete(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		s.Packs()
	}
	close(stop)
	wg.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	if err := checkAll(t.Context(), s, l.db); err != nil {
		t.Fatal(err)
	}
}

// readOne reads an email if it exists, as the database above does: if the blob is
// gone, the reference is read again.
func readOne(s *Store, l *lockedDatabase, id int64) error {
	for {
		ref := l.get(id)
		if ref.IsZero() {
			return nil
		}
		r, err := s.Open(ref)
		if errors.Is(err, ErrNotExist) && l.get(id) != ref {
			continue
		} else if err != nil {
			return err
		}
		got := make([]byte, r.Size())
		if _, err := io.ReadFull(io.NewSectionReader(r, 0, r.Size()), got); err != nil {
			return err
		}
		if !bytes.Equal(got, bodyOf(id)) {
			return fmt.Errorf("email %d: wrong bytes", id)
		}
		return r.Close()
	}
}
