package store

import (
	"errors"
	"fmt"
	"testing"

	"mox/store/dbfile"
)

// Recipients of version 2, of which nothing but the time was known, become correspondents.
func TestUpgradeToVersion3(t *testing.T) {
	t.Parallel()
	type recipientRow struct {
		Path  string `bstore:"typename Recipient"`
		First int64
	}
	ctx := t.Context()
	dir := t.TempDir()
	s, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	if err := s.Create(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	path := databasePath(s.accountDir(s.byName["a"].info.ID))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := dbfile.Open(ctx, path, versionRow{}, recipientRow{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []any
	const count = 5000 // Several transactions.
	for i := range count {
		rows = append(rows, &recipientRow{fmt.Sprintf("%d@example.org", i), int64(i)})
	}
	if err := errors.Join(db.Update(ctx, &versionRow{1, 2}), db.Insert(ctx, rows...), db.Close()); err != nil {
		t.Fatal(err)
	}

	if s, err = New(Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	l, err := a.Correspondents(ctx, "", 10_000)
	if err != nil || len(l) != count {
		t.Fatalf("%d correspondents, %v", len(l), err)
	}
	for i, c := range l {
		if c.Address != fmt.Sprintf("%d@example.org", count-1-i) || c.Count != 1 || c.Last.Unix() != int64(count-1-i) {
			t.Fatalf("correspondent %d is %+v", i, c)
		}
	}
	if known, err := a.HasSentTo(ctx, "7@example.org"); err != nil || !known {
		t.Errorf("sent to: %v, %v", known, err)
	}
	if err := s.Verify(ctx, "a", true, func(p Problem) { t.Error(p.What) }); err != nil {
		t.Error(err)
	}
}
