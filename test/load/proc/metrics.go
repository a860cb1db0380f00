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
	Goroutines  = "go_goroutines"
	Collections = "go_gc_duration_seconds_count" // Of garbage, since the program began.
)

// InUse returns the memory in bytes that the program holds for values and stacks, and to manage
// them. Garbage that is not collected and swept yet counts.
func (m Metrics) InUse() int64 {
	var sum float64
	for _, name := range []string{"go_memstats_heap_alloc_bytes", "go_memstats_stack_inuse_bytes", "go_memstats_mspan_inuse_bytes", "go_memstats_mcache_inuse_bytes"} {
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
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
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

// collections is how often a program collects its garbage before it is taken to hold no more than it
// needs: after each, what it freed is swept bit by bit, and stacks become half as large.
const collections = 4

// LeastInUse returns the least memory that the program holds, in bytes as by [Metrics.InUse], while it
// collects its garbage several times. Go does so when there is enough of it, and at least every two
// minutes; that the metrics are read again and again makes some. How long that may take is given by
// wait.
func LeastInUse(ctx context.Context, url string, wait time.Duration) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var least int64
	var first float64
	for n := 0; ; n++ {
		m, err := ReadMetrics(ctx, url)
		if err != nil {
			return 0, err
		}
		done, ok := m[Collections]
		if !ok {
			return 0, fmt.Errorf("%s has no %s", url, Collections)
		}
		if n == 0 {
			first = done
		}
		if use := m.InUse(); n == 0 || use < least {
			least = use
		}
		if done >= first+collections {
			return least, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for garbage collections: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
