package store

import "sync"

// emailCache keeps emails that were read lately, of all accounts. An email never changes, but for the place of its
// content, so that an entry is right until the email is erased; who finds no content at the place it tells
// reads the row anew.
//
// What is recovered from packs may belong to another thread than before, so that ends them, too.
//
// When it has the bytes allowed, those go that were not used for longest, but only some of what is read takes their
// place: else nothing of a list that is larger would be found when it is read again.
type emailCache struct {
	limit int64 // Bytes.

	mu       sync.Mutex
	entries  map[emailCacheKey]*emailCacheEntry
	used     emailCacheEntry // Head of a ring: next is the one used last, prev the one not used for longest.
	bytes    int64
	passed   int   // How many were not kept since one was, while it is full.
	erasures int64 // How often emails were removed.
}

type emailCacheKey struct {
	account AccountID
	email   int64
}

type emailCacheEntry struct {
	row        emailRow
	account    AccountID
	prev, next *emailCacheEntry
}

// emailCacheOverhead is what an entry takes besides its record: 128 bytes by itself, and its share of the map.
const emailCacheOverhead = 200

// emailCacheShare is of how many emails that were read one is kept once the cache is full.
const emailCacheShare = 4

func newEmailCache(limit int64) *emailCache {
	c := &emailCache{limit: limit, entries: map[emailCacheKey]*emailCacheEntry{}}
	c.used.prev, c.used.next = &c.used, &c.used
	return c
}

// get appends a row for each id to rows, with a nil Cold for those that are not cached, of which it returns the number.
// Erasures is for put.
func (c *emailCache) get(account AccountID, ids []EmailID, rows []emailRow) (_ []emailRow, missing int, erasures int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		e := c.entries[emailCacheKey{account, id.Key}]
		if e == nil || e.row.Rec.Random != id.Random {
			missing++
			rows = append(rows, emailRow{ID: id.Key})
			continue
		}
		e.unlink()
		c.use(e)
		rows = append(rows, e.row)
	}
	return rows, missing, c.erasures
}

// put keeps rows that were read after get returned erasures. It does not keep a slice of them.
func (c *emailCache) put(account AccountID, rows []emailRow, erasures int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.erasures != erasures {
		return // One of them may be erased meanwhile.
	}
	for i := range rows {
		key := emailCacheKey{account, rows[i].ID}
		size := rows[i].cached()
		if c.entries[key] != nil || rows[i].Rec.Cold == nil || size > c.limit/8 {
			continue
		}
		if c.bytes+size > c.limit {
			if c.passed++; c.passed < emailCacheShare {
				continue
			}
			c.passed = 0
		}
		e := &emailCacheEntry{row: rows[i], account: account}
		c.entries[key] = e
		c.use(e)
		for c.bytes += size; c.bytes > c.limit; {
			c.drop(c.used.prev)
		}
	}
}

// use puts an entry that is not in the ring where the one used last is.
func (c *emailCache) use(e *emailCacheEntry) {
	e.prev, e.next = &c.used, c.used.next
	e.prev.next, e.next.prev = e, e
}

func (e *emailCacheEntry) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

func (c *emailCache) drop(e *emailCacheEntry) {
	e.unlink()
	delete(c.entries, emailCacheKey{e.account, e.row.ID})
	c.bytes -= e.row.cached()
}

// remove forgets emails that were erased.
func (c *emailCache) remove(account AccountID, keys []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erasures++
	for _, k := range keys {
		if e := c.entries[emailCacheKey{account, k}]; e != nil {
			c.drop(e)
		}
	}
}

// forget forgets all emails of an account.
func (c *emailCache) forget(account AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erasures++
	for _, e := range c.entries {
		if e.account == account {
			c.drop(e)
		}
	}
}

// cached is how many bytes the row takes in an emailCache.
func (r *emailRow) cached() int64 {
	return int64(cap(r.Rec.Cold) + len(r.Rec.Blob) + emailCacheOverhead)
}
