package store

import (
	"errors"
	"testing"

	"mox/store/dbfile"
)

// An account of version 1, which has no web sessions and does not count passwords, goes on with its password.
func TestUpgradeToVersion2(t *testing.T) {
	t.Parallel()
	type credentialsRow struct {
		ID          int64 `bstore:"noauto,typename Credentials"`
		Argon2id    string
		SCRAMSHA256 string
		Changed     int64
		SCRAMSHA1   string
		CRAMMD5     string
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
	made, err := s.passwords.derive("secret word", extraVerifiers{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := dbfile.Open(ctx, path, versionRow{}, credentialsRow{})
	if err != nil {
		t.Fatal(err)
	}
	old := credentialsRow{ID: 1, Argon2id: made.Argon2id, SCRAMSHA256: made.SCRAMSHA256, Changed: 1}
	if err := errors.Join(db.Update(ctx, &versionRow{1, 1}), db.Insert(ctx, &old), db.Close()); err != nil {
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
	version, err := a.VerifyPassword(ctx, "secret word")
	if err != nil || version != 0 {
		t.Errorf("password of version 1: %d, %v", version, err)
	}
	if _, err := a.AddWebSession(ctx, System, NewWebSession{Password: version, Expires: s.opts.Now().Add(1 << 40)}); err != nil {
		t.Error(err)
	}
	row := versionRow{ID: 1}
	if err := a.acc.db.Get(ctx, &row); err != nil || row.Version != schemaVersion {
		t.Errorf("version %d, %v", row.Version, err)
	}
}
