package store

import (
	"maps"
	"sync"
)

// emailCache keeps emails that were read lately, of all accounts. An email never changes, but for the place of its
// content, so that an entry is right until the email is erased; who finds no content at the place it tells
// reads the row anew.
//
// What is recovered from packs may belong to another thread than before, so that ends them, too.
//
// It has two generations: what is read goes to the young one, and once that has half of the bytes allowed it
// becomes the old one, which goes.
type emailCache struct {
	limit int64 // Bytes, of both generations.

	mu         sync.Mutex
	young, old map[emailCacheKey]*emailRow
	youngBytes int64
	erasures   int64 // How often emails were removed.
}

type emailCacheKey struct {
	account AccountID
	email   int64
}

// emailCacheOverhead is what an entry takes besides its record.
const emailCacheOverhead = 256

func newEmailCache(limit int64) *emailCache {
	return &emailCache{limit: limit, young: map[emailCacheKey]*emailRow{}}
}

// get appends a row for each id to rows, with a nil Cold for those that are not cached, of which it returns the number.
// Erasures is for put.
func (c *emailCache) get(account AccountID, ids []EmailID, rows []emailRow) (_ []emailRow, missing int, erasures int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		key := emailCacheKey{account, id.Key}
		r, ok := c.young[key]
		if !ok {
			if r, ok = c.old[key]; ok {
				c.add(key, r)
			}
		}
		if !ok || r.Rec.Random != id.Random {
			missing++
			rows = append(rows, emailRow{ID: id.Key})
			continue
		}
		rows = append(rows, *r)
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
		if c.young[key] == nil && rows[i].Rec.Cold != nil {
			r := rows[i]
			c.add(key, &r)
		}
	}
}

func (c *emailCache) add(key emailCacheKey, r *emailRow) {
	size := r.cached()
	if size > c.limit/8 {
		return
	}
	if c.youngBytes+size > c.limit/2 {
		c.old, c.young, c.youngBytes = c.young, map[emailCacheKey]*emailRow{}, 0
	}
	c.young[key] = r
	c.youngBytes += size
}

// remove forgets emails that were erased.
func (c *emailCache) remove(account AccountID, keys []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erasures++
	for _, k := range keys {
		key := emailCacheKey{account, k}
		if r := c.young[key]; r != nil {
			c.youngBytes -= r.cached()
			delete(c.young, key)
		}
		delete(c.old, key)
	}
}

// forget forgets all emails of an account.
func (c *emailCache) forget(account AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erasures++
	for _, m := range []map[emailCacheKey]*emailRow{c.young, c.old} {
		maps.DeleteFunc(m, func(k emailCacheKey, _ *emailRow) bool { return k.account == account })
	}
	c.youngBytes = 0
	for _, r := range c.young {
		c.youngBytes += r.cached()
	}
}

// cached is how many bytes the row takes in an emailCache.
func (r *emailRow) cached() int64 {
	return int64(len(r.Rec.Cold) + len(r.Rec.Blob) + emailCacheOverhead)
}
