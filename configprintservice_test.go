package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The server of a unit can write where its configuration and data are, and not all around them.
func TestPrintServiceDirectories(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "elsewhere")
	var changed strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "DataDir:") {
			line = "DataDir: " + data + "\n"
		}
		changed.WriteString(line)
	}
	if err := os.WriteFile(path, []byte(changed.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := mox(t, "--config", path, "config", "printservice")
	if want := "\nReadWritePaths=" + filepath.Dir(path) + " " + data + "\n"; code != exitOK || !strings.Contains(out, want) {
		t.Errorf("exit code %d, %s, want %q in\n%s", code, stderr, want, out)
	}
}

func TestPrintServiceWithoutConfiguration(t *testing.T) {
	t.Parallel()
	if code, _, stderr := mox(t, "--config", filepath.Join(t.TempDir(), "mox.conf"), "config", "printservice"); code != exitFailure || !strings.Contains(stderr, "does not exist") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
