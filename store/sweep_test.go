package store

import (
	"context"
	"os"
	"strings"
	"testing"

	"mox/store/blob"
)

// Files that a crash left are removed, also if the account was closed again before there was time for it.
func TestFilesOfACrashAreRemoved(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, a := newVerifyStore(t)
	text := strings.Repeat("x", 300_000)
	if _, err := a.acc.blobs.Stage(ctx, blob.Item{EmailID: 1, Body: strings.NewReader(text), Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(s *Store) error{
		"kept open": func(*Store) error { return nil },
		"visited": func(s *Store) error {
			return s.Visit(ctx, "verify", func(*Account) error { return nil })
		},
		"stopped": func(s *Store) error {
			_, err := s.Open(ctx, "verify")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 10 {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(s.opts.Dir)); err != nil {
					t.Fatal(err)
				}
				crashed, err := New(Options{Dir: dir})
				if err == nil {
					err = open(crashed)
				}
				if err != nil {
					t.Fatal(err)
				}
				if name == "stopped" {
					if err := crashed.Close(); err != nil {
						t.Fatal(err)
					}
					if crashed, err = New(Options{Dir: dir}); err != nil {
						t.Fatal(err)
					}
				}
				if l := verifyAll(t, crashed, true); len(l) > 0 {
					t.Errorf("problems %+v", l)
				}
				if err := crashed.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
