package store

import (
	"runtime"
	"testing"
)

func TestEmailCache(t *testing.T) {
	t.Parallel()
	row := func(key int64, size int) emailRow {
		return emailRow{key, emailRecord{Random: -key, Cold: make([]byte, size)}}
	}
	c := newEmailCache(64 << 10)
	cached := func(account AccountID, keys ...int64) (n int) {
		ids := make([]EmailID, len(keys))
		for i, k := range keys {
			ids[i] = EmailID{k, -k}
		}
		rows, missing, _ := c.get(account, ids, nil)
		for i, r := range rows {
			if r.ID != keys[i] {
				t.Errorf("row %d is %d, want %d", i, r.ID, keys[i])
			}
			if r.Rec.Cold != nil {
				n++
			}
		}
		if n+missing != len(keys) {
			t.Errorf("%d cached, %d missing, of %d", n, missing, len(keys))
		}
		return n
	}
	c.put(1, []emailRow{row(1, 100), row(2, 100), {ID: 3}}, 0)
	if n := cached(1, 3, 2, 1); n != 2 {
		t.Errorf("%d cached, want 2: one was gone when it was read", n)
	}
	if n := cached(2, 1, 2); n != 0 {
		t.Errorf("%d cached of another account", n)
	}
	if _, missing, _ := c.get(1, []EmailID{{1, 5}}, nil); missing != 1 {
		t.Error("cached for an id of which only the key is the same")
	}

	// What was read before an erasure may be what was erased.
	c.remove(1, []int64{2})
	c.put(1, []emailRow{row(2, 100)}, 0)
	if n := cached(1, 2); n != 0 {
		t.Error("erased, but cached")
	}

	// What is used stays, what is not goes, and memory is bounded.
	for key := int64(10); key < 500; key++ {
		c.put(1, []emailRow{row(key, 1000)}, 1)
		if cached(1, 1) != 1 {
			t.Fatalf("after %d: what is in use is gone", key)
		}
		bytes := int64(0)
		for _, e := range c.entries {
			bytes += e.row.cached()
		}
		if bytes != c.bytes || bytes > c.limit {
			t.Fatalf("there are %d bytes, counted are %d", bytes, c.bytes)
		}
	}
	if cached(1, 10) != 0 {
		t.Error("what was not used for longest is there")
	}
	for range emailCacheShare {
		c.put(1, []emailRow{row(500, 1000)}, 1)
	}
	if cached(1, 500) != 1 {
		t.Error("what is read time and again is not kept")
	}
	for range emailCacheShare {
		c.put(1, []emailRow{row(1000, 60<<10)}, 1)
	}
	if cached(1, 1000) != 0 || cached(1, 500) != 1 {
		t.Error("a huge one took the place of others")
	}

	// An account can be forgotten as a whole.
	for range emailCacheShare {
		c.put(2, []emailRow{row(1, 1000)}, 1)
	}
	if n := cached(1, 1, 500); n != 2 {
		t.Fatalf("%d cached, want 2", n)
	}
	c.forget(1)
	if cached(1, 1, 500) != 0 || cached(2, 1) != 1 {
		t.Error("forgotten is not the one account")
	}
	c.put(1, []emailRow{row(1, 100)}, 1)
	if cached(1, 1) != 0 {
		t.Error("what was read before is cached")
	}
	if want := int64(1000 + emailCacheOverhead); c.bytes != want {
		t.Errorf("there are %d bytes, want %d", c.bytes, want)
	}
}

// Of a list that does not fit, a good part is found each time.
func TestEmailCacheLongList(t *testing.T) {
	t.Parallel()
	c := newEmailCache(64 << 10)
	const n = 100
	hits := 0
	for round := range 10 {
		for key := int64(1); key <= n; key++ {
			rows, missing, erasures := c.get(1, []EmailID{{key, -key}}, nil)
			if missing == 0 {
				if round > 0 {
					hits++
				}
				continue
			}
			rows[0] = emailRow{key, emailRecord{Random: -key, Cold: make([]byte, 1000)}}
			c.put(1, rows, erasures)
		}
	}
	if hits < 9*n/5 {
		t.Errorf("%d of %d found", hits, 9*n)
	}
}

// What the cache counts is what it takes.
func TestEmailCacheCountsMemory(t *testing.T) {
	c := newEmailCache(8 << 20)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for key := range int64(20_000) {
		c.put(1, []emailRow{{key, emailRecord{Random: -key, Cold: make([]byte, 1500)}}}, 0)
	}
	took := heap() - before
	if took > c.limit*5/4 || took < c.limit/2 {
		t.Errorf("a cache of %d bytes takes %d", c.limit, took)
	}
	runtime.KeepAlive(c)
}
