package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/faultfs"
	"mox/internal/vfs/memfs"
	"mox/internal/vfs/replay"
)

// database stands for the database above a store. What it holds is durable.
type database struct {
	refs map[int64]Ref
	used map[Ref]bool // All that ever were in refs.
}

func newDatabase() *database {
	return &database{refs: map[int64]Ref{}, used: map[Ref]bool{}}
}

func (db *database) clone() *database {
	return &database{refs: maps.Clone(db.refs), used: maps.Clone(db.used)}
}

func (db *database) set(id int64, ref Ref) {
	db.refs[id] = ref
	db.used[ref] = true
}

func (db *database) live(ctx context.Context, blobs []Located) ([]bool, error) {
	used := make([]bool, len(blobs))
	for i, b := range blobs {
		used[i] = db.refs[b.EmailID] == b.Ref
	}
	return used, nil
}

func (db *database) moved(ctx context.Context, moves []Move) error {
	for _, m := range moves {
		if db.refs[m.EmailID] == m.Old {
			db.set(m.EmailID, m.New)
		}
	}
	return nil
}

// crashOptions make packs and large files of a few hundred bytes.
func crashOptions(fsys vfs.FS) Options {
	return Options{FS: fsys, MaxPackSize: 6000, LargeThreshold: 700, MaxOpenFiles: 2, Logger: slog.New(slog.DiscardHandler), checkpoint: 2500}
}

// bodyOf is the data of an email in these tests, some of it larger than the
// threshold.
func bodyOf(id int64) []byte { return randomBytes(id, int(id*37%900)) }

const crashDir = "/account/blobs"

// newDisk returns a file system with the parent of crashDir.
func newDisk(t *testing.T) *memfs.FS {
	t.Helper()
	m := memfs.New()
	if err := m.Mkdir("/account", 0o700); err != nil {
		t.Fatal(err)
	}
	return m
}

// work does what a committer does in a store in dir, in an order that depends only
// on seed, and marks each state of the database with its index in the result.
func work(ctx context.Context, dir string, opts Options, seed uint64, rounds int, mark func(note string)) ([]*database, error) {
	s, err := Open(dir, opts)
	if err != nil {
		return nil, err
	}
	w := &worker{s: s, rng: rand.New(rand.NewPCG(seed, 1)), db: newDatabase(), states: []*database{newDatabase()}, mark: mark}
	for range rounds {
		var err error
		switch what := w.rng.IntN(12); {
		case what < 7:
			err = w.put(ctx)
		case what < 10:
			err = w.remove(ctx)
		case what < 11:
			_, err = w.s.Compact(ctx, Policy{Force: w.rng.IntN(2) == 0}, w.db.live, w.moved)
		default:
			if err = w.s.Close(); err == nil {
				w.s, err = Open(dir, opts)
			}
			if err == nil && w.s.Unclean() {
				err = errors.New("unclean after Close")
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if w.rng.IntN(2) == 0 {
		err = w.s.Close()
	}
	return w.states, err
}

// worker is the state of work.
type worker struct {
	s      *Store
	rng    *rand.Rand
	id     int64 // Of the last email.
	db     *database
	states []*database
	mark   func(note string)
}

func (w *worker) commit() {
	w.mark(fmt.Sprint(len(w.states)))
	w.states = append(w.states, w.db.clone())
}

func (w *worker) moved(ctx context.Context, moves []Move) error {
	err := w.db.moved(ctx, moves)
	w.commit()
	return err
}

func (w *worker) put(ctx context.Context) error {
	var items []Item
	for range 1 + w.rng.IntN(5) {
		w.id++
		items = append(items, item(w.id, bodyOf(w.id)))
	}
	refs, err := w.s.Put(ctx, items)
	if err != nil {
		return err
	}
	if w.rng.IntN(8) == 0 {
		return nil // The transaction failed, and nobody deleted these.
	}
	for i, ref := range refs {
		w.db.set(items[i].EmailID, ref)
	}
	w.commit()
	return nil
}

func (w *worker) remove(ctx context.Context) error {
	var gone []Deletion
	for _, id := range slices.Sorted(maps.Keys(w.db.refs)) {
		if w.rng.IntN(4) == 0 {
			gone = append(gone, Deletion{id, w.db.refs[id]})
			delete(w.db.refs, id)
		}
	}
	w.commit()
	return w.s.Delete(ctx, gone)
}

// recovered opens the store in a file system, looks for all that db has, and uses
// the store.
func recovered(ctx context.Context, fsys vfs.FS, db *database) (rerr error) {
	opts := crashOptions(fsys)
	var w warnings
	opts.Logger = slog.New(&w)
	s, err := Open(crashDir, opts)
	if err != nil {
		return err
	}
	defer func() {
		if err := s.Close(); rerr == nil {
			rerr = err
		}
		if len(w.list) > 0 && rerr == nil {
			rerr = fmt.Errorf("a crash looks like damage: %q", w.list)
		}
	}()
	if err := checkAll(ctx, s, db); err != nil {
		return err
	}
	if s.Unclean() {
		if _, err := s.SweepFiles(ctx, db.live); err != nil {
			return err
		}
		numbers, err := s.listFiles()
		if err != nil {
			return err
		}
		for _, ref := range db.refs {
			if ref.file && !slices.Contains(numbers, ref.number) {
				return fmt.Errorf("%v was swept", ref)
			}
			numbers = slices.DeleteFunc(numbers, func(n uint32) bool { return ref.file && n == ref.number })
		}
		if len(numbers) > 0 {
			return fmt.Errorf("not swept: files %v", numbers)
		}
	}
	// It goes on working, with places that were never used before.
	items := []Item{item(1000001, bodyOf(1000001)), item(1000002, bodyOf(1000025))}
	refs, err := s.Put(ctx, items)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		if db.used[ref] {
			return fmt.Errorf("%v is used again", ref)
		}
		db.set(items[i].EmailID, ref)
	}
	if _, err := s.Compact(ctx, Policy{Force: true}, db.live, db.moved); err != nil {
		return err
	}
	return checkAll(ctx, s, db)
}

// warnings keeps what is logged at level warn and above.
type warnings struct {
	mu   sync.Mutex
	list []string
}

func (w *warnings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler           { return w }
func (w *warnings) WithGroup(string) slog.Handler                { return w }

func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, r.Message)
	return nil
}

// checkAll reads what db has in both ways.
func checkAll(ctx context.Context, s *Store, db *database) error {
	want := func(id int64) []byte {
		if id == 1000002 {
			return bodyOf(1000025)
		}
		return bodyOf(id)
	}
	var buf []byte
	for id, ref := range db.refs {
		var err error
		if buf, err = s.ReadAll(ref, buf); err != nil {
			return fmt.Errorf("email %d: %w", id, err)
		}
		if !bytes.Equal(buf, want(id)) {
			return fmt.Errorf("email %d: wrong bytes", id)
		}
	}
	missing := maps.Clone(db.refs)
	err := s.Scan(ctx, func(r Record) error {
		ref, ok := db.refs[r.EmailID]
		if !ok || r.Ref != ref {
			return nil
		}
		if r.Deleted || r.Corrupt || string(r.Meta) != "meta" {
			return fmt.Errorf("email %d: scanned as %+v", r.EmailID, r)
		}
		delete(missing, r.EmailID)
		return nil
	}, func(d *Damage) error { return d })
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("not found by scanning: %v", missing)
	}
	return nil
}

// crashes lets the power fail in a log of work and returns the first failure.
// Marks are indexes of states.
func crashes(t *testing.T, log *replay.Log, points replay.Points, states []*database) error {
	t.Helper()
	return log.Crashes(points, func(p replay.Point, img *replay.Image) error {
		m := memfs.New()
		if err := img.Restore(m, "/"); err != nil {
			t.Fatal(err)
		}
		return recovered(t.Context(), m, stateAt(t, p, states).clone())
	})
}

// stateAt returns what the database held at a point.
func stateAt(t *testing.T, p replay.Point, states []*database) *database {
	t.Helper()
	i := 0
	if n := len(p.Marks); n > 0 {
		var err error
		if i, err = strconv.Atoi(p.Marks[n-1]); err != nil {
			t.Fatal(err)
		}
	}
	return states[i]
}

// recordWork does some work and returns what the disk saw.
func recordWork(t *testing.T, seed uint64, rounds int, hook func(faultfs.Call) error) (*replay.Log, int, []*database) {
	t.Helper()
	rec, err := replay.NewRecorder(newDisk(t), "/")
	if err != nil {
		t.Fatal(err)
	}
	states, err := work(t.Context(), crashDir, crashOptions(&faultfs.FS{FS: rec, Hook: hook}), seed, rounds, rec.Mark)
	if err != nil {
		t.Fatal(err)
	}
	log, base := rec.Log()
	return log, base, states
}

func TestEveryCrashKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	runs, seeds := 10, 5
	if testing.Short() {
		runs, seeds = 3, 3
	}
	for run := range runs {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			log, base, states := recordWork(t, uint64(run), 40, nil)
			if err := crashes(t, log, replay.Points{From: base, Seeds: seeds}, states); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestMissingSyncIsCaught shows that the test above would fail without any one
// kind of sync that the store relies on.
func TestMissingSyncIsCaught(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		skip func(faultfs.Call) bool
	}{
		{"pack data", func(c faultfs.Call) bool { return c.Op == faultfs.Datasync }},
		{"pack header", func(c faultfs.Call) bool { return c.Op == faultfs.Sync && strings.HasSuffix(c.Name, packSuffix) }},
		{"name of pack", func(c faultfs.Call) bool { return c.Op == faultfs.SyncDir && c.Name == crashDir }},
		{"large file", func(c faultfs.Call) bool { return c.Op == faultfs.Sync && strings.HasSuffix(c.Name, fileSuffix) }},
		{"name of large file", func(c faultfs.Call) bool { return c.Op == faultfs.SyncDir && strings.HasSuffix(c.Name, "files") }},
		{"ledger", func(c faultfs.Call) bool { return c.Op == faultfs.Sync && strings.HasSuffix(c.Name, "ledger") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(10) {
				log, base, states := recordWork(t, seed, 40, func(c faultfs.Call) error {
					if tc.skip(c) {
						return faultfs.ErrSkip
					}
					return nil
				})
				if err := crashes(t, log, replay.Points{From: base, Seeds: 6}, states); err != nil {
					t.Log(err)
					return
				}
			}
			t.Fatal("no crash showed that the sync is missing")
		})
	}
}

// TestCrashWhileRecovering lets the power fail again while a store is opened and
// used after a crash.
func TestCrashWhileRecovering(t *testing.T) {
	t.Parallel()
	log, base, states := recordWork(t, 100, 30, nil)
	err := log.Crashes(replay.Points{From: base, Every: 5, Seeds: 3}, func(p replay.Point, img *replay.Image) error {
		if p.Seed < 2 {
			return nil
		}
		m := memfs.New()
		if err := img.Restore(m, "/"); err != nil {
			t.Fatal(err)
		}
		rec, err := replay.NewRecorder(m, "/")
		if err != nil {
			t.Fatal(err)
		}
		again := []*database{stateAt(t, p, states).clone()}
		if err := recoveredMarking(t, rec, again[0].clone(), &again); err != nil {
			t.Fatal(err)
		}
		relog, rebase := rec.Log()
		return crashes(t, relog, replay.Points{From: rebase, Every: 3}, again)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// recoveredMarking puts some and compacts, and marks the states of db.
func recoveredMarking(t *testing.T, rec *replay.Recorder, db *database, states *[]*database) error {
	commit := func() {
		rec.Mark(fmt.Sprint(len(*states)))
		*states = append(*states, db.clone())
	}
	s, err := Open(crashDir, crashOptions(rec))
	if err != nil {
		return err
	}
	items := []Item{item(2000001, bodyOf(2000001)), item(2000003, bodyOf(2000003))}
	refs, err := s.Put(t.Context(), items)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		db.set(items[i].EmailID, ref)
	}
	commit()
	_, err = s.Compact(t.Context(), Policy{Force: true}, db.live, func(ctx context.Context, moves []Move) error {
		err := db.moved(ctx, moves)
		commit()
		return err
	})
	return errors.Join(err, s.Close())
}
