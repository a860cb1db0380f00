package static

import (
	"container/list"
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"mox/http/compress"
)

// DefaultCacheBytes is how much content a cache keeps if nothing else is said.
const DefaultCacheBytes = 32 << 20

// Cache keeps small files, and files compressed, for any number of handlers. What it
// holds is bounded; what was not asked for longest goes first. What is kept of a name
// counts as long as device, inode, size, and times of modification and status change are
// those of the file now, so a cache never answers with old content and needs no purging. It
// is safe for concurrent use.
type Cache struct {
	max   int64
	slots chan struct{} // One for each file being compressed.
	pool  *compress.Pool

	mu      sync.Mutex // Guards what follows, but not the representations, which never change.
	used    int64
	entries map[cacheKey]*list.Element // Of *cacheEntry.
	recent  *list.List                 // The entry used last in front.
	flights map[flightKey]*flight
}

// NewCache returns a cache for at most maxBytes of content. 0 stands for
// DefaultCacheBytes; with a negative number nothing is kept.
func NewCache(maxBytes int64) *Cache {
	if maxBytes == 0 {
		maxBytes = DefaultCacheBytes
	}
	return &Cache{
		max:     maxBytes,
		slots:   make(chan struct{}, runtime.GOMAXPROCS(0)),
		pool:    compress.NewPool(compress.Dense),
		entries: map[cacheKey]*list.Element{},
		recent:  list.New(),
		flights: map[flightKey]*flight{},
	}
}

// version says which file it is, and which content of it. Times are in nanoseconds since
// 1970.
type version struct {
	device, inode      uint64
	size, mtime, ctime int64
}

// settled is how long ago a file must have been changed for its version to tell that it
// has not been changed again: clocks of file systems tick every few milliseconds, those of
// old ones every two seconds.
const settled = 2 * time.Second

// isSettled tells whether a version seen at now is of one content only.
func (v version) isSettled(now time.Time) bool {
	return max(v.mtime, v.ctime) < now.Add(-settled).UnixNano()
}

// cacheKey is a form of what a name stands for. The policy belongs to it, because what
// one handler found by a link, another one may not have found.
type cacheKey struct {
	root  string
	links Symlinks
	name  string
	enc   compress.Encoding
}

// cacheEntry never changes.
type cacheEntry struct {
	key     cacheKey
	path    string // Of the file, for looking at it again.
	version version
	rep     *representation // Nil: compressing is known not to be worth it.
}

// entryOverhead is about what an entry takes besides content.
const entryOverhead = 512

func (e *cacheEntry) bytes() int64 {
	n := int64(entryOverhead + 2*len(e.path))
	if e.rep != nil {
		n += int64(len(e.rep.body))
	}
	return n
}

// entry returns what is kept for a key, of whichever version, or nil.
func (c *Cache) entry(key cacheKey) *cacheEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	elem, ok := c.entries[key]
	if !ok {
		return nil
	}
	if c.recent.Front() != elem {
		c.recent.MoveToFront(elem)
	}
	return elem.Value.(*cacheEntry)
}

// get returns what is kept of a version of a file.
func (c *Cache) get(key cacheKey, v version) (rep *representation, ok bool) {
	entry := c.entry(key)
	if entry == nil || entry.version != v {
		return nil, false
	}
	return entry.rep, true
}

// put keeps a representation, unless it alone would take a quarter of the space.
func (c *Cache) put(key cacheKey, v version, rep *representation) {
	key.name = strings.Clone(key.name) // It was part of a request.
	entry := &cacheEntry{key, filepath.Join(key.root, filepath.FromSlash(key.name)), v, rep}
	c.mu.Lock()
	defer c.mu.Unlock()
	if elem, ok := c.entries[key]; ok {
		c.remove(elem)
	}
	if entry.bytes() > c.max/4 {
		return
	}
	c.entries[key] = c.recent.PushFront(entry)
	c.used += entry.bytes()
	for c.used > c.max {
		c.remove(c.recent.Back())
	}
}

// remove is called with mu held.
func (c *Cache) remove(elem *list.Element) {
	entry := c.recent.Remove(elem).(*cacheEntry)
	delete(c.entries, entry.key)
	c.used -= entry.bytes()
}

// flightKey says which content is being compressed.
type flightKey struct {
	cacheKey
	version version
}

// flight is a file being compressed, for all requests that want it.
type flight struct {
	done chan struct{} // Closed when rep and err are set.
	rep  *representation
	err  error
}

// compressed returns what encode makes of a file. However many ask, one encodes, and as
// many files at a time as there are processors; for a file beyond these the answer is nil
// at once. Nil also stands for what does not get smaller. encode tells whether its
// result may be kept.
func (c *Cache) compressed(ctx context.Context, key cacheKey, v version, encode func() (rep *representation, keep bool, err error)) (*representation, error) {
	if rep, ok := c.get(key, v); ok {
		return rep, nil
	}
	c.mu.Lock()
	k := flightKey{key, v}
	if f, ok := c.flights[k]; ok {
		c.mu.Unlock()
		select {
		case <-f.done:
			return f.rep, f.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case c.slots <- struct{}{}:
	default:
		c.mu.Unlock()
		return nil, nil
	}
	f := &flight{done: make(chan struct{})}
	c.flights[k] = f
	c.mu.Unlock()

	defer func() {
		c.mu.Lock()
		delete(c.flights, k)
		c.mu.Unlock()
		<-c.slots
		close(f.done)
	}()
	var keep bool
	f.rep, keep, f.err = encode()
	if keep && f.err == nil {
		c.put(key, v, f.rep)
	}
	return f.rep, f.err
}
