package proc

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
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

// The least memory is found between collections, however much garbage there is at the end.
func TestLeastInUse(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(reads.Add(1))
		inUse := 1000 + n
		if n == 3 {
			inUse = 70
		}
		fmt.Fprintf(w, "%s %d\ngo_memstats_heap_alloc_bytes %d\n", Collections, 5+n/2, inUse)
	}))
	defer h.Close()
	if got, err := LeastInUse(t.Context(), h.URL, time.Hour); err != nil || got != 70 || reads.Load() != 8 {
		t.Errorf("got %d after %d reads, %v", got, reads.Load(), err)
	}
}

func TestLeastInUseRefused(t *testing.T) {
	t.Parallel()
	answer := func(status int, page string) string {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, page)
		}))
		t.Cleanup(h.Close)
		return h.URL
	}
	for name, url := range map[string]string{
		"error page":     answer(http.StatusForbidden, Collections+" 5\n"),
		"no Go program":  answer(http.StatusOK, "up 1\n"),
		"no metrics":     answer(http.StatusOK, "hello\n"),
		"no collections": answer(http.StatusOK, Collections+" 5\n"),
	} {
		if got, err := LeastInUse(t.Context(), url, 50*time.Millisecond); err == nil {
			t.Errorf("%s: got %d", name, got)
		}
	}
}
