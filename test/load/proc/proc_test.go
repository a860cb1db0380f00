package proc

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	if pids, err := Parse("12, 34\n56"); err != nil || fmt.Sprint(pids) != "[12 34 56]" {
		t.Errorf("got %v, %v", pids, err)
	}
	for _, s := range []string{"x", "-1", "0", "1,2x"} {
		if pids, err := Parse(s); err == nil {
			t.Errorf("%q: got %v", s, pids)
		}
	}
}

// A child counts with its parent, and memory that is used is seen.
func TestOf(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u, err := Of([]int{os.Getpid()})
	if err != nil || u.Processes < 2 || u.Files < 4 || u.RSS < 1<<20 || u.PSS > u.RSS || u.Anonymous > u.RSS {
		t.Errorf("got %+v, %v", u, err)
	}
	in.Close()
	cmd.Wait()
	if u, err := Of([]int{cmd.Process.Pid}); !errors.Is(err, ErrNoProcess) {
		t.Errorf("of a process that ended: %+v, %v", u, err)
	}
}

func TestField(t *testing.T) {
	t.Parallel()
	if v, err := Field("/proc/meminfo", "MemTotal"); err != nil || !strings.HasSuffix(v, " kB") {
		t.Errorf("got %q, %v", v, err)
	}
	if _, err := Field("/proc/meminfo", "Nothing"); err == nil {
		t.Error("a field was found that is not there")
	}
}

func TestParseMetrics(t *testing.T) {
	t.Parallel()
	m, err := ParseMetrics(strings.NewReader("# HELP a b\n# TYPE a gauge\na 1.5e+06\nb{x=\"y\"} 3\ngo_memstats_heap_alloc_bytes 7\n"))
	if err != nil || m["a"] != 1.5e6 || len(m) != 2 || m.InUse() != 7 {
		t.Errorf("got %v, %v", m, err)
	}
	for _, s := range []string{"a\n", "a b\n"} {
		if _, err := ParseMetrics(strings.NewReader(s)); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestAfterCollection(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "%s %d\n", LastCollection, 1000)
	}))
	defer h.Close()
	if m, err := AfterCollection(t.Context(), h.URL, time.Unix(999, 0), time.Minute); err != nil || m[LastCollection] != 1000 {
		t.Errorf("got %v, %v", m, err)
	}
	if _, err := AfterCollection(t.Context(), h.URL, time.Unix(1001, 0), 0); err == nil {
		t.Error("a collection was seen that was not made")
	}
	status = http.StatusForbidden
	if _, err := ReadMetrics(t.Context(), h.URL); err == nil {
		t.Error("an error page was taken for metrics")
	}
}
