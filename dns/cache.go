package dns

import (
	"container/list"
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"mox/internal/panics"
)

// CacheOptions are the options of NewCache. Zero fields have the defaults told.
type CacheOptions struct {
	MaxEntries int // Answers kept, default 10,000. The least recently used go first.

	// How long answers with records are kept: for their TTL, or for DefaultTTL (5 minutes)
	// if that is not known, but not shorter than MinTTL (no limit) and not longer than
	// MaxTTL (1 hour). With a MinTTL answers are kept that should not be (RFC 1035
	// §3.2.1).
	DefaultTTL, MinTTL, MaxTTL time.Duration

	// How long answers that there are no records are kept (RFC 2308): for their TTL, or
	// for NegativeTTL (1 minute) if that is not known, but not longer than
	// MaxNegativeTTL (5 minutes).
	NegativeTTL, MaxNegativeTTL time.Duration

	// TemporaryTTL is how long other errors are kept, so that an outage does not make
	// everyone wait for the same time-outs. Default 3 seconds; negative for not at all.
	TemporaryTTL time.Duration

	// Now is the clock, default time.Now.
	Now func() time.Time

	// Observe is told of each lookup when it ends, for metrics. It is called concurrently
	// and must not block.
	Observe func(CacheEvent)
}

// CacheEvent is a lookup at a Cache.
type CacheEvent struct {
	Type     string // Of the records, e.g. "MX". Of LookupIP: "A/AAAA", "A" or "AAAA".
	Source   CacheSource
	Duration time.Duration // That the caller waited.
	Err      error         // That the caller got.
}

// CacheSource is where an answer came from.
type CacheSource string

// The values of CacheSource.
const (
	CacheHit    CacheSource = "hit"    // From the cache.
	CacheMiss   CacheSource = "miss"   // From the resolver.
	CacheShared CacheSource = "shared" // From the resolver, where another caller had asked already.
)

// maxAnswer is the size in bytes, about, of answers that are kept. Whoever sends mail
// chooses the names that are looked up: the number of entries alone is no limit.
const maxAnswer = 8 << 10

// Cache is a Resolver that remembers the answers of another, with their DNSSEC status,
// and asks it for each name and type once at a time. The TTL of a Result is what remains
// of it.
type Cache struct {
	lookups // The methods of Resolver.

	resolver Resolver
	opts     CacheOptions

	mu      sync.Mutex // Guards what follows.
	entries map[cacheKey]*list.Element
	recent  list.List // Of *cacheEntry, the most recently used first.
	flights map[cacheKey]*flight
}

var _ Rememberer = (*Cache)(nil)

type cacheKey struct{ typ, name string }

type cacheEntry struct {
	key     cacheKey
	expires time.Time
	answer  cachedAnswer
}

type cachedAnswer struct {
	records any
	res     Result
	err     error
}

// flight is a question to the resolver that has not been answered yet.
type flight struct {
	done    chan struct{} // Closed when answer is there.
	answer  cachedAnswer
	bug     *panics.Error      // In place of an answer; raised by who waits.
	waiters int                // Callers that want it; guarded by Cache.mu.
	cancel  context.CancelFunc // Called when none is left.
}

// NewCache returns a cache of the answers of r.
func NewCache(r Resolver, opts CacheOptions) *Cache {
	setDefault(&opts.MaxEntries, 10_000)
	setDefault(&opts.DefaultTTL, 5*time.Minute)
	setDefault(&opts.MaxTTL, time.Hour)
	setDefault(&opts.NegativeTTL, time.Minute)
	setDefault(&opts.MaxNegativeTTL, 5*time.Minute)
	setDefault(&opts.TemporaryTTL, 3*time.Second)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	c := &Cache{resolver: r, opts: opts, entries: map[cacheKey]*list.Element{}, flights: map[cacheKey]*flight{}}
	c.lookups.cache = c
	return c
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// LookupAddr implements [Resolver].
func (l lookups) LookupAddr(ctx context.Context, ip netip.Addr) ([]string, Result, error) {
	ip = ip.Unmap().WithZone("")
	return cached(ctx, l, cacheKey{"PTR", ip.String()}, slices.Clone, func(r Resolver, ctx context.Context, _ string) ([]string, Result, error) {
		return r.LookupAddr(ctx, ip)
	})
}

// LookupCNAME implements [Resolver].
func (l lookups) LookupCNAME(ctx context.Context, host string) (string, Result, error) {
	targets, res, err := cachedName(ctx, l, "CNAME", host, slices.Clone, func(r Resolver, ctx context.Context, name string) ([]string, Result, error) {
		s, res, err := r.LookupCNAME(ctx, name)
		return []string{s}, res, err
	})
	if err != nil {
		return "", res, err
	}
	return targets[0], res, nil
}

// LookupIP implements [Resolver].
func (l lookups) LookupIP(ctx context.Context, network, host string) ([]netip.Addr, Result, error) {
	typ, err := ipType(network)
	if err != nil {
		return nil, Result{}, err
	}
	return cachedName(ctx, l, typ, host, slices.Clone, func(r Resolver, ctx context.Context, name string) ([]netip.Addr, Result, error) {
		return r.LookupIP(ctx, network, name)
	})
}

// LookupMX implements [Resolver].
func (l lookups) LookupMX(ctx context.Context, name string) ([]net.MX, Result, error) {
	return cachedName(ctx, l, "MX", name, slices.Clone, Resolver.LookupMX)
}

// LookupNS implements [Resolver].
func (l lookups) LookupNS(ctx context.Context, name string) ([]net.NS, Result, error) {
	return cachedName(ctx, l, "NS", name, slices.Clone, Resolver.LookupNS)
}

// LookupSRV implements [Resolver].
func (l lookups) LookupSRV(ctx context.Context, name string) ([]net.SRV, Result, error) {
	return cachedName(ctx, l, "SRV", name, slices.Clone, Resolver.LookupSRV)
}

// LookupCAA implements [Resolver].
func (l lookups) LookupCAA(ctx context.Context, name string) ([]CAA, Result, error) {
	return cachedName(ctx, l, "CAA", name, slices.Clone, Resolver.LookupCAA)
}

// LookupTXT implements [Resolver].
func (l lookups) LookupTXT(ctx context.Context, name string) ([]string, Result, error) {
	return cachedName(ctx, l, "TXT", name, slices.Clone, Resolver.LookupTXT)
}

// LookupTLSA implements [Resolver].
func (l lookups) LookupTLSA(ctx context.Context, port int, protocol, host string) ([]TLSA, Result, error) {
	return cachedName(ctx, l, "TLSA", tlsaName(port, protocol, host), cloneTLSA, func(r Resolver, ctx context.Context, name string) ([]TLSA, Result, error) {
		return r.LookupTLSA(ctx, 0, "", name)
	})
}

func cachedName[T any](ctx context.Context, l lookups, typ, name string, clone func([]T) []T, ask func(Resolver, context.Context, string) ([]T, Result, error)) ([]T, Result, error) {
	name, err := cleanName(typ, name)
	if err != nil {
		return nil, Result{}, err
	}
	return cached(ctx, l, cacheKey{typ, name}, clone, ask)
}

// cached returns the answer that is kept for a key, or asks for it.
func cached[T any](ctx context.Context, l lookups, k cacheKey, clone func([]T) []T, ask func(Resolver, context.Context, string) ([]T, Result, error)) ([]T, Result, error) {
	c := l.cache
	var start time.Time
	if c.opts.Observe != nil {
		start = c.opts.Now()
	}
	a, source := c.remembered(ctx, k)
	if source == "" && l.missed != nil {
		l.missed.Store(true)
		return nil, Result{}, &Error{k.typ, k.name, false, ErrNotAtHand}
	}
	if source == "" {
		a, source = c.lookup(ctx, k, func(ctx context.Context) (cachedAnswer, int) {
			l, res, err := ask(c.resolver, ctx, k.name)
			return cachedAnswer{l, res, err}, answerSize(l)
		})
	}
	if c.opts.Observe != nil {
		c.opts.Observe(CacheEvent{k.typ, source, c.opts.Now().Sub(start), a.err})
	}
	if a.err != nil {
		return nil, a.res, a.err
	}
	records, _ := a.records.([]T)
	return clone(records), a.res, nil
}

// remembered returns the answer that is kept for a key, or that the context has ended; without any the source is
// empty.
func (c *Cache) remembered(ctx context.Context, k cacheKey) (cachedAnswer, CacheSource) {
	if err := ctx.Err(); err != nil {
		return cachedAnswer{err: &Error{k.typ, k.name, false, err}}, CacheMiss
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.get(k); ok {
		return a, CacheHit
	}
	return cachedAnswer{}, ""
}

// lookup asks the resolver, or waits where another caller has asked already.
func (c *Cache) lookup(ctx context.Context, k cacheKey, ask func(context.Context) (cachedAnswer, int)) (cachedAnswer, CacheSource) {
	c.mu.Lock()
	if a, ok := c.get(k); ok {
		c.mu.Unlock()
		return a, CacheHit
	}
	source := CacheShared
	f := c.flights[k]
	if f == nil {
		source = CacheMiss
		f = c.start(k, ask)
	}
	f.waiters++
	c.mu.Unlock()

	select {
	case <-f.done:
		f.bug.Raise()
		return f.answer, source
	case <-ctx.Done():
		c.leave(k, f)
		return cachedAnswer{err: &Error{k.typ, k.name, false, ctx.Err()}}, source
	}
}

// get returns the answer that is kept for a key. c.mu is held.
func (c *Cache) get(k cacheKey) (cachedAnswer, bool) {
	el := c.entries[k]
	if el == nil {
		return cachedAnswer{}, false
	}
	e := el.Value.(*cacheEntry)
	left := e.expires.Sub(c.opts.Now())
	if left <= 0 {
		c.remove(el)
		return cachedAnswer{}, false
	}
	c.recent.MoveToFront(el)
	a := e.answer
	a.res.TTL = left
	return a, true
}

// start asks the resolver, with a context that ends when no caller is left: one that
// gives up must not fail the others. c.mu is held.
func (c *Cache) start(k cacheKey, ask func(context.Context) (cachedAnswer, int)) *flight {
	ctx, cancel := context.WithCancel(context.Background())
	f := &flight{done: make(chan struct{}), cancel: cancel}
	c.flights[k] = f
	go func() {
		defer cancel()
		size := 0
		f.bug = panics.Catch(func() { f.answer, size = ask(ctx) })
		c.mu.Lock()
		defer c.mu.Unlock()
		// Without callers it was cancelled, and another flight may have begun.
		if c.flights[k] == f {
			delete(c.flights, k)
			if size <= maxAnswer && f.bug == nil {
				c.keep(k, f.answer)
			}
		}
		close(f.done)
	}()
	return f
}

// leave is called by a caller that gives up on a flight.
func (c *Cache) leave(k cacheKey, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiters--
	if f.waiters == 0 {
		f.cancel()
		if c.flights[k] == f {
			delete(c.flights, k)
		}
	}
}

// keep adds an answer to the cache. c.mu is held.
func (c *Cache) keep(k cacheKey, a cachedAnswer) {
	ttl := c.ttl(a)
	if ttl <= 0 {
		return
	}
	if old := c.entries[k]; old != nil {
		c.remove(old)
	}
	c.entries[k] = c.recent.PushFront(&cacheEntry{k, c.opts.Now().Add(ttl), a})
	for len(c.entries) > c.opts.MaxEntries {
		c.remove(c.recent.Back())
	}
}

func (c *Cache) remove(el *list.Element) {
	delete(c.entries, el.Value.(*cacheEntry).key)
	c.recent.Remove(el)
}

// ttl returns how long an answer is kept, zero or less for not at all.
func (c *Cache) ttl(a cachedAnswer) time.Duration {
	ttl, o := a.res.TTL, &c.opts
	switch {
	case a.err == nil:
		if ttl == 0 {
			ttl = o.DefaultTTL
		}
		return min(max(ttl, o.MinTTL), o.MaxTTL)
	case IsNotFound(a.err):
		if ttl == 0 {
			ttl = o.NegativeTTL
		}
		return min(ttl, o.MaxNegativeTTL)
	}
	return o.TemporaryTTL
}

// answerSize returns about how much memory the records of an answer have.
func answerSize[T any](l []T) int {
	n := 32 * len(l)
	for _, r := range l {
		switch r := any(r).(type) {
		case string:
			n += len(r)
		case net.MX:
			n += len(r.Host)
		case net.NS:
			n += len(r.Host)
		case net.SRV:
			n += len(r.Target)
		case CAA:
			n += len(r.Tag) + len(r.Value)
		case TLSA:
			n += len(r.CertAssoc)
		}
	}
	return n
}
