package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// source makes a directory with files.
func source(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func fixed(path string) bool { return strings.HasSuffix(path, ".pack") }

func openRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// made makes a backup of a directory.
func made(t *testing.T, from, to string, earlier *Backup, link bool) *Backup {
	t.Helper()
	w, err := Create(to, earlier)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddTree(t.Context(), openRoot(t, from), "data", Options{Link: link, Fixed: fixed}); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(Manifest{Created: time.Unix(1, 0).UTC(), Program: "test", Source: from}); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil { // Of no effect now.
		t.Fatal(err)
	}
	b, err := Open(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func problems(t *testing.T, b *Backup) []string {
	t.Helper()
	var l []string
	if err := b.Check(t.Context(), func(*File) bool { return true }, func(p Problem) { l = append(l, p.Error()) }); err != nil {
		t.Fatal(err)
	}
	return l
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}

func TestBackupAndCopyOut(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a/1.pack": "sealed", "a/index.db": "database", "b": ""}
	src := source(t, files)
	if err := os.Symlink("/etc/passwd", filepath.Join(src, "link")); err != nil {
		t.Fatal(err)
	}
	for _, link := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "backup")
		b := made(t, src, dir, nil, link)
		if len(b.Files) != 3 || b.Size("data") != 14 || b.Program != "test" {
			t.Errorf("manifest %+v", b.Manifest)
		}
		if l := problems(t, b); len(l) > 0 {
			t.Error(l)
		}
		if sameFile(t, filepath.Join(src, "a/1.pack"), filepath.Join(dir, "data/a/1.pack")) != link {
			t.Errorf("linked is %v, want %v", !link, link)
		}
		out := filepath.Join(t.TempDir(), "out")
		var n int64
		if err := b.CopyOut(t.Context(), "data", out, func(p Problem) error { return p }, func(k int64) { n += k }); err != nil || n != 14 {
			t.Errorf("%d bytes, %v", n, err)
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join(out, name))
			if err != nil || string(got) != want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			if sameFile(t, filepath.Join(out, name), filepath.Join(dir, "data", name)) {
				t.Errorf("%s is shared with the backup", name)
			}
		}
	}
}

// An incremental backup shares what cannot have changed, and nothing else.
func TestIncremental(t *testing.T) {
	t.Parallel()
	src := source(t, map[string]string{"1.pack": "same", "2.pack": "other", "index.db": "database"})
	top := t.TempDir()
	first := made(t, src, filepath.Join(top, "1"), nil, false)
	// Of the same name and size, but with another time of change: as after going on from an older backup.
	if err := os.WriteFile(filepath.Join(src, "2.pack"), []byte("OTHER"), 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(src, "2.pack"), later, later); err != nil {
		t.Fatal(err)
	}
	second := made(t, src, filepath.Join(top, "2"), first, false)
	for name, want := range map[string]bool{"1.pack": true, "2.pack": false, "index.db": false} {
		if got := sameFile(t, filepath.Join(top, "1/data", name), filepath.Join(top, "2/data", name)); got != want {
			t.Errorf("%s: shared is %v, want %v", name, got, want)
		}
	}
	if l := problems(t, second); len(l) > 0 {
		t.Error(l)
	}
	// One that lost the file is not relied on.
	if err := os.Remove(filepath.Join(top, "1/data/1.pack")); err != nil {
		t.Fatal(err)
	}
	if l := problems(t, made(t, src, filepath.Join(top, "3"), first, false)); len(l) > 0 {
		t.Error(l)
	}
	if l := problems(t, first); len(l) != 1 || !strings.Contains(l[0], "is missing") {
		t.Error(l)
	}
}

func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(name string) error{
		"checksum": func(name string) error { return os.WriteFile(name, []byte("seAled"), 0o600) },
		"bytes":    func(name string) error { return os.Truncate(name, 3) },
		"missing":  os.Remove,
		"no file": func(name string) error {
			return errors.Join(os.Remove(name), os.Symlink("/etc/passwd", name))
		},
		"pipe": func(name string) error { return errors.Join(os.Remove(name), makePipe(name)) }, // Opening it would wait.
	} {
		src := source(t, map[string]string{"1.pack": "sealed", "b": "text"})
		dir := filepath.Join(t.TempDir(), "backup")
		b := made(t, src, dir, nil, false)
		if err := damage(filepath.Join(dir, "data/1.pack")); err != nil {
			t.Fatal(err)
		}
		if l := problems(t, b); len(l) != 1 {
			t.Errorf("%s: %q", name, l)
		}
		refuse := errors.New("refuse")
		if err := b.CopyOut(t.Context(), "data", filepath.Join(t.TempDir(), "out"), func(Problem) error { return refuse }, func(int64) {}); err != refuse {
			t.Errorf("%s: %v", name, err)
		}
		out := filepath.Join(t.TempDir(), "out")
		if err := b.CopyOut(t.Context(), "data", out, func(Problem) error { return nil }, func(int64) {}); err != nil {
			t.Errorf("%s: keeping: %v", name, err)
		}
		if got, err := os.ReadFile(filepath.Join(out, "b")); err != nil || string(got) != "text" {
			t.Errorf("%s: other file: %q, %v", name, got, err)
		}
	}
}

// Only what Commit was called for is a backup. What a killed one leaves is taken over, anything else refused.
func TestCreateAndAbort(t *testing.T) {
	t.Parallel()
	src := source(t, map[string]string{"b": "text"})
	dir := filepath.Join(t.TempDir(), "backup")
	w, err := Create(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddTree(t.Context(), openRoot(t, src), "data", Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrUnfinished) {
		t.Errorf("open of one that is being made: %v", err)
	}
	if _, err := Create(dir, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("second one: %v", err)
	}
	// As if it was killed.
	w.lock.Close()
	made(t, src, dir, nil, false)
	if _, err := Create(dir, nil); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("over a backup: %v", err)
	}

	dir = filepath.Join(t.TempDir(), "backup")
	if w, err = Create(dir, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.AddTree(ctx, openRoot(t, src), "data", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after abort: %v", err)
	}

	// A directory that was there stays.
	dir = t.TempDir()
	if w, err = Create(dir, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if l, err := os.ReadDir(dir); err != nil || len(l) > 0 {
		t.Errorf("after abort: %v, %v", l, err)
	}
	for _, name := range []string{"data", "letters.txt"} {
		dir := source(t, map[string]string{name: ""})
		if _, err := Create(dir, nil); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("with %s in it: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := Create(filepath.Join(dir, "none", "backup"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without parent: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of nothing: %v", err)
	}
	if _, err := Open(src); !errors.Is(err, ErrNoBackup) {
		t.Errorf("open of something else: %v", err)
	}
}

// A manifest may come from anywhere.
func TestManifestIsChecked(t *testing.T) {
	t.Parallel()
	const sum = `"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
	for _, tc := range []struct {
		manifest string
		want     error
	}{
		{`{"version":1,"files":[{"path":"data/a","size":0,` + sum + `}]}`, nil},
		{`{"version":2}`, ErrNewerVersion},
		{`{"version":1,"files":[`, ErrNoBackup},
		{`{}`, ErrNoBackup},
		{``, ErrNoBackup},
		{`{"version":1,"files":[{"path":"../a","size":0,` + sum + `}]}`, ErrNoBackup},
		{`{"version":1,"files":[{"path":"/etc/a","size":0,` + sum + `}]}`, ErrNoBackup},
		{`{"version":1,"files":[{"path":"data/../../a","size":0,` + sum + `}]}`, ErrNoBackup},
		{`{"version":1,"files":[{"path":"data/a","size":-1,` + sum + `}]}`, ErrNoBackup},
		{`{"version":1,"files":[{"path":"data/a","size":0,"sha256":"00"}]}`, ErrNoBackup},
		{`{"version":1,"files":[{"path":"a","size":0,` + sum + `},{"path":"a","size":0,` + sum + `}]}`, ErrNoBackup},
	} {
		if _, err := parseManifest([]byte(tc.manifest)); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.manifest, err, tc.want)
		}
	}
}

// After a repair the manifest is that of what is there.
func TestRefresh(t *testing.T) {
	t.Parallel()
	src := source(t, map[string]string{"1.pack": "sealed", "index.db": "database", "old": ""})
	dir := filepath.Join(t.TempDir(), "backup")
	b := made(t, src, dir, nil, false)
	for _, err := range []error{
		os.WriteFile(filepath.Join(dir, "data/index.db"), []byte("mended"), 0o600),
		os.WriteFile(filepath.Join(dir, "data/new"), []byte("new"), 0o600),
		os.Remove(filepath.Join(dir, "data/old")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(problems(t, b)) == 0 {
		t.Error("nothing is found")
	}
	if err := b.Refresh(t.Context(), "data", fixed); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if l := problems(t, again); len(l) > 0 || len(again.Files) != 3 {
		t.Errorf("%v, %d files", l, len(again.Files))
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"created":"2026-11-22T17:07:50Z","program":"mox","source":"/data","files":[
{"path":"data/a","size":0,"modified":1,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","fixed":true}
]}`))
	f.Add([]byte(`{"version":1,"files":[{"path":"../x"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if strings.HasPrefix(file.Path, "/") || strings.Contains("/"+file.Path+"/", "/../") {
				t.Errorf("path %q", file.Path)
			}
		}
	})
}
