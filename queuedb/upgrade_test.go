package queuedb

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mjl-/bstore"

	"mox/store/dbfile"
)

// versionDB makes a database of a version with three messages to upgrade.
func versionDB(t *testing.T, version int) *dbfile.DB {
	t.Helper()
	db, err := dbfile.Open(t.Context(), filepath.Join(t.TempDir(), "index.db"), versionRow{}, messageRow{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	err = db.Insert(t.Context(), &versionRow{1, version}, &messageRow{EnvelopeID: "a"}, &messageRow{EnvelopeID: "b"}, &messageRow{EnvelopeID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	interrupted := errors.New("interrupted")
	// mark is a step that puts a mark on one message per transaction.
	mark := func(version int, mark string, failAt int) upgradeStep {
		calls := 0
		return upgradeStep{version, func(tx *bstore.Tx) (bool, error) {
			if calls++; calls == failAt {
				return false, interrupted
			}
			m, err := bstore.QueryTx[messageRow](tx).SortAsc("ID").
				FilterFn(func(m messageRow) bool { return !strings.HasSuffix(m.Subject, mark) }).Limit(1).Get()
			if err == bstore.ErrAbsent {
				return true, nil
			} else if err != nil {
				return false, err
			}
			m.Subject += mark
			return false, tx.Update(&m)
		}}
	}
	state := func(db *dbfile.DB) string {
		t.Helper()
		var l []string
		err := db.Read(t.Context(), func(tx *bstore.Tx) error {
			return bstore.QueryTx[messageRow](tx).SortAsc("ID").ForEach(func(r messageRow) error {
				l = append(l, r.EnvelopeID+r.Subject)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(l, " ")
	}
	version := func(db *dbfile.DB) int {
		row := versionRow{ID: 1}
		if err := db.Get(t.Context(), &row); err != nil {
			t.Fatal(err)
		}
		return row.Version
	}
	log := slog.New(slog.DiscardHandler)
	for _, tc := range []struct {
		name    string
		from    int
		steps   []upgradeStep
		ok      bool
		version int
		state   string
	}{
		{"nothing to do", 3, []upgradeStep{mark(2, "2", 0), mark(3, "3", 0)}, true, 3, "a b c"},
		{"one step", 2, []upgradeStep{mark(2, "2", 0), mark(3, "3", 0)}, true, 3, "a3 b3 c3"},
		{"all steps", 1, []upgradeStep{mark(2, "2", 0), mark(3, "3", 0)}, true, 3, "a23 b23 c23"},
		{"interrupted", 1, []upgradeStep{mark(2, "2", 0), mark(3, "3", 3)}, false, 2, "a23 b23 c2"},
		{"missing last step", 1, []upgradeStep{mark(2, "2", 0)}, false, 2, "a2 b2 c2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			db := versionDB(t, tc.from)
			err := upgrade(t.Context(), db, log, 3, tc.steps)
			if (err == nil) != tc.ok || version(db) != tc.version || state(db) != tc.state {
				t.Errorf("error %v, version %d, messages %s", err, version(db), state(db))
			}
			if errors.Is(err, interrupted) {
				// It goes on where it was.
				err := upgrade(t.Context(), db, log, 3, []upgradeStep{mark(2, "2", 0), mark(3, "3", 0)})
				if err != nil || version(db) != 3 || state(db) != "a23 b23 c23" {
					t.Errorf("second try: error %v, version %d, messages %s", err, version(db), state(db))
				}
			}
		})
	}
}

// The steps lead to the current version without a gap.
func TestUpgradeSteps(t *testing.T) {
	t.Parallel()
	version := 1
	for _, s := range upgradeSteps {
		if s.version != version+1 {
			t.Errorf("step to version %d follows version %d", s.version, version)
		}
		version = s.version
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
