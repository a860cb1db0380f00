package dbfile

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Zeros are written behind the pages in use and nowhere else, and not for a database that hardly grows.
func TestAhead(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := Open(ctx, path, row{})
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("x", 3000)
	for i := range int64(500) {
		if err := db.Insert(ctx, &row{i + 1, name}); err != nil {
			t.Fatal(err)
		}
		if i == 5 && db.ahead.filled != db.ahead.began {
			t.Error("zeros are written for a few rows")
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := readMeta(f)
	if err != nil {
		t.Fatal(err)
	}
	if n := db.ahead.filled - m.end(); n <= 0 || n > maxAhead {
		t.Errorf("%d zeros ahead", n)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Check(ctx, path, func(problem string) { t.Error(problem) }); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(ctx, path, row{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range int64(500) {
		r := row{ID: i + 1}
		if err := db.Get(ctx, &r); err != nil || r.Name != name {
			t.Fatalf("row %d: %v", i+1, err)
		}
	}
}
