package store

import "testing"

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
		for _, r := range c.young {
			bytes += int64(len(r.Rec.Cold) + emailCacheOverhead)
		}
		if bytes != c.youngBytes || bytes > c.limit/2 {
			t.Fatalf("young ones have %d bytes, counted are %d", bytes, c.youngBytes)
		}
	}
	if cached(1, 10) != 0 || cached(1, 499) != 1 {
		t.Error("the wrong ones went")
	}
	c.put(1, []emailRow{row(1000, 60<<10)}, 1)
	if cached(1, 1000) != 0 || cached(1, 499) != 1 {
		t.Error("a huge one took the place of others")
	}

	// An account can be forgotten as a whole.
	c.put(2, []emailRow{row(1, 1000)}, 1)
	if n := cached(1, 1, 499); n != 2 {
		t.Fatalf("%d cached, want 2", n)
	}
	c.forget(1)
	if cached(1, 1, 499) != 0 || cached(2, 1) != 1 {
		t.Error("forgotten is not the one account")
	}
	c.put(1, []emailRow{row(1, 100)}, 1)
	if cached(1, 1) != 0 {
		t.Error("what was read before is cached")
	}
	if want := int64(1000 + emailCacheOverhead); c.youngBytes != want {
		t.Errorf("young ones have %d bytes, want %d", c.youngBytes, want)
	}
}
