package dkim

import "sync"

const (
	// maxCached is how many records a generation of a RecordCache has, and maxCachedText the length of the longest
	// text that is kept, so that a cache never has more than some 16 MB. A record with an RSA key of 4,096 bits
	// has some 750 bytes; parsed it is twice as large.
	maxCached     = 1000
	maxCachedText = 2 << 10
)

// RecordCache keeps key records that were parsed lately by their text, since to parse an RSA key takes as long as most of
// what else a verification needs. What a name has in DNS is asked each time: a record is used only where DNS has
// its text. It is safe for concurrent use.
type RecordCache struct {
	mu        sync.Mutex
	now, then map[string]*Record // Records go from now to then, and unless they are used from there, with all others.
}

// NewRecordCache returns an empty cache.
func NewRecordCache() *RecordCache {
	return &RecordCache{now: make(map[string]*Record)}
}

// Parse is like [ParseRecord]. Whoever gets a Record shares it with others, and must not change it. A nil cache
// keeps nothing.
func (c *RecordCache) Parse(txt string) (*Record, error) {
	if c == nil || len(txt) > maxCachedText {
		return ParseRecord(txt)
	}
	if r := c.get(txt); r != nil {
		return r, nil
	}
	r, err := ParseRecord(txt)
	if err == nil {
		c.mu.Lock()
		c.put(txt, r)
		c.mu.Unlock()
	}
	return r, err
}

// get returns the record with a text, or nil.
func (c *RecordCache) get(txt string) *Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.now[txt]
	if r == nil {
		if r = c.then[txt]; r != nil {
			c.put(txt, r)
		}
	}
	return r
}

// put keeps a record. c.mu is held.
func (c *RecordCache) put(txt string, r *Record) {
	if len(c.now) >= maxCached {
		c.then, c.now = c.now, make(map[string]*Record)
	}
	c.now[txt] = r
}
