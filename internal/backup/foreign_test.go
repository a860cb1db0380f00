//go:build unix

package backup

import (
	"os"
	"path/filepath"
	"testing"
)

// Who owns the files can write to them also later. A backup of root must not change by that, and nor must one that shares
// files with an earlier one.
func TestFilesOfOthersAreCopied(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can back up files of others")
	}
	from := source(t, map[string]string{"1.pack": "messages"})
	pack := filepath.Join(from, "1.pack")
	if err := os.Chown(pack, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	do := func(name string, earlier *Backup, opts Options) (*Backup, string) {
		t.Helper()
		dir := filepath.Join(top, name)
		w, err := Create(dir, earlier)
		if err != nil {
			t.Fatal(err)
		}
		opts.Fixed = fixed
		if err := w.AddTree(t.Context(), openRoot(t, from), "data", opts); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(Manifest{}); err != nil {
			t.Fatal(err)
		}
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b, filepath.Join(dir, "data", "1.pack")
	}
	linked, linkedPack := do("linked", nil, Options{Link: true, LinkForeign: true})
	if !sameFile(t, pack, linkedPack) {
		t.Error("it was asked for a link")
	}
	copied, copiedPack := do("copied", nil, Options{Link: true})
	_, afterLinked := do("afterlinked", linked, Options{Link: true})
	_, afterCopied := do("aftercopied", copied, Options{Link: true})
	if sameFile(t, pack, copiedPack) || sameFile(t, pack, afterLinked) {
		t.Error("a file of another user is shared")
	}
	if !sameFile(t, copiedPack, afterCopied) {
		t.Error("a copy is not shared with the next backup")
	}
	// The service was broken into.
	if err := os.WriteFile(pack, []byte("rewrites"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{copiedPack, afterLinked, afterCopied} {
		data, err := os.ReadFile(name)
		if err != nil || string(data) != "messages" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
		if fi, err := os.Stat(name); err != nil || !isOurs(fi) {
			t.Errorf("%s is of another user: %v, %v", name, fi, err)
		}
	}
}
