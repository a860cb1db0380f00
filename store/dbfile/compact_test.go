package dbfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mjl-/bstore"
)

// makeRows makes a database with rows 1 to n, of which those are removed that are not multiples of ten.
func makeRows(t *testing.T, path string, n int) {
	t.Helper()
	ctx := context.Background()
	db, err := Open(ctx, path, row{})
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []bool{true, false} {
		err = db.Write(ctx, func(tx *bstore.Tx) error {
			for i := 1; i <= n; i++ {
				r := row{int64(i), strings.Repeat("x", 1000)}
				var err error
				switch {
				case keep:
					err = tx.Insert(&r)
				case i%10 != 0:
					err = tx.Delete(&r)
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
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func checkRows(t *testing.T, path string, n int) {
	t.Helper()
	ctx := context.Background()
	db, err := Open(ctx, path, row{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var l []row
	err = db.Read(ctx, func(tx *bstore.Tx) (err error) {
		l, err = bstore.QueryTx[row](tx).SortAsc("ID").List()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(l) != n/10 {
		t.Fatalf("%d rows, want %d", len(l), n/10)
	}
	for i, r := range l {
		if r.ID != int64(10*(i+1)) || len(r.Name) != 1000 {
			t.Fatalf("row %d: %d with name of %d bytes", i, r.ID, len(r.Name))
		}
	}
	// Sequences are kept too: an id is never given out twice.
	r := row{}
	if err := db.Insert(ctx, &r); err != nil {
		t.Fatal(err)
	}
	if r.ID != int64(n+1) {
		t.Errorf("next id is %d, want %d", r.ID, n+1)
	}
}

func TestCompact(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	makeRows(t, path, 5000)
	// An interrupted run does not disturb the next one.
	if err := os.WriteFile(path+tmpSuffix, []byte("leftover"), 0o600); err != nil {
		t.Fatal(err)
	}
	size, free, err := Usage(path)
	if err != nil {
		t.Fatal(err)
	}
	if free < size/2 || free > size {
		t.Errorf("%d of %d bytes are free", free, size)
	}
	before, after, err := Compact(path)
	if err != nil {
		t.Fatal(err)
	}
	if before != size || after > before/2 {
		t.Errorf("%d bytes became %d", before, after)
	}
	if fi, err := os.Stat(path); err != nil || fi.Size() < after || fi.Size() > before || fi.Mode().Perm() != 0o600 {
		t.Errorf("file after compacting: %v, %v", fi, err)
	}
	if _, err := os.Stat(path + tmpSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("temporary file is left: %v", err)
	}
	if now, free, err := Usage(path); err != nil || now != after || free > now/10 {
		t.Errorf("%d of %d bytes are free, %v", free, now, err)
	}
	checkRows(t, path, 5000)
}

// What an interrupted Compact or Rewrite left is removed when the database is opened.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "test.db")
	for _, what := range []string{"new", "existing"} {
		for _, suffix := range []string{newSuffix, tmpSuffix} {
			if err := os.WriteFile(path+suffix, []byte("half written"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		db, err := Open(context.Background(), path, row{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%s database: left over: %v, %v", what, entries, err)
		}
	}
}

func TestCompactRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := Compact(filepath.Join(dir, "absent.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent database: %v", err)
	}
	if _, _, err := Usage(filepath.Join(dir, "absent.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("usage of absent database: %v", err)
	}
	bad := filepath.Join(dir, "bad.db")
	if err := os.WriteFile(bad, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Compact(bad); err == nil {
		t.Error("compacted what is no database")
	}
	if b, err := os.ReadFile(bad); err != nil || len(b) != 12000 {
		t.Errorf("file was changed: %d bytes, %v", len(b), err)
	}
	path := filepath.Join(dir, "test.db")
	db, err := Open(context.Background(), path, row{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, _, err := Compact(path); !errors.Is(err, ErrLocked) {
		t.Errorf("open database: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}
