package dbfile

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// A file is read ahead when many rows were asked for, and not for some, nor one by one. Closing it meanwhile is no error.
func TestScanned(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := Open(ctx, path, row{})
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("x", 100_000)
	for i := range int64(50) {
		if err := db.Insert(ctx, &row{i + 1, name}); err != nil {
			t.Fatal(err)
		}
	}
	for range 10_000 {
		db.Scanned(1)
	}
	db.Scanned(50)
	if db.scan.begun.Load() {
		t.Error("read ahead for some rows")
	}
	db.Scanned(5000)
	if !db.scan.begun.Load() {
		t.Error("not read ahead for many rows")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
