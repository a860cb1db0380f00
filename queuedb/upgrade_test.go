package queuedb

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"mox/store/dbfile"
)

// The steps lead to the current version without a gap.
func TestUpgradeSteps(t *testing.T) {
	t.Parallel()
	version := 1
	for _, s := range upgradeSteps {
		if s.Version != version+1 {
			t.Errorf("step to version %d follows version %d", s.Version, version)
		}
		version = s.Version
	}
	if version != schemaVersion {
		t.Errorf("steps lead to version %d, current is %d", version, schemaVersion)
	}
}

// A queue of version 1 is opened, also for reading only, and keeps its messages.
func TestUpgradeFromVersion1(t *testing.T) {
	t.Parallel()
	db := newDB(t, nil)
	db.mustAdd(t, newMessage("m", 100, "a@example.org"))
	dir := copyDir(t, filepath.Dir(db.path))
	path := filepath.Join(dir, "index.db")
	old, err := dbfile.Open(t.Context(), path, versionRow{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.Update(t.Context(), &versionRow{1, 1}), old.Close()); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		db, err := Open(t.Context(), Options{Dir: dir, ReadOnly: readOnly})
		if err != nil {
			t.Fatal(err)
		}
		wantList(t, db.list(t, Filter{}), "m a@example.org waiting")
		row := versionRow{ID: 1}
		if err := errors.Join(db.db.Get(t.Context(), &row), db.Close()); err != nil || row.Version != schemaVersion {
			t.Errorf("read-only %v: version %d, %v", readOnly, row.Version, err)
		}
	}
}

// A queue of a newer version is refused with what to do about it, and not touched: not even its types are registered.
func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	type newerRow struct {
		ID      int64 `bstore:"typename Commit"`
		Commit  int64
		Changed string
	}
	dir := t.TempDir()
	db, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	path := db.path
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	change := func(version int) (changed string) {
		t.Helper()
		db, err := dbfile.Open(t.Context(), path, versionRow{}, newerRow{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		row := newerRow{ID: 1}
		if err := errors.Join(db.Update(t.Context(), &versionRow{1, version}), db.Get(t.Context(), &row)); err != nil {
			t.Fatal(err)
		}
		changed, row.Changed = row.Changed, "by a newer version"
		if err := db.Update(t.Context(), &row); err != nil {
			t.Fatal(err)
		}
		return changed
	}
	change(schemaVersion + 1)
	for _, readOnly := range []bool{true, false} {
		if _, err := Open(t.Context(), Options{Dir: dir, ReadOnly: readOnly}); !errors.Is(err, ErrNewerVersion) || !strings.Contains(err.Error(), "run the newer mox") {
			t.Errorf("read-only %v: error %v", readOnly, err)
		}
	}
	if change(schemaVersion+1) == "" {
		t.Error("opening a newer database changed it")
	}
}
