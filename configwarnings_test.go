package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mox/config"
)

// Settings of websites that have no effect do not stop anybody, and who asks is told.
func TestConfigWarnings(t *testing.T) {
	t.Parallel()
	r := startServer(t, config.Options{Path: realConfig(t)})
	path := filepath.Join(filepath.Dir(r.path), "domains.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ more, want string }{
		{"WebDomains:\n\tww.example.net:\n\t\tPlainHTTP: serve\n", "domains.conf:"},
		{"WebDomains:\n\tww.example.net:\n\t\tPlainHTTP: serve\n", "WebDomains.ww.example.net: is the name of no website"},
		{"", ""},
	} {
		if err := os.WriteFile(path, append(text[:len(text):len(text)], tt.more...), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"test", "reload"} {
			code, _, errs := mox(t, "--config", r.path, "config", command)
			if code != exitOK {
				t.Errorf("%s: exit code %d, %s", command, code, errs)
			}
			if got := strings.HasPrefix(errs, "warning: "); got != (tt.want != "") || !strings.Contains(errs, tt.want) {
				t.Errorf("%s: %q, want %q", command, errs, tt.want)
			}
		}
	}
}
