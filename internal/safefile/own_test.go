//go:build unix

package safefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What would be given is only checked here: a failure must not cost a machine.
func TestCheckGiven(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("this is about what root does for others; run as root")
	}
	for _, path := range []string{"/", "/etc", "/usr/../etc", "/var/lib", "/root", "/tmp"} {
		if _, err := checkGiven(path); err == nil || !strings.Contains(err.Error(), "of the system") {
			t.Errorf("%s: %v", path, err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/var", link); err != nil {
		t.Fatal(err)
	}
	if _, err := checkGiven(link + "/lib"); err == nil || !strings.Contains(err.Error(), "of the system") {
		t.Errorf("by a link: %v", err)
	}
	if _, err := checkGiven(filepath.Join(t.TempDir(), "data")); err != nil {
		t.Error(err)
	}
}
