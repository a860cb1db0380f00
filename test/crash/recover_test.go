package crash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/replay"
	"mox/store"
)

// recoverAccount rebuilds the database of the account in a directory.
func recoverAccount(ctx context.Context, dir string) (rerr error) {
	s, err := store.New(store.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, s.Close()) }()
	stats, err := s.Recover(ctx, accountName, nil)
	if err == nil && stats.Damaged > 0 {
		err = fmt.Errorf("%d damaged messages in sound packs", stats.Damaged)
	}
	return err
}

// afterRecovery turns promises into those that recovery keeps: a message is where it was delivered, without
// later changes, and one that was expunged may be back.
func (m model) afterRecovery() model {
	after := model{}
	for id, states := range m {
		after[id] = []string{"Inbox"}
		if slices.Contains(states, gone) {
			after[id] = append(after[id], gone)
		}
	}
	return after
}

// workAndLose lets a driver work to its end in a directory, removes the database, and returns what was
// promised.
func workAndLose(t *testing.T, dir string, senders, rounds int) model {
	t.Helper()
	cmd := driverCommand(t, dir, 0, senders, rounds)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	m := model{}
	for line := range strings.Lines(string(out)) {
		m.note(line)
	}
	l, err := filepath.Glob(filepath.Join(dir, "*", "index.db"))
	if err != nil || len(l) != 1 {
		t.Fatalf("databases: %v, %v", l, err)
	}
	if err := os.Remove(l[0]); err != nil {
		t.Fatal(err)
	}
	return m
}

// The database is lost: all messages come back from the packs.
func TestDatabaseLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := workAndLose(t, dir, 5, 40).afterRecovery()
	if m.acknowledged() == 0 {
		t.Fatal("nothing was delivered")
	}
	if err := recoverAccount(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	found, err := inspect(dir)
	if err := errors.Join(err, m.check(found)); err != nil {
		t.Error(err)
	}
}

// The power fails during recovery. Then there is either no database, and recovery succeeds when it is
// tried again, or a whole one.
func TestPowerFailsDuringRecovery(t *testing.T) {
	t.Parallel()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "data")
	m := workAndLose(t, dir, 2, 7).afterRecovery()
	cmd := driverCommand(t, dir, 0, 0, 0)
	cmd.Args = []string{cmd.Path, dir}
	cmd.Env = append(os.Environ(), driverEnv+"="+recoverDriver)
	cmd.Stderr = os.Stderr
	log, err := replay.Trace(context.Background(), cmd, top)
	if err != nil {
		t.Fatal(err)
	}
	base := 0
	d := replay.NewDisk()
	whole := 0
	for i, op := range log.Ops {
		if err := d.Apply(op); err != nil {
			t.Fatal(err)
		}
		if base == 0 && strings.Contains(op.Path, "recover") {
			base = i
		}
		if base == 0 || i%10 != 0 && i != len(log.Ops)-1 {
			continue
		}
		for _, seed := range []uint64{0, 1, uint64(i) + 2} {
			again, err := crashedRecovery(t, d, seed, maps.Clone(m))
			if err != nil {
				t.Fatalf("power fails after operation %d of %d (%v), seed %d: %v", i, len(log.Ops), op, seed, err)
			}
			if !again {
				whole++
			}
		}
	}
	if whole == 0 {
		t.Error("recovery never finished")
	}
}

// crashedRecovery checks what a disk has left of a recovery, and reports whether it had to be done again.
func crashedRecovery(t *testing.T, d *replay.Disk, seed uint64, m model) (again bool, rerr error) {
	t.Helper()
	dir, err := scratchDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := d.Crash(seed).Restore(vfs.OS{}, dir); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "data")
	l, err := filepath.Glob(filepath.Join(dir, "*", "index.db"))
	if err != nil {
		return false, err
	}
	if len(l) == 0 {
		if err := recoverAccount(context.Background(), dir); err != nil {
			return true, err
		}
	}
	found, err := inspect(dir)
	return len(l) == 0, errors.Join(err, m.check(found))
}
