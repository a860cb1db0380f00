package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
)

// wantCalls checks how often the resolver behind a cache was asked.
func wantCalls(t *testing.T, r *dns.MemResolver, query string, want int) {
	t.Helper()
	if n := r.Calls(query); n != want {
		t.Fatalf("%s was asked %d times, want %d", query, n, want)
	}
}

func TestCacheTTL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		ttl  time.Duration // Of the resolver.
		opts dns.CacheOptions
		host string
		want time.Duration // Kept; 0 is not at all.
	}{
		{"of the records", 90 * time.Second, dns.CacheOptions{}, "example.org", 90 * time.Second},
		{"not known", 0, dns.CacheOptions{}, "example.org", 5 * time.Minute},
		{"not known, set", 0, dns.CacheOptions{DefaultTTL: time.Minute}, "example.org", time.Minute},
		{"too long", 48 * time.Hour, dns.CacheOptions{}, "example.org", time.Hour},
		{"too short", time.Second, dns.CacheOptions{MinTTL: 30 * time.Second}, "example.org", 30 * time.Second},
		{"zero", -1, dns.CacheOptions{}, "example.org", 0},
		{"zero, with minimum", -1, dns.CacheOptions{MinTTL: time.Second}, "example.org", time.Second},
		{"negative", 20 * time.Second, dns.CacheOptions{MinTTL: time.Hour}, "none.example.org", 20 * time.Second},
		{"negative, not known", 0, dns.CacheOptions{}, "none.example.org", time.Minute},
		{"negative, too long", time.Hour, dns.CacheOptions{}, "none.example.org", 5 * time.Minute},
		{"temporary", time.Hour, dns.CacheOptions{}, "fail.example.org", 3 * time.Second},
		{"temporary, not kept", time.Hour, dns.CacheOptions{TemporaryTTL: -1}, "fail.example.org", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mem := &dns.MemResolver{MX: map[string][]net.MX{"example.org": {{Host: "mx.example.org.", Pref: 10}}}, Fail: []string{"fail.example.org"}, TTL: tc.ttl}
				c := dns.NewCache(mem, tc.opts)
				calls := 0
				lookup := func() dns.Result {
					l, res, err := c.LookupMX(t.Context(), tc.host)
					if ok := tc.host == "example.org"; ok != (err == nil) || ok != (len(l) == 1) || dns.IsNotFound(err) != (tc.host == "none.example.org") {
						t.Fatal(l, err)
					}
					return res
				}
				lookup()
				calls++
				if tc.want > 0 {
					time.Sleep(tc.want - time.Nanosecond)
					if res := lookup(); res.TTL != 1 {
						t.Errorf("TTL at the end is %v", res.TTL)
					}
					wantCalls(t, mem, "mx "+tc.host, calls)
					time.Sleep(time.Nanosecond)
				}
				lookup()
				calls++
				wantCalls(t, mem, "mx "+tc.host, calls)
			})
		})
	}
}

func TestCacheKeepsTypesAndStatusApart(t *testing.T) {
	t.Parallel()
	mem := &dns.MemResolver{A: map[string][]string{"example.org": {"192.0.2.1"}}, TXT: map[string][]string{"example.org": {"x"}}, Authentic: []string{"txt example.org"}}
	c := dns.NewCache(mem, dns.CacheOptions{})
	for range 2 {
		_, res, err := c.LookupTXT(t.Context(), "example.org")
		if !res.Authentic || err != nil {
			t.Fatal(res, err)
		}
		if _, res, err = c.LookupIP(t.Context(), "ip4", "EXAMPLE.org."); res.Authentic || err != nil {
			t.Fatal(res, err)
		}
		if _, _, err = c.LookupIP(t.Context(), "ip6", "example.org"); !dns.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	for _, q := range []string{"txt example.org", "a example.org", "aaaa example.org"} {
		wantCalls(t, mem, q, 1)
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	mem := &dns.MemResolver{TXT: map[string][]string{"large.example.org": {strings.Repeat("x", 10_000)}}}
	for i := range 10 {
		mem.TXT[fmt.Sprintf("%d.example.org", i)] = []string{"x"}
	}
	c := dns.NewCache(mem, dns.CacheOptions{MaxEntries: 3})
	ask := func(name string) {
		t.Helper()
		if _, _, err := c.LookupTXT(t.Context(), name+".example.org"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		ask(fmt.Sprint(i))
	}
	ask("0") // Used more recently than 1 and 2.
	ask("3") // 1 has to go.
	for _, name := range []string{"0", "2", "3"} {
		ask(name)
		wantCalls(t, mem, "txt "+name+".example.org", 1)
	}
	ask("1")
	wantCalls(t, mem, "txt 1.example.org", 2)

	ask("large")
	ask("large")
	wantCalls(t, mem, "txt large.example.org", 2)
}

// hold makes lookups of mem wait until the returned function is called.
func hold(mem *dns.MemResolver) (release func()) {
	gate := make(chan struct{})
	mem.Before = func(ctx context.Context, _, _ string) error {
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return sync.OnceFunc(func() { close(gate) })
}

func TestCacheAsksOnceAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mem := &dns.MemResolver{TXT: map[string][]string{"example.org": {"x"}}}
		release := hold(mem)
		var mu sync.Mutex
		var sources []dns.CacheSource
		c := dns.NewCache(mem, dns.CacheOptions{Observe: func(e dns.CacheEvent) {
			mu.Lock()
			defer mu.Unlock()
			sources = append(sources, e.Source)
			if e.Type != "TXT" || e.Duration > time.Minute {
				t.Errorf("event %+v", e)
			}
		}})
		impatient, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		// The first one gives up.
		wg.Go(func() {
			if _, _, err := c.LookupTXT(impatient, "example.org"); !errors.Is(err, context.DeadlineExceeded) || !dns.IsTemporary(err) {
				t.Errorf("caller whose context ended: %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			wg.Go(func() {
				if l, _, err := c.LookupTXT(t.Context(), "example.org"); len(l) != 1 || err != nil {
					t.Errorf("caller with patience: %v, %v", l, err)
				}
			})
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		release()
		wg.Wait()
		wantCalls(t, mem, "txt example.org", 1)
		if _, _, err := c.LookupTXT(t.Context(), "example.org"); err != nil {
			t.Error(err)
		}
		slices.Sort(sources)
		want := append([]dns.CacheSource{dns.CacheHit, dns.CacheMiss}, slices.Repeat([]dns.CacheSource{dns.CacheShared}, 10)...)
		if !slices.Equal(sources, want) {
			t.Errorf("observed %v", sources)
		}
	})
}

// When all callers have given up, the question is dropped and its error not remembered.
func TestCacheDropsUnwantedQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mem := &dns.MemResolver{TXT: map[string][]string{"example.org": {"x"}}}
		release := hold(mem)
		c := dns.NewCache(mem, dns.CacheOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, _, err := c.LookupTXT(ctx, "example.org"); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		cancel()
		// The bubble would not end if the question went on.
		wg.Wait()
		release()
		if l, _, err := c.LookupTXT(t.Context(), "example.org"); len(l) != 1 || err != nil {
			t.Fatal(l, err)
		}
		wantCalls(t, mem, "txt example.org", 2)
	})
}

func TestCacheClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	mem := &dns.MemResolver{TXT: map[string][]string{"example.org": {"x"}}, TTL: time.Minute}
	c := dns.NewCache(mem, dns.CacheOptions{Now: func() time.Time { return now }})
	for i := range 3 {
		if _, _, err := c.LookupTXT(t.Context(), "example.org"); err != nil {
			t.Fatal(err)
		}
		wantCalls(t, mem, "txt example.org", i/2+1)
		now = now.Add(30 * time.Second)
	}
}

func BenchmarkCacheHit(b *testing.B) {
	c := dns.NewCache(&dns.MemResolver{MX: map[string][]net.MX{"example.org": {{Host: "mx.example.org.", Pref: 10}}}}, dns.CacheOptions{})
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.LookupMX(b.Context(), "example.org"); err != nil {
			b.Fatal(err)
		}
	}
}
