package dbfile

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mjl-/bstore"
)

type snapshotRow struct {
	ID   int64 `bstore:"noauto"`
	Data []byte
}

// snapshotContent returns all rows of a database.
func snapshotContent(t *testing.T, db *DB) map[int64][]byte {
	t.Helper()
	rows := map[int64][]byte{}
	err := db.Read(t.Context(), func(tx *bstore.Tx) error {
		return bstore.QueryTx[snapshotRow](tx).ForEach(func(r snapshotRow) error {
			rows[r.ID] = r.Data
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// change writes, overwrites and removes rows in one transaction.
func change(t *testing.T, db *DB, rng *rand.Rand, n int) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *bstore.Tx) error {
		for range n {
			r := snapshotRow{ID: 1 + rng.Int64N(20_000)}
			err := tx.Get(&r)
			switch {
			case err == bstore.ErrAbsent:
				r.Data = bytes.Repeat([]byte{byte(rng.Uint32())}, 1+rng.IntN(3000))
				err = tx.Insert(&r)
			case err == nil && rng.IntN(2) == 0:
				err = tx.Delete(&r)
			case err == nil:
				r.Data = bytes.Repeat([]byte{byte(rng.Uint32())}, 1+rng.IntN(3000))
				err = tx.Update(&r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sameContent(a, b map[int64][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for id, data := range a {
		if !bytes.Equal(data, b[id]) {
			return false
		}
	}
	return true
}

// The copy has what was there when the snapshot was completed, however much was written between and during its rounds.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		db, err := Open(t.Context(), filepath.Join(dir, "index.db"), snapshotRow{})
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			change(t, db, rng, 400)
		}
		s, err := db.newSnapshot(filepath.Join(dir, "copy.db"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.newSnapshot(filepath.Join(dir, "copy2.db")); err == nil {
			t.Fatal("a second copy is made at the same time")
		}
		rounds := 0
		for {
			done, err := s.advance()
			if err != nil {
				t.Fatal(err)
			}
			if done {
				break
			}
			rounds++
			// Written before, while and after pages are copied.
			copied := make(chan error, 1)
			change(t, db, rng, rng.IntN(600))
			go func() { copied <- s.copy(context.Background()) }()
			for range rng.IntN(10) {
				change(t, db, rng, rng.IntN(300))
			}
			if err := <-copied; err != nil {
				t.Fatal(err)
			}
			change(t, db, rng, rng.IntN(600))
		}
		if rounds == 0 {
			t.Error("all was copied in one round")
		}
		want := snapshotContent(t, db)
		for range 5 {
			change(t, db, rng, 400)
		}
		if err := s.finish(); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		err = Check(t.Context(), filepath.Join(dir, "copy.db"), func(problem string) { t.Errorf("copy: %s", problem) })
		if err != nil {
			t.Fatal(err)
		}
		made, err := Open(t.Context(), filepath.Join(dir, "copy.db"), snapshotRow{})
		if err != nil {
			t.Fatal(err)
		}
		if !sameContent(snapshotContent(t, made), want) {
			t.Errorf("seed %d: the copy has other rows", seed)
		}
		change(t, made, rng, 1000)
		if err := made.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// One that is given up leaves nothing, and another can be made.
func TestSnapshotCancel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := Open(t.Context(), filepath.Join(dir, "index.db"), snapshotRow{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	change(t, db, rand.New(rand.NewPCG(1, 1)), 4000)
	name := filepath.Join(dir, "copy.db")
	for range 2 {
		s, err := db.newSnapshot(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.advance(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.copy(ctx); err != context.Canceled {
			t.Errorf("copy after the end of its context: %v", err)
		}
		if err := s.cancel(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(name); err == nil {
			t.Error("the copy is left")
		}
	}
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.newSnapshot(name); err == nil {
		t.Error("a file was overwritten")
	}
}

// BenchmarkSnapshot copies a database of some 200 MB while it is written to, and tells how long writes had to wait at
// most.
func BenchmarkSnapshot(b *testing.B) {
	dir := b.TempDir()
	db, err := Open(b.Context(), filepath.Join(dir, "index.db"), snapshotRow{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	id := int64(0)
	insert := func(n int) {
		err := db.Write(b.Context(), func(tx *bstore.Tx) error {
			for range n {
				id++
				if err := tx.Insert(&snapshotRow{id, make([]byte, 1500)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for id < 70_000 {
		insert(5000)
	}
	var longest time.Duration
	var size int64
	for i := 0; b.Loop(); i++ {
		name := filepath.Join(dir, "copy.db")
		s, err := db.newSnapshot(name)
		if err != nil {
			b.Fatal(err)
		}
		for done := false; !done; {
			start := time.Now()
			if done, err = s.advance(); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(start))
			if done {
				break
			}
			copied := make(chan error, 1)
			go func() { copied <- s.copy(b.Context()) }()
			for waiting := true; waiting; {
				select {
				case err := <-copied:
					if err != nil {
						b.Fatal(err)
					}
					waiting = false
				default:
					insert(1)
				}
			}
		}
		size = s.copied
		if err := s.finish(); err != nil {
			b.Fatal(err)
		}
		if err := os.Remove(name); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB")
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest-wait")
}
