package replay

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/memfs"
)

// recorder returns a recorder of an empty directory.
func recorder(t *testing.T) *Recorder {
	t.Helper()
	r, err := NewRecorder(memfs.New(), "/")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	must(t, err)
	return f
}

func write(t *testing.T, f vfs.File, data string, off int64) {
	t.Helper()
	_, err := f.WriteAt([]byte(data), off)
	must(t, err)
}

// outcomes returns the contents that a file may have after a crash, "none" if it
// may be missing.
func outcomes(t *testing.T, r *Recorder, name string) map[string]bool {
	t.Helper()
	log, _ := r.Log()
	d := NewDisk()
	for _, op := range log.Ops {
		must(t, d.Apply(op))
	}
	seen := map[string]bool{}
	for seed := range uint64(300) {
		img := d.Crash(seed)
		if data, ok := img.Files[name]; ok {
			seen[string(data)] = true
		} else {
			seen["none"] = true
		}
	}
	return seen
}

func wantOutcomes(t *testing.T, got map[string]bool, want ...string) {
	t.Helper()
	for _, w := range want {
		if !got[w] {
			t.Errorf("no crash gave %q", w)
		}
		delete(got, w)
	}
	for g := range got {
		t.Errorf("a crash gave %q", g)
	}
}

func TestUnsyncedIsLostOrNot(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, r *Recorder)
		want []string
	}{
		{"all synced", func(t *testing.T, r *Recorder) {
			f := create(t, r, "/x")
			write(t, f, "one", 0)
			must(t, f.Sync())
			must(t, r.SyncDir("/"))
		}, []string{"one"}},
		{"name not synced", func(t *testing.T, r *Recorder) {
			f := create(t, r, "/x")
			write(t, f, "one", 0)
			must(t, f.Sync())
		}, []string{"one", "none"}},
		{"data not synced", func(t *testing.T, r *Recorder) {
			f := create(t, r, "/x")
			must(t, r.SyncDir("/"))
			write(t, f, "one", 0)
		}, []string{"one", "", "\x00\x00\x00"}},
		{"written after the sync", func(t *testing.T, r *Recorder) {
			f := create(t, r, "/x")
			write(t, f, "one", 0)
			must(t, f.Datasync())
			must(t, r.SyncDir("/"))
			write(t, f, "two", 0)
		}, []string{"one", "two"}},
		{"reordered", func(t *testing.T, r *Recorder) {
			f := create(t, r, "/x")
			write(t, f, "...", 0)
			must(t, f.Sync())
			must(t, r.SyncDir("/"))
			write(t, f, "a", 0)
			write(t, f, "b", 1)
			write(t, f, "c", 1)
		}, []string{"...", "a..", ".b.", ".c.", "ab.", "ac."}},
		{"truncated", func(t *testing.T, r *Recorder) {
			f := create(t, r, "/x")
			write(t, f, "12345", 0)
			must(t, f.Sync())
			must(t, r.SyncDir("/"))
			must(t, f.Truncate(2))
		}, []string{"12345", "12"}},
		{"renamed over", func(t *testing.T, r *Recorder) {
			write(t, create(t, r, "/x"), "old", 0)
			f := create(t, r, "/x")
			must(t, f.Sync())
			n := create(t, r, "/new")
			write(t, n, "new", 0)
			must(t, n.Sync())
			must(t, r.SyncDir("/"))
			must(t, r.Rename("/new", "/x"))
		}, []string{"old", "new"}},
		{"removed", func(t *testing.T, r *Recorder) {
			create(t, r, "/x")
			must(t, r.SyncDir("/"))
			must(t, r.Remove("/x"))
		}, []string{"", "none"}},
		{"removed and synced", func(t *testing.T, r *Recorder) {
			create(t, r, "/x")
			must(t, r.Remove("/x"))
			must(t, r.SyncDir("/"))
		}, []string{"none"}},
		{"moved between directories", func(t *testing.T, r *Recorder) {
			must(t, r.Mkdir("/tmp", 0o700))
			must(t, r.SyncDir("/"))
			create(t, r, "/tmp/x")
			must(t, r.Rename("/tmp/x", "/x"))
			must(t, r.SyncDir("/"))
		}, []string{""}},
		{"below a directory that is not synced", func(t *testing.T, r *Recorder) {
			must(t, r.Mkdir("/d", 0o700))
			create(t, r, "/d/x")
			must(t, r.SyncDir("/d"))
			must(t, r.Rename("/d", "/e"))
			must(t, r.Rename("/e/x", "/x"))
			must(t, r.SyncDir("/e"))
		}, []string{""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := recorder(t)
			tc.do(t, r)
			wantOutcomes(t, outcomes(t, r, "x"), tc.want...)
		})
	}
}

func TestWritesAreTornAtSectors(t *testing.T) {
	t.Parallel()
	r := recorder(t)
	f := create(t, r, "/x")
	write(t, f, strings.Repeat("-", 2000), 0)
	must(t, f.Sync())
	must(t, r.SyncDir("/"))
	write(t, f, strings.Repeat("+", 1100), 100)
	torn := false
	for data := range outcomes(t, r, "x") {
		if len(data) != 2000 || strings.Contains(data[:100]+data[1200:], "+") {
			t.Fatalf("bytes changed outside of the write: %q", data)
		}
		for _, part := range []string{data[100:512], data[512:1024], data[1024:1200]} {
			if strings.Contains(part, "-") && strings.Contains(part, "+") {
				t.Fatalf("part of a sector was written: %q", part)
			}
		}
		written := data[100:1200]
		torn = torn || strings.Contains(written, "-") && strings.Contains(written, "+")
	}
	if !torn {
		t.Fatal("no write was torn")
	}
}

func TestFailedSyncLosesForGood(t *testing.T) {
	t.Parallel()
	d := NewDisk()
	ops := []Op{
		{Kind: Create, Path: "x"},
		{Kind: SyncDir, Path: ".", Start: 1},
		{Kind: Write, Data: []byte("abc")},
		{Kind: SyncFailed, Start: 3},
		{Kind: Write, Data: []byte("d"), Off: 3},
		{Kind: Sync, Start: 5},
	}
	for _, op := range ops {
		must(t, d.Apply(op))
	}
	if got := d.Crash(0).Files["x"]; !bytes.Equal(got, []byte("\x00\x00\x00d")) {
		t.Errorf("got %q", got)
	}
	if got := d.Crash(1).Files["x"]; !bytes.Equal(got, []byte("abcd")) {
		t.Errorf("got %q", got)
	}
}

func TestSyncCoversWhatWasDoneBeforeItBegan(t *testing.T) {
	t.Parallel()
	d := NewDisk()
	ops := []Op{
		{Kind: Create, Path: "x"},
		{Kind: SyncDir, Path: ".", Start: 1},
		{Kind: Write, Data: []byte("a")},
		{Kind: Write, Data: []byte("b"), Off: 1},
		{Kind: Sync, Start: 3},
	}
	for _, op := range ops {
		must(t, d.Apply(op))
	}
	if got := d.Crash(0).Files["x"]; string(got) != "a" {
		t.Errorf("got %q", got)
	}
}

func TestApplyRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, op := range []Op{
		{Kind: Create, Path: "no/x"},
		{Kind: Remove, Path: "x"},
		{Kind: Rename, Path: "x", NewPath: "y"},
		{Kind: Write, File: 7, Data: []byte("x")},
		{Kind: Sync, File: 7},
		{Kind: SyncDir, Path: "no"},
		{},
	} {
		if err := NewDisk().Apply(op); err == nil {
			t.Errorf("%v was applied", op)
		}
	}
}

func TestRecorderBeginsWithWhatIsThere(t *testing.T) {
	t.Parallel()
	m := memfs.New()
	must(t, m.Mkdir("/d", 0o700))
	write(t, create(t, m, "/d/x"), "before", 0)
	r, err := NewRecorder(m, "/")
	must(t, err)
	wantOutcomes(t, outcomes(t, r, "d/x"), "before")
	write(t, create(t, r, "/d/x"), "B", 0)
	wantOutcomes(t, outcomes(t, r, "d/x"), "before", "Before")
}

func TestWithoutKeepsTheRestInOrder(t *testing.T) {
	t.Parallel()
	r := recorder(t)
	f := create(t, r, "/x")
	must(t, r.SyncDir("/"))
	write(t, f, "a", 0)
	must(t, f.Sync())
	r.Mark("promised")
	write(t, f, "b", 0)
	must(t, f.Sync())
	log, base := r.Log()
	syncs := 0
	log = log.Without(func(op Op) bool {
		if op.Kind == Sync {
			syncs++
		}
		return op.Kind == Sync && syncs == 1
	})
	if want := len(log.Ops); want != base+6 {
		t.Fatalf("%d operations, %d at the start", want, base)
	}
	if marks := log.Marks(len(log.Ops)); len(marks) != 1 || marks[0] != "promised" {
		t.Errorf("marks %q", marks)
	}
	d := NewDisk()
	for _, op := range log.Ops[:len(log.Ops)-1] {
		must(t, d.Apply(op))
	}
	if got := d.Crash(0).Files["x"]; len(got) != 0 {
		t.Errorf("got %q without a sync", got)
	}
	must(t, d.Apply(log.Ops[len(log.Ops)-1]))
	if got := d.Crash(0).Files["x"]; string(got) != "b" {
		t.Errorf("got %q", got)
	}
}

func TestCrashesTriesThePointsPicked(t *testing.T) {
	t.Parallel()
	r := recorder(t)
	f := create(t, r, "/x")
	must(t, r.SyncDir("/"))
	r.Mark("one")
	write(t, f, "data", 0)
	r.Mark("two")
	log, base := r.Log()
	var got []string
	err := log.Crashes(Points{From: base + 2, Every: 2, Seeds: 2}, func(p Point, img *Image) error {
		got = append(got, fmt.Sprintf("%d %d %q %q", p.Done-base, p.Seed, img.Files["x"], p.Marks))
		return nil
	})
	must(t, err)
	want := []string{`2 0 "" []`, `2 1 "" []`, `4 0 "" ["one"]`, `4 1 "data" ["one"]`}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	stop := errors.New("stop")
	if err := log.Crashes(Points{}, func(Point, *Image) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got error %v", err)
	}
}

func TestRestoreAndSnapshotAgree(t *testing.T) {
	t.Parallel()
	img := &Image{Dirs: []string{"a", "a/b"}, Files: map[string][]byte{"x": []byte("1"), "a/b/y": {}}}
	dir := t.TempDir()
	must(t, img.Restore(vfs.OS{}, dir))
	got, err := Snapshot(vfs.OS{}, dir)
	must(t, err)
	compareImages(t, got, img)
}

func compareImages(t *testing.T, got, want *Image) {
	t.Helper()
	if !slices.Equal(got.Dirs, want.Dirs) {
		t.Errorf("directories %v, want %v", got.Dirs, want.Dirs)
	}
	if !maps.EqualFunc(got.Files, want.Files, bytes.Equal) {
		for p, data := range want.Files {
			if !bytes.Equal(got.Files[p], data) {
				t.Errorf("%s: %d bytes that are not the %d there are", p, len(got.Files[p]), len(data))
			}
		}
		for p := range got.Files {
			if _, ok := want.Files[p]; !ok {
				t.Errorf("%s: does not exist", p)
			}
		}
	}
}
