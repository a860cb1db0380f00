package browser

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// loadClients is how many connections the load generators have at once.
const loadClients = 50

// TestLoad sends many requests at once, on connections that are kept and on ones that are not, with and without TLS, to
// files and to an application. All are answered, and no response is cut or mixed up. Speed is not looked at.
func TestLoad(t *testing.T) {
	t.Parallel()
	s, _ := startSites(t)
	const large = 8000 * len("A line of a larger file.\n")
	plain, secure := "http://"+s.addr(1080), "https://"+s.addr(1443)
	for _, tt := range []struct {
		name, url string
		length    int
	}{
		{"file", plain + "/large.txt", large},
		{"file over TLS", secure + "/large.txt", large},
		{"application", plain + "/app/page?x=1", len("page for x=1")},
	} {
		for _, kept := range []bool{true, false} {
			name := fmt.Sprintf("%s, connections kept: %v", tt.name, kept)
			t.Run("ab "+name, func(t *testing.T) { runAB(t, tt.url, tt.length, kept) })
			t.Run("wrk "+name, func(t *testing.T) { runWRK(t, tt.url, tt.length, kept) })
		}
	}
}

func runAB(t *testing.T, url string, length int, kept bool) {
	requests := 300
	if kept {
		requests = 1000
	}
	args := []string{"-c", fmt.Sprint(loadClients), "-n", fmt.Sprint(requests), "-s", "120", "-H", "Host: localhost"}
	if kept {
		args = append(args, "-k")
	}
	out := generate(t, "ab", append(args, url)...)
	values := map[string]string{}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			value, _, _ = strings.Cut(strings.TrimSpace(value), " ")
			values[name] = value
		}
	}
	want := map[string]string{
		"Complete requests":   fmt.Sprint(requests),
		"Failed requests":     "0",
		"Non-2xx responses":   "",
		"Document Length":     fmt.Sprint(length),
		"HTML transferred":    fmt.Sprint(requests * length),
		"Keep-Alive requests": "",
	}
	if kept {
		want["Keep-Alive requests"] = fmt.Sprint(requests)
	}
	for name, w := range want {
		if values[name] != w {
			t.Errorf("%s: %q, want %q", name, values[name], w)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

func runWRK(t *testing.T, url string, length int, kept bool) {
	// A machine with much else to do may answer nobody in a second.
	for _, duration := range []string{"1s", "5s", "20s"} {
		args := []string{"-t", "1", "-c", fmt.Sprint(loadClients), "-d", duration, "--timeout", "120s", "-s", "testdata/length.lua", "-H", "Host: localhost"}
		if !kept {
			args = append(args, "-H", "Connection: close")
		}
		out := generate(t, "wrk", append(args, url, "--", fmt.Sprint(length))...)
		var good int
		_, result, _ := strings.Cut(out, "\ngood ")
		if _, err := fmt.Sscanf(result, "%d bad 0 connect 0 read 0 write 0 timeout 0\n", &good); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if good > 0 {
			return
		}
	}
	t.Error("nothing was answered")
}

// generate runs a load generator.
func generate(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
