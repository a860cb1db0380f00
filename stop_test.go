package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Stop returns when everything is closed: another server, or a command without one, can
// take the data directory.
func TestStop(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	if err := r.send("ann@example.org", "mox@localhost", "kept"); err != nil {
		t.Fatal(err)
	}
	if out := r.command("stop"); out != "stopped\n" {
		t.Errorf("stop: %q", out)
	}
	if out := r.command("verifydata", dataDirOf(r)); !strings.Contains(out, "no problems in 1 accounts") {
		t.Errorf("verifydata after stop: %s", out)
	}
	if err := r.stop(); err != nil {
		t.Errorf("server: %v", err)
	}
	code, _, errs := mox(t, "--config", r.path, "stop")
	if code != exitFailure || !strings.Contains(errs, "no mox server runs") {
		t.Errorf("stop without server: exit code %d, %s", code, errs)
	}
	if code, _, _ := mox(t, "stop", "now"); code != exitUsage {
		t.Errorf("stop with an argument: exit code %d", code)
	}
}

// dataDirOf returns the data directory of a server.
func dataDirOf(r *running) string { return filepath.Join(filepath.Dir(r.path), "data") }
