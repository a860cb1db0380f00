package browser

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Files on a slow network: how far they are is shown, one can be given up, and what failed is tried again.
func testMailUploads(t *testing.T, m *mailSite, u *mailUser) {
	dir := t.TempDir()
	file := func(name string, size int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcde\n"), size/16), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	large, other, small := file("large.bin", 3<<20), file("other.bin", 3<<20), file("small.bin", 64<<10)
	p := m.browser.mail(t, u, desktop, nil)
	network := func(bytesPerSecond int) {
		p.must(nil, "", "devtools", "Network.enable", map[string]any{})
		p.must(nil, "", "devtools", "Network.emulateNetworkConditions", map[string]any{"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytesPerSecond})
	}
	p.write(m.users["friend"].address, "With files", "Here they are.")
	p.eval(nil, `(() => {
		window.seen = []
		new MutationObserver(l => l.forEach(m => seen.push(Number(m.target.getAttribute('aria-valuenow'))))).observe(document.querySelector('.composer'), { attributeFilter: ['aria-valuenow'], subtree: true })
	})()`)
	// It is on its way for as long as one looks at it.
	network(64 << 10)
	p.must(nil, ".composer input[type=file]", "setInputFiles", []string{large})
	p.see(".composer .file:has-text('large.bin') [role=progressbar][aria-label='Sending large.bin']")
	p.accessible("upload")
	p.soon("seen.some(n => n > 0 && n < 100)")
	network(-1)
	p.see(".composer .file-link:has-text('large.bin')")
	p.gone(".composer [role=progressbar]")
	var seen []int
	p.eval(&seen, "seen")
	if !slices.IsSorted(seen) || !slices.ContainsFunc(seen, func(n int) bool { return n > 0 && n < 100 }) {
		t.Errorf("it was told that the file is sent by %d percent", seen)
	}

	// One that is given up is not attached, and closing meanwhile is asked for.
	network(16 << 10)
	p.must(nil, ".composer input[type=file]", "setInputFiles", []string{other})
	p.see(".composer [role=progressbar][aria-label='Sending other.bin']")
	p.click(".composer >> " + buttonOf("Close and keep the draft"))
	p.see("dialog")
	p.press("Escape")
	p.gone("dialog")
	p.click(".composer >> " + buttonOf("Do not attach other.bin"))
	p.gone(".composer .file:has-text('other.bin')")

	// Without the network it fails, and can be tried again.
	network(-1)
	p.must(nil, "", "context.setOffline", true)
	p.must(nil, ".composer input[type=file]", "setInputFiles", []string{small})
	p.see(".composer .file.failed:has-text('small.bin')")
	p.must(nil, "", "context.setOffline", false)
	p.click(".composer >> " + buttonOf("Attach small.bin again"))
	p.see(".composer .file-link:has-text('small.bin')")
	p.problems() // Of the time without a network.

	p.menu(".composer-foot >> "+buttonOf("Other ways to send"), "Send now, without a time to undo")
	p.gone(".composer")
	source := m.users["friend"].message(t, "Inbox", "With files")
	if !strings.Contains(source, "large.bin") || !strings.Contains(source, "small.bin") || strings.Contains(source, "other.bin") {
		t.Errorf("the message does not have the files large.bin and small.bin: %.2000s", source)
	}
}
