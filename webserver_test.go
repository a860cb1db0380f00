package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWebserverTry(t *testing.T) {
	t.Parallel()
	path := localserveDirectory(t)
	domains := filepath.Join(filepath.Dir(path), "domains.conf")
	data, err := os.ReadFile(domains)
	if err != nil {
		t.Fatal(err)
	}
	static, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sites := "WebHandlers:\n\t-\n\t\tLogName: wiki\n\t\tDomain: wiki.example.org\n\t\tPathRegexp: ^/w/\n\t\tWebForward:\n\t\t\tURL: http://127.0.0.1:9\n\t-\n\t\tDomain: wiki.example.org\n\t\tPathRegexp: ^/old/\n\t\tWebRedirect:\n\t\t\tOrigPathRegexp: ^/old/\n\t\t\tReplacePath: /w/\n"
	web := "\t\tWebserverHTTP:\n\t\t\tEnabled: true\n\t\t\tPort: 1080\n\t\tSMTP:\n"
	for file, text := range map[string]string{
		domains: string(data) + sites,
		path:    strings.Replace(string(static), "\t\tSMTP:\n", web, 1),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		url  string
		code int
		want string
	}{
		{"http://wiki.example.org:1080/w/x", exitOK, "listener local, port 1080: wiki\n"},
		{"http://wiki.example.org:1080/old/x", exitOK, "listener local, port 1080: 1, code 308, to /w/x\n"},
		{"http://localhost:1080/metrics", exitOK, "listener local, port 1080: metrics\n"},
		{"https://localhost:1443/metrics", exitOK, "listener local, port 1443: metrics\n"},
		{"http://wiki.example.org:1080/other", exitOK, "(none), code 404"},
		{"http://evil.example:1080/w/", exitOK, "(none), code 421"},
		{"http://wiki.example.org:81/", exitFailure, "no listener has HTTP at the port"},
		{"wiki.example.org", exitUsage, "not an http or https URL"},
		{"ftp://wiki.example.org/", exitUsage, "not an http or https URL"},
	} {
		code, out, errs := mox(t, "--config", path, "webserver", "try", tt.url)
		if code != tt.code || !strings.Contains(out+errs, tt.want) {
			t.Errorf("%s: exit code %d, want %d; %s%s, want %q", tt.url, code, tt.code, out, errs, tt.want)
		}
	}
	if code, _, errs := mox(t, "--config", path, "webserver", "try"); code != exitUsage {
		t.Errorf("without URL: exit code %d, %s", code, errs)
	}
}
