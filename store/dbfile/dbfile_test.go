package dbfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

type row struct {
	ID   int64
	Name string
}

// The settings are bbolt's defaults only in name: bstore must really use them.
func TestSettingsTakeEffect(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir()) // So the system tells what is mapped.
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test.db")
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(time.Hour))
	defer cancel()
	db, err := Open(ctx, path, row{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	b := engine(db.db)
	if b == nil {
		t.Fatal("bstore.DB has no field bdb any more")
	}
	if b.FreelistType != bolt.FreelistArrayType {
		t.Errorf("free list is of type %q", b.FreelistType)
	}
	if b.NoFreelistSync || b.NoSync || b.NoGrowSync {
		t.Error("a sync is turned off")
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil {
		if size := mapped(t, string(maps), path); size < initialMap {
			t.Errorf("%d bytes are mapped, want at least %d", size, initialMap)
		}
	}

	// A second opening must fail soon instead of waiting for ever.
	if _, err := Open(context.Background(), path, row{}); !errors.Is(err, ErrLocked) {
		t.Errorf("opening twice: %v", err)
	}
}

// mapped returns the size of the memory that a file is mapped to.
func mapped(t *testing.T, maps, path string) uint64 {
	t.Helper()
	for line := range strings.Lines(maps) {
		if !strings.HasSuffix(strings.TrimSpace(line), path) {
			continue
		}
		from, to, _ := strings.Cut(strings.Fields(line)[0], "-")
		a, err1 := strconv.ParseUint(from, 16, 64)
		b, err2 := strconv.ParseUint(to, 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		return b - a
	}
	return 0
}
