package store

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mjl-/bstore"

	"mox/store/dbfile"
)

// versionDB makes a database of a version with three rows to upgrade.
func versionDB(t *testing.T, version int32) *dbfile.DB {
	t.Helper()
	db, err := dbfile.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), versionRow{}, subscriptionRow{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	err = db.Insert(t.Context(), &versionRow{1, version}, &subscriptionRow{"a"}, &subscriptionRow{"b"}, &subscriptionRow{"c"})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	interrupted := errors.New("interrupted")
	// mark is a step that puts a mark on one row per transaction.
	mark := func(version int32, mark string, failAt int) dbfile.UpgradeStep {
		calls := 0
		return dbfile.UpgradeStep{Version: int(version), Run: func(tx *bstore.Tx) (bool, error) {
			if calls++; calls == failAt {
				return false, interrupted
			}
			var todo []subscriptionRow
			err := bstore.QueryTx[subscriptionRow](tx).ForEach(func(r subscriptionRow) error {
				if !strings.HasSuffix(r.Name, mark) {
					todo = append(todo, r)
				}
				return nil
			})
			if err != nil || len(todo) == 0 {
				return err == nil, err
			}
			if err := tx.Delete(&todo[0]); err != nil {
				return false, err
			}
			return false, tx.Insert(&subscriptionRow{todo[0].Name + mark})
		}}
	}
	state := func(db *dbfile.DB) string {
		t.Helper()
		var l []string
		err := db.Read(t.Context(), func(tx *bstore.Tx) error {
			return bstore.QueryTx[subscriptionRow](tx).SortAsc("Name").ForEach(func(r subscriptionRow) error {
				l = append(l, r.Name)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(l, " ")
	}
	version := func(db *dbfile.DB) int32 {
		row := versionRow{ID: 1}
		if err := db.Get(t.Context(), &row); err != nil {
			t.Fatal(err)
		}
		return row.Version
	}
	log := slog.New(slog.DiscardHandler)
	for _, tc := range []struct {
		name    string
		from    int32
		current int32
		steps   []dbfile.UpgradeStep
		ok      bool
		version int32
		state   string
	}{
		{"nothing to do", 3, 3, []dbfile.UpgradeStep{mark(2, "2", 0), mark(3, "3", 0)}, true, 3, "a b c"},
		{"one step", 2, 3, []dbfile.UpgradeStep{mark(2, "2", 0), mark(3, "3", 0)}, true, 3, "a3 b3 c3"},
		{"all steps", 1, 3, []dbfile.UpgradeStep{mark(2, "2", 0), mark(3, "3", 0)}, true, 3, "a23 b23 c23"},
		{"interrupted", 1, 3, []dbfile.UpgradeStep{mark(2, "2", 0), mark(3, "3", 3)}, false, 2, "a23 b23 c2"},
		{"missing last step", 1, 3, []dbfile.UpgradeStep{mark(2, "2", 0)}, false, 2, "a2 b2 c2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			db := versionDB(t, tc.from)
			err := upgrade(context.Background(), db, log, tc.current, tc.steps)
			if (err == nil) != tc.ok || version(db) != tc.version || state(db) != tc.state {
				t.Errorf("error %v, version %d, rows %s", err, version(db), state(db))
			}
			if errors.Is(err, interrupted) {
				// It goes on where it was.
				err := upgrade(context.Background(), db, log, tc.current, []dbfile.UpgradeStep{mark(2, "2", 0), mark(3, "3", 0)})
				if err != nil || version(db) != 3 || state(db) != "a23 b23 c23" {
					t.Errorf("second try: error %v, version %d, rows %s", err, version(db), state(db))
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
		if s.Version != version+1 {
			t.Errorf("step to version %d follows version %d", s.Version, version)
		}
		version = s.Version
	}
	if version != schemaVersion {
		t.Errorf("steps lead to version %d, current is %d", version, schemaVersion)
	}
}

// A database of a newer version is refused, and not touched: not even its types are registered.
func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	type accountRow struct {
		ID      int64 `bstore:"noauto,typename Account"`
		Changed string
	}
	s, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	path := databasePath(s.accountDir(s.byName["a"].info.ID))
	change := func(version int32) {
		t.Helper()
		db, err := dbfile.Open(t.Context(), path, versionRow{}, accountRow{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		row := accountRow{ID: 1}
		if err := errors.Join(db.Update(t.Context(), &versionRow{1, version}), db.Get(t.Context(), &row)); err != nil {
			t.Fatal(err)
		}
		if version == schemaVersion+1 {
			row.Changed = "by a newer version"
			if err := db.Update(t.Context(), &row); err != nil {
				t.Fatal(err)
			}
		} else if row.Changed == "" {
			t.Error("opening a newer database changed it")
		}
	}
	change(schemaVersion + 1)
	if _, err := s.Open(t.Context(), "a"); !errors.Is(err, ErrNewerVersion) || !strings.Contains(err.Error(), "newer mox") {
		t.Errorf("error %v", err)
	}
	change(schemaVersion)
}
