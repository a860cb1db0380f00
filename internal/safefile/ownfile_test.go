//go:build unix

package safefile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Where users can make hard links to files of others, a file is given to the user as a copy, and only if there is nothing in
// it that the user could not read.
func TestOwnFileWithoutLinkProtection(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("this is about what root does for others; run as root")
	}
	const them, gid = 65534, 65533
	u := User{them, gid}
	for _, tc := range []struct {
		name     string
		uid, gid int
		mode     os.FileMode
		change   func(path string) error
		taken    bool
	}{
		{"of root, for all to read", 0, 0, 0o644, nil, true},
		{"of root and the group", 0, gid, 0o640, nil, true},
		{"of the user", them, gid, 0o600, nil, true},

		{"secret", 0, 0, 0o600, nil, false},
		{"of another group", 0, 7, 0o640, nil, false},
		{"for all but the group", 0, gid, 0o604, nil, false},
		{"of another user", 7, 7, 0o644, nil, false},
		{"with another name", 0, 0, 0o644, func(path string) error { return os.Link(path, path+".other") }, false},
		{"too large", 0, 0, 0o644, func(path string) error { return os.Truncate(path, MaxSize+1) }, false},
		{"symbolic link", 0, 0, 0o644, func(path string) error {
			return renameTo(path, path+".target", func() error { return os.Symlink(path+".target", path) })
		}, false},
		{"pipe", 0, 0, 0o644, func(path string) error {
			return renameTo(path, path+".was", func() error { return syscall.Mkfifo(path, 0o644) })
		}, false},
	} {
		dir := filepath.Join(t.TempDir(), "config")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := Share(dir, gid); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "domains.conf")
		if err := os.WriteFile(path, []byte("Domains: nil\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, tc.uid, tc.gid); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tc.mode); err != nil {
			t.Fatal(err)
		}
		if tc.change != nil {
			if err := tc.change(path); err != nil {
				t.Fatal(err)
			}
		}
		// Another process holds what may be a file from elsewhere.
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		err = u.ownFile(path, false)
		after, lerr := os.Lstat(path)
		if lerr != nil {
			t.Fatal(lerr)
		}
		if !tc.taken {
			if err == nil || !strings.Contains(err.Error(), "chown 65534") || !os.SameFile(before, after) {
				t.Errorf("%s: %v, another file: %v", tc.name, err, !os.SameFile(before, after))
			}
			continue
		}
		st := after.Sys().(*syscall.Stat_t)
		data, rerr := os.ReadFile(path)
		if err != nil || st.Uid != them || st.Gid != gid || rerr != nil || string(data) != "Domains: nil\n" {
			t.Errorf("%s: %v, owner %d:%d, content %q, %v", tc.name, err, st.Uid, st.Gid, data, rerr)
		}
		if os.SameFile(before, after) != (tc.uid == them) {
			t.Errorf("%s: the same file: %v", tc.name, os.SameFile(before, after))
		}
		if tc.uid == 0 && after.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", tc.name, after.Mode())
		}
		if l, err := os.ReadDir(dir); err != nil || len(l) != 1 {
			t.Errorf("%s: left behind: %v, %v", tc.name, l, err)
		}
	}
}

func renameTo(path, to string, then func() error) error {
	if err := os.Rename(path, to); err != nil {
		return err
	}
	return then()
}
