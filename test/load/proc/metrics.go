package proc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Metrics are values without labels, by name.
type Metrics map[string]float64

// Names of metrics that Go programs have.
const (
	Goroutines     = "go_goroutines"
	LastCollection = "go_memstats_last_gc_time_seconds"
)

// InUse returns the memory in bytes that the program holds for values, stacks and its allocator.
// Right after a collection this is without garbage.
func (m Metrics) InUse() int64 {
	var sum float64
	for _, name := range []string{"go_memstats_heap_alloc_bytes", "go_memstats_stack_inuse_bytes", "go_memstats_mspan_inuse_bytes", "go_memstats_mcache_inuse_bytes", "go_memstats_gc_sys_bytes", "go_memstats_other_sys_bytes"} {
		sum += m[name]
	}
	return int64(sum)
}

// ParseMetrics reads the text format of Prometheus. Series with labels are left out.
func ParseMetrics(r io.Reader) (Metrics, error) {
	m := Metrics{}
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line := sc.Text()
		if line == "" || line[0] == '#' || strings.Contains(line, "{") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 2 {
			return nil, fmt.Errorf("metrics have line %.100q", line)
		}
		v, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics have line %.100q: %w", line, err)
		}
		m[f[0]] = v
	}
	return m, sc.Err()
}

// ReadMetrics reads the metrics page of a program.
func ReadMetrics(ctx context.Context, url string) (Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return ParseMetrics(resp.Body)
}

// AfterCollection reads the metrics once the program has collected its garbage after a moment. Go
// does so when there is enough of it, and at least every two minutes; that the metrics are read again
// and again makes some. How long to wait at most is given by wait.
func AfterCollection(ctx context.Context, url string, since time.Time, wait time.Duration) (Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := ReadMetrics(ctx, url)
		if err != nil {
			return nil, err
		}
		if m[LastCollection] > float64(since.UnixNano())/1e9 {
			return m, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a garbage collection: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
