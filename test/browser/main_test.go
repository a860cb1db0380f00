package browser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// chromium is the browser.
const chromium = "/usr/bin/chromium"

// moxBinary is the program under test, built once.
var moxBinary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	for _, file := range []string{chromium, "node_modules/playwright-core/package.json", "node_modules/axe-core/axe.min.js"} {
		if _, err := os.Stat(file); err != nil {
			fmt.Fprintf(os.Stderr, "%v, run: sh test/setup.sh\n", err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "mox-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	moxBinary = filepath.Join(dir, "mox")
	if out, err := exec.Command("go", "build", "-o", moxBinary, "mox").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building mox: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
