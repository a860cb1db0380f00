package blob

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mox/internal/vfs"
	"mox/internal/vfs/replay"
)

// tracedVariable makes the test binary do some work in the directory that it
// names, instead of testing.
const tracedVariable = "MOX_BLOB_TEST_WORK"

const (
	tracedSeed   = 5
	tracedRounds = 40
)

func TestMain(m *testing.M) {
	dir := os.Getenv(tracedVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	mark := func(note string) { fmt.Print(note) }
	if _, err := work(context.Background(), dir, crashOptions(vfs.OS{}), tracedSeed, tracedRounds, mark); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestRealFilesSurviveCrashes looks at the system calls of a process that uses a
// store, as it may be that the real file layer does not do what it says.
func TestRealFilesSurviveCrashes(t *testing.T) {
	t.Parallel()
	// What the process will have acknowledged is found out by the same work in
	// memory.
	states, err := work(t.Context(), crashDir, crashOptions(newDisk(t)), tracedSeed, tracedRounds, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	// It sees the directory as crashDir is seen in the other tests.
	root := t.TempDir()
	dir := filepath.Join(root, crashDir)
	if err := os.Mkdir(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), tracedVariable+"="+dir)
	cmd.Stderr = os.Stderr
	log, err := replay.Trace(t.Context(), cmd, root)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(log.Marks(len(log.Ops))); n != len(states)-1 {
		t.Fatalf("%d marks, want %d", n, len(states)-1)
	}
	if err := crashes(t, log, replay.Points{From: 3}, states); err != nil {
		t.Fatal(err)
	}
	// And they would not without the real syncs.
	for _, kind := range []replay.Kind{replay.Sync, replay.SyncDir} {
		without := log.Without(func(op replay.Op) bool { return op.Kind == kind })
		if err := crashes(t, without, replay.Points{From: 3}, states); err == nil {
			t.Errorf("no crash showed that %v is missing", kind)
		}
	}
}
