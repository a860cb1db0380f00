package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mox/internal/ctl"
)

// A server that was taken over cannot have a backup by root take files that it could not read itself.
func TestBackupFromHostileServer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		dirs func(data, secret string) []string // Tells where the snapshot is.
	}{
		{"elsewhere", func(_, secret string) []string { return []string{secret} }},
		{"elsewhere by dots", func(data, secret string) []string { return []string{data + "/tmp/../../secret"} }},
		{"the temporary files themselves", func(data, _ string) []string { return []string{data + "/tmp"} }},
		{"link", func(data, secret string) []string {
			os.Symlink(secret, data+"/tmp/backup-1")
			return []string{data + "/tmp/backup-1"}
		}},
		{"below a link", func(data, secret string) []string {
			os.Symlink(filepath.Dir(secret), data+"/tmp/backup-1")
			return []string{data + "/tmp/backup-1/secret"}
		}},
		{"told again and again", func(_, secret string) []string { return []string{secret, secret, secret} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := localserveDirectory(t)
			data := filepath.Join(filepath.Dir(path), "data")
			secret := filepath.Join(filepath.Dir(path), "secret")
			for _, dir := range []string{data + "/tmp", secret} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(secret, "shadow"), []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			dirs := tc.dirs(data, secret)
			server := ctl.New(ctl.Options{Handlers: map[string]ctl.Handler{"backup.snapshot": func(ctx context.Context, c *ctl.Call) (any, error) {
				for _, dir := range dirs {
					for _, p := range []backupProgress{{Dir: dir}, {Problem: "trouble"}, {What: "accounts"}} {
						if err := c.Progress(p); err != nil {
							return nil, err
						}
					}
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}}})
			l, err := ctl.Listen(data)
			if err != nil {
				t.Fatal(err)
			}
			go server.Serve(l)
			defer server.Shutdown(context.Background())

			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			to := filepath.Join(t.TempDir(), "backup")
			var out strings.Builder
			if code := run(ctx, []string{"--config", path, "backup", "--quick", to}, strings.NewReader(""), &out, &out); code != exitFailure || ctx.Err() != nil {
				t.Errorf("exit code %d, %v: %s", code, ctx.Err(), out.String())
			}
			filepath.WalkDir(to, func(name string, d fs.DirEntry, err error) error {
				if err == nil && d.Name() == "shadow" {
					t.Errorf("%s is in the backup", name)
				}
				return nil
			})
		})
	}
}
