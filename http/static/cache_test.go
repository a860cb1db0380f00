package static

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mox/http/compress"
)

func rep(n int) *representation { return &representation{body: make([]byte, n)} }

func key(n uint64) cacheKey {
	return cacheKey{"/root", SymlinksInside, strconv.FormatUint(n, 10), compress.Gzip}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := NewCache(100_000)
	for i := range uint64(1000) {
		c.put(key(i), version{size: 1}, rep(9000))
		if _, ok := c.get(key(0), version{size: 1}); !ok {
			t.Fatalf("what is used all the time is gone after %d", i)
		}
		if c.used > c.max || len(c.entries) != c.recent.Len() {
			t.Fatalf("%d bytes of %d, %d entries, %d in the list", c.used, c.max, len(c.entries), c.recent.Len())
		}
	}
	if _, ok := c.get(key(999), version{size: 1}); !ok {
		t.Error("the newest is not there")
	}
	if _, ok := c.get(key(500), version{size: 1}); ok {
		t.Error("an old one is still there")
	}
	c.put(key(1), version{size: 1}, rep(30_000))
	if _, ok := c.get(key(1), version{size: 1}); ok {
		t.Error("one that takes more than a quarter is kept")
	}
	for i := range uint64(1000) {
		c.put(key(i), version{}, nil) // Not worth it: these take space too.
	}
	if c.used > c.max {
		t.Errorf("%d bytes of %d", c.used, c.max)
	}
	for _, elem := range c.entries {
		c.remove(elem)
	}
	if c.used != 0 {
		t.Errorf("%d bytes of nothing", c.used)
	}
	none := NewCache(-1)
	none.put(key(1), version{}, rep(0))
	if _, ok := none.get(key(1), version{}); ok {
		t.Error("kept although nothing should be")
	}
}

func TestCacheVersions(t *testing.T) {
	t.Parallel()
	c := NewCache(0)
	v := version{1, 2, 3, 4, 5}
	c.put(key(1), v, rep(1))
	for _, other := range []version{{0, 2, 3, 4, 5}, {1, 0, 3, 4, 5}, {1, 2, 0, 4, 5}, {1, 2, 3, 0, 5}, {1, 2, 3, 4, 0}} {
		if _, ok := c.get(key(1), other); ok {
			t.Errorf("%v was taken for %v", v, other)
		}
	}
	for _, other := range []cacheKey{{"/other", SymlinksInside, "1", compress.Gzip}, {"/root", SymlinksAny, "1", compress.Gzip}, {"/root", SymlinksInside, "2", compress.Gzip}, {"/root", SymlinksInside, "1", compress.Brotli}} {
		if _, ok := c.get(other, v); ok {
			t.Errorf("%v was taken for %v", key(1), other)
		}
	}
	used := c.used
	if c.put(key(1), version{}, rep(1)); c.used != used || len(c.entries) != 1 {
		t.Error("the old version stays beside the new one")
	}
}

// However many ask, one compresses, and no more files at a time than there are processors.
func TestCompressedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := NewCache(0)
		c.slots = make(chan struct{}, 1)
		release := make(chan struct{})
		var encoded atomic.Int32
		encode := func() (*representation, bool, error) {
			encoded.Add(1)
			<-release
			return rep(7), true, nil
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if r, err := c.compressed(t.Context(), key(1), version{}, encode); err != nil || r == nil || len(r.body) != 7 {
					t.Errorf("got %v, %v", r, err)
				}
			})
		}
		synctest.Wait()
		if n := encoded.Load(); n != 1 {
			t.Errorf("%d encode the same file", n)
		}
		// Another file meanwhile is not worth waiting for.
		if r, err := c.compressed(t.Context(), key(2), version{}, encode); r != nil || err != nil {
			t.Errorf("no processor: %v, %v", r, err)
		}
		// A client that goes away does not wait on.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.compressed(ctx, key(1), version{}, encode); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		close(release)
		wg.Wait()
		if r, err := c.compressed(t.Context(), key(1), version{}, encode); r == nil || err != nil || encoded.Load() != 1 {
			t.Errorf("afterwards: %v, %v, encoded %d times", r, err, encoded.Load())
		}
		// A failure is not kept, nor what must not be.
		fail := errors.New("fault")
		if _, err := c.compressed(t.Context(), key(3), version{}, func() (*representation, bool, error) { return nil, true, fail }); !errors.Is(err, fail) {
			t.Errorf("got %v", err)
		}
		for range 2 {
			if _, err := c.compressed(t.Context(), key(3), version{}, func() (*representation, bool, error) { encoded.Add(1); return rep(1), false, nil }); err != nil {
				t.Error(err)
			}
		}
		if n := encoded.Load(); n != 3 || len(c.flights) != 0 || len(c.slots) != 0 {
			t.Errorf("%d encoded, %d under way, %d processors taken", n, len(c.flights), len(c.slots))
		}
	})
}

// Only what was changed some time ago is kept: a clock that ticks slowly does not tell two
// changes apart.
func TestFreshFilesAreNotKept(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for age, want := range map[time.Duration]bool{time.Hour: true, 3 * time.Second: true, time.Second: false, 0: false, -time.Hour: false} {
		at := now.Add(-age).UnixNano()
		if got := (version{mtime: at}).isSettled(now); got != want {
			t.Errorf("modified %s ago: %v", age, got)
		}
		if got := (version{ctime: at}).isSettled(now); got != want {
			t.Errorf("changed %s ago: %v", age, got)
		}
	}
	kept := -1
	for range 10 {
		began := time.Now()
		if kept = keptOfFreshFile(t); time.Since(began) < settled {
			break
		}
		// A busy machine has made the file an old one.
	}
	if kept != 0 {
		t.Errorf("%d entries of a file made just now", kept)
	}
}

// keptOfFreshFile returns how many entries the cache has after a new file was asked for.
func keptOfFreshFile(t *testing.T) int {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "file.txt")
	if err := os.WriteFile(name, []byte(strings.Repeat("text ", 1000)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	h, err := New(Options{Root: dir, Compress: true})
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.root.view()
	if err != nil {
		t.Fatal(err)
	}
	info, err := v.stat("file.txt")
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.plain(v, "file.txt", info)
	if err != nil || len(r.body) != 5000 {
		t.Fatalf("got %v, %v", r, err)
	}
	if c, err := h.compressNow(t.Context(), v, "file.txt", info, compress.Gzip); err != nil || c == nil {
		t.Fatalf("compressed: %v, %v", c, err)
	}
	return len(h.cache.entries)
}

func BenchmarkCacheGet(b *testing.B) {
	c := NewCache(0)
	var keys [128]cacheKey
	for i := range keys {
		keys[i] = key(uint64(i))
		c.put(keys[i], version{}, rep(1000))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.get(keys[i%len(keys)], version{})
	}
}
