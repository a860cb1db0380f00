package crash

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/replay"
)

var replayPoints = flag.Int("points", 0, "at how many moments of a recording the power fails; 0 for some")

// record lets a driver work to its end and returns what it did to its disk.
func record(t *testing.T, senders, rounds int) *replay.Log {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cmd := driverCommand(t, filepath.Join(dir, "data"), 0, senders, rounds)
	cmd.Stderr = os.Stderr
	log, err := replay.Trace(context.Background(), cmd, dir)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// crashAt returns what is wrong with what a disk has left if the power fails in its state.
func crashAt(t *testing.T, d *replay.Disk, log *replay.Log, seed uint64) error {
	t.Helper()
	dir, err := scratchDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := d.Crash(seed).Restore(vfs.OS{}, dir); err != nil {
		t.Fatal(err)
	}
	m := model{}
	for _, note := range log.Marks(d.Done()) {
		for line := range strings.Lines(note) {
			m.note(line)
		}
	}
	found, err := inspect(filepath.Join(dir, "data"))
	return errors.Join(err, m.check(found))
}

// scratchDir makes a directory, in memory where that is possible: syncing the results of hundreds of
// crashes to a real disk would take most of the time.
func scratchDir() (string, error) {
	const pattern = "mox-replay-*"
	if dir, err := os.MkdirTemp("/dev/shm", pattern); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", pattern)
}

// crashAll lets the power fail at some moments spread over a log, each time with several seeds, and
// returns the first thing that is wrong.
func crashAll(t *testing.T, log *replay.Log, points int, seeds ...uint64) error {
	t.Helper()
	d := replay.NewDisk()
	for i, op := range log.Ops {
		if err := d.Apply(op); err != nil {
			t.Fatal(err)
		}
		// Evenly spread, with the end among them.
		if i != len(log.Ops)-1 && (i+1)*points/len(log.Ops) == i*points/len(log.Ops) {
			continue
		}
		for _, seed := range seeds {
			if seed > 1 {
				seed += uint64(i)
			}
			if err := crashAt(t, d, log, seed); err != nil {
				return fmt.Errorf("power fails after operation %d of %d (%v), seed %d: %w", i, len(log.Ops), op, seed, err)
			}
		}
	}
	return nil
}

// The power fails at any moment while the store works for several senders, with what was not synced
// lost in part, or reordered.
func TestPowerFails(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long")
	}
	points := 100
	if *replayPoints > 0 {
		points = *replayPoints
	}
	log := record(t, 3, 8)
	if err := crashAll(t, log, points, 0, 1, 2, 1<<32); err != nil {
		t.Error(err)
	}
}

// A sync that is left out is noticed, whichever it is: without that, TestPowerFails would prove
// nothing.
func TestMissingSyncIsNoticed(t *testing.T) {
	t.Parallel()
	log := record(t, 2, 4)
	paths := log.Paths()
	syncOf := func(name string) func(replay.Op) bool {
		return func(op replay.Op) bool {
			return op.Kind == replay.Sync && strings.Contains(paths[op.File], name)
		}
	}
	for _, tc := range []struct {
		name string
		drop func(replay.Op) bool
	}{
		{"of the pack", syncOf(".pack")},
		{"of the database", syncOf("index.db")},
		{"of a large file", syncOf(".blob")},
		{"of the directory of large files", func(op replay.Op) bool {
			return op.Kind == replay.SyncDir && filepath.Base(op.Path) == "files"
		}},
		{"of the directory of packs", func(op replay.Op) bool {
			return op.Kind == replay.SyncDir && filepath.Base(op.Path) == "blobs"
		}},
		{"of the directory of accounts", func(op replay.Op) bool {
			return op.Kind == replay.SyncDir && filepath.Base(op.Path) == "data"
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			without := log.Without(tc.drop)
			if len(without.Ops) == len(log.Ops) {
				t.Fatal("there is no such sync")
			}
			if err := crashAll(t, without, 1, 0); err == nil {
				t.Error("not noticed")
			} else {
				t.Log(err)
			}
		})
	}
}
