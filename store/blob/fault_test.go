package blob

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
	"mox/internal/vfs/memfs"
	"mox/internal/vfs/replay"
)

// workOn does some work on a store in which any call may fail, and keeps in db
// what the calls acknowledged. It returns how many calls failed.
func workOn(ctx context.Context, fsys vfs.FS, db *database) (failed int) {
	rng := rand.New(rand.NewPCG(7, 7))
	count := func(err error) bool {
		if err != nil {
			failed++
		}
		return err != nil
	}
	s, err := Open(crashDir, crashOptions(fsys))
	if count(err) {
		return failed
	}
	var id int64
	for round := range 30 {
		switch {
		case round%4 == 3:
			var gone []Deletion
			for _, id := range slices.Sorted(maps.Keys(db.refs)) {
				if rng.IntN(3) == 0 {
					gone = append(gone, Deletion{id, db.refs[id]})
					delete(db.refs, id)
				}
			}
			count(s.Delete(ctx, gone))
		case round%10 == 9:
			_, err := s.Compact(ctx, Policy{Force: true}, db.live, func(ctx context.Context, moves []Move) error {
				err := db.moved(ctx, moves)
				return err
			})
			count(err)
		default:
			var items []Item
			for range 1 + rng.IntN(4) {
				id++
				items = append(items, item(id, bodyOf(id)))
			}
			refs, err := s.Put(ctx, items)
			if count(err) {
				continue
			}
			for i, ref := range refs {
				db.set(items[i].EmailID, ref)
			}
		}
	}
	count(s.Close())
	return failed
}

// TestFailingCallLosesNothing lets each single call to the file system fail, in
// several ways, and a full disk too.
func TestFailingCallLosesNothing(t *testing.T) {
	t.Parallel()
	counter := &faultfs.FS{FS: newDisk(t)}
	if failed := workOn(t.Context(), counter, newDatabase()); failed > 0 {
		t.Fatal("calls failed without a fault")
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for name, fault := range map[string]error{
		"io error":   syscall.EIO,
		"disk full":  syscall.ENOSPC,
		"part of it": &faultfs.Short{N: 100, Err: syscall.ENOSPC},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 0; n < counter.Calls(); n += step {
				for _, times := range []int{1, 5} {
					if err := failAt(t, n, times, fault); err != nil {
						t.Fatalf("%d failing calls from number %d on: %v", times, n, err)
					}
				}
			}
		})
	}
}

// failAt works with some calls failing, and looks what is there then, and what is
// after a crash.
func failAt(t *testing.T, n, times int, fault error) error {
	t.Helper()
	m := newDisk(t)
	faulty := &faultfs.FS{FS: m}
	rec, err := replay.NewRecorder(faulty, "/")
	if err != nil {
		return err
	}
	base := faulty.Calls()
	faulty.SetHook(func(c faultfs.Call) error {
		if c.N-base >= n && c.N-base < n+times {
			return fault
		}
		return nil
	})
	db := newDatabase()
	workOn(t.Context(), rec, db)
	faulty.SetHook(nil)

	// The power fails at the end.
	log, _ := rec.Log()
	d := replay.NewDisk()
	for _, op := range log.Ops {
		if err := d.Apply(op); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range uint64(3) {
		m := memfs.New()
		if err := d.Crash(seed).Restore(m, "/"); err != nil {
			t.Fatal(err)
		}
		if err := afterFault(t.Context(), m, db.clone()); err != nil {
			return fmt.Errorf("after a crash with seed %d: %w", seed, err)
		}
	}
	return afterFault(t.Context(), m, db)
}

// afterFault opens a store that had faults and reads all. Compaction may report
// damage: what could not be synced may be lost in the middle of a pack.
func afterFault(ctx context.Context, fsys vfs.FS, db *database) (rerr error) {
	s, err := Open(crashDir, crashOptions(fsys))
	if err != nil {
		return err
	}
	defer func() {
		if err := s.Close(); rerr == nil {
			rerr = err
		}
	}()
	if err := checkAll(ctx, s, db); err != nil {
		return err
	}
	refs, err := s.Put(ctx, []Item{item(1000001, bodyOf(1000001))})
	if err != nil {
		return err
	}
	if db.used[refs[0]] {
		return fmt.Errorf("%v is used again", refs[0])
	}
	db.set(1000001, refs[0])
	if _, err := s.Compact(ctx, Policy{Force: true}, db.live, db.moved); err != nil {
		return err
	}
	return checkAll(ctx, s, db)
}

func TestFullDiskIsToldAndPasses(t *testing.T) {
	t.Parallel()
	full := false
	faulty := &faultfs.FS{FS: newDisk(t)}
	faulty.Hook = func(c faultfs.Call) error {
		if full && c.Op == faultfs.Write {
			return &faultfs.Short{N: c.Len / 2, Err: syscall.ENOSPC}
		}
		return nil
	}
	s := reopen(t, crashDir, crashOptions(faulty))
	body := randomBytes(1, 500)
	first := put(t, s, item(1, body))[0]
	full = true
	for _, n := range []int{10, 500, 5000} {
		if _, err := s.Put(t.Context(), []Item{item(2, randomBytes(2, n))}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%d bytes on a full disk: %v", n, err)
		}
		check(t, s, first, body)
	}
	full = false
	second := put(t, s, item(2, body), item(3, randomBytes(3, 5000)))
	check(t, s, first, body)
	check(t, s, second[0], body)
	if packs := s.Packs(); len(packs) != 1 || packs[0].Size != int64(second[0].offset)+second[0].record() || second[0].offset != first.offset+uint32(first.record()) {
		t.Errorf("a failed write left something: %+v", packs)
	}
	if numbers, err := s.listFiles(); err != nil || len(numbers) != 1 {
		t.Errorf("large files %v, %v", numbers, err)
	}
	if entries, err := faulty.ReadDir(s.tmpDir()); err != nil || len(entries) != 0 {
		t.Errorf("temporary files %v, %v", entries, err)
	}
}

func TestPackThatCannotBeSyncedIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	broken := false
	faulty := &faultfs.FS{FS: newDisk(t)}
	faulty.Hook = func(c faultfs.Call) error {
		if broken && c.Op == faultfs.Datasync {
			return syscall.EIO
		}
		return nil
	}
	s := reopen(t, crashDir, crashOptions(faulty))
	body := randomBytes(1, 500)
	before := put(t, s, item(1, body))[0]
	broken = true
	if _, err := s.Put(t.Context(), []Item{item(2, body)}); !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v", err)
	}
	broken = false
	after := put(t, s, item(2, body))[0]
	if after.number == before.number {
		t.Fatal("the pack is appended to after its sync failed")
	}
	check(t, s, before, body)
	check(t, s, after, body)
	// What was not acknowledged is not found again.
	n := 0
	err := s.Scan(t.Context(), func(r Record) error {
		if !r.Deleted {
			n++
		}
		return nil
	}, func(d *Damage) error { return d })
	if err != nil || n != 2 {
		t.Errorf("found %d blobs, %v", n, err)
	}
}

// Start returns before the batch is durable, and Wait does not.
func TestWaitIsForTheSync(t *testing.T) {
	t.Parallel()
	syncing, release := make(chan struct{}), make(chan struct{})
	faulty := &faultfs.FS{FS: newDisk(t)}
	s := reopen(t, crashDir, crashOptions(faulty))
	faulty.SetHook(func(c faultfs.Call) error {
		if c.Op == faultfs.Datasync {
			close(syncing)
			<-release
		}
		return nil
	})
	body := randomBytes(1, 500)
	p, err := s.Start(t.Context(), []Item{item(1, body)})
	if err != nil {
		t.Fatal(err)
	}
	<-syncing
	select {
	case <-p.done:
		t.Error("done before it is durable")
	default:
	}
	close(release)
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	faulty.SetHook(nil)
	check(t, s, p.Refs[0], body)
}

// The zeros behind the end of the open pack are bounded, are cut off when it is opened after a crash, and are no record.
func TestZerosAhead(t *testing.T) {
	t.Parallel()
	s, dir := testStore(t, Options{})
	var items []Item
	for id := range int64(60) {
		items = append(items, item(id+1, randomBytes(id+1, 20_000)))
	}
	var refs []Ref
	most := int64(0)
	for _, it := range items {
		refs = append(refs, put(t, s, it)...)
		p := s.Packs()[0]
		fi, err := os.Stat(p.Path)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, fi.Size()-p.Size)
	}
	if size := s.Packs()[0].Size; most == 0 || most > maxAhead || most > size {
		t.Errorf("up to %d zeros behind %d bytes", most, size)
	}
	crashed := filepath.Join(t.TempDir(), "blobs")
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, crashed, Options{})
	for i, ref := range refs {
		check(t, again, ref, randomBytes(int64(i)+1, 20_000))
	}
	err := again.VerifyAll(t.Context(), func(d *Damage) error { return d })
	if err != nil {
		t.Error(err)
	}
	p := again.Packs()[0]
	if fi, err := os.Stat(p.Path); err != nil || fi.Size() != p.Size || p.Sealed || p.Damaged {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestSealedPacksAreNotWrittenTo(t *testing.T) {
	t.Parallel()
	faulty := &faultfs.FS{FS: newDisk(t)}
	opts := crashOptions(faulty)
	opts.Logger = slog.New(slog.DiscardHandler)
	db := newDatabase()
	var s *Store
	sealed := map[string]bool{}
	faulty.Hook = func(c faultfs.Call) error {
		if sealed[filepath.Base(c.Name)] && strings.HasSuffix(c.Name, packSuffix) {
			switch c.Op {
			case faultfs.Write, faultfs.Truncate, faultfs.Allocate:
				t.Errorf("%s of %s, which is sealed", c.Op, c.Name)
			}
		}
		return nil
	}
	s = reopen(t, crashDir, opts)
	for id := int64(1); id < 200; id++ {
		db.set(id, put(t, s, item(id, randomBytes(id, 300)))[0])
		if id%3 == 0 {
			if err := s.Delete(t.Context(), []Deletion{{id, db.refs[id]}}); err != nil {
				t.Fatal(err)
			}
			delete(db.refs, id)
		}
		if id%50 == 0 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = reopen(t, crashDir, opts)
		}
		if id%70 == 0 {
			if _, err := s.Compact(t.Context(), Policy{}, db.live, db.moved); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range s.Packs() {
			if p.Sealed {
				sealed[filepath.Base(p.Path)] = true
			}
		}
	}
	if len(sealed) < 5 {
		t.Fatalf("only %d packs were sealed", len(sealed))
	}
}
