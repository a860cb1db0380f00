package rcptsecurity

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"mox/dns"
	"mox/internal/netguard"
	"mox/mtasts"
)

const (
	keepFound = time.Hour       // What was found is kept for so long, unless DNS says less.
	keepError = 5 * time.Minute // RFC 8461 §3.3: a policy that cannot be had is asked for again no sooner.
	keepSeen  = 30 * 24 * time.Hour
)

// lookup is the lookup of a domain that runs, or waits for others to end first. All who ask for the domain share it.
type lookup struct {
	domain    dns.Domain
	asking    int           // How many wait for it.
	running   bool          // It has begun, and goes on even if nobody waits any more.
	abandoned chan struct{} // Closed when nobody waits any more, unless it is running.
	done      chan struct{} // Closed at its end.
	found     found         // Set then.
}

// Options for New. Zero fields have the default told.
type Options struct {
	Resolver dns.Resolver // Required.

	// FetchPolicy fetches the MTA-STS policy of a domain. Default: mtasts.FetchPolicy with Resolver, DialContext and Guard.
	FetchPolicy func(ctx context.Context, domain dns.Domain) (mtasts.Policy, error)

	// DialContext and Guard are for the default of FetchPolicy, see mtasts.FetchOptions.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	Guard       netguard.Guard

	// Looked is told of each lookup: what was found, and how long it took. Default: nobody.
	Looked func(s Security, took time.Duration)

	Now           func() time.Time // Default: time.Now.
	MaxDomains    int              // Kept in memory. Default 10,000.
	MaxConcurrent int              // Domains looked up at a time. Default 10.
	Timeout       time.Duration    // For all lookups of a domain. Default 20 seconds.
}

// Checker knows the security of domains. It is safe for concurrent use.
type Checker struct {
	opts   Options
	slots  chan struct{} // Has a value for each lookup that runs.
	ctx    context.Context
	cancel context.CancelFunc
	runs   sync.WaitGroup

	mu      sync.Mutex // Guards what follows, with all entries, and lookups until they are done.
	closed  bool
	entries map[string]*entry // By domain in ASCII.
	used    list.List         // Of *entry, the last used first.
	lookups map[string]*lookup
}

// entry is what is known of a domain.
type entry struct {
	domain dns.Domain
	place  *list.Element

	found found
	until time.Time // When found is to be looked for again.

	seen    Seen
	seenFor time.Time
}

// New returns a Checker. Close ends its lookups.
func New(opts Options) (*Checker, error) {
	if opts.Resolver == nil {
		return nil, errors.New("rcptsecurity: options have no resolver")
	}
	if opts.FetchPolicy == nil {
		fetch := mtasts.FetchOptions{Resolver: opts.Resolver, DialContext: opts.DialContext, Guard: opts.Guard}
		opts.FetchPolicy = func(ctx context.Context, domain dns.Domain) (mtasts.Policy, error) {
			p, _, err := mtasts.FetchPolicy(ctx, fetch, domain)
			return p, err
		}
	}
	if opts.Looked == nil {
		opts.Looked = func(Security, time.Duration) {}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	opts.MaxDomains = cmp.Or(opts.MaxDomains, 10_000)
	opts.MaxConcurrent = cmp.Or(opts.MaxConcurrent, 10)
	opts.Timeout = cmp.Or(opts.Timeout, 20*time.Second)
	c := &Checker{opts: opts, slots: make(chan struct{}, opts.MaxConcurrent), entries: map[string]*entry{}, lookups: map[string]*lookup{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Close breaks lookups off and waits for their end. After it nothing is looked up any more.
func (c *Checker) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.runs.Wait()
}

// Lookup returns what is known about a domain, after looking up what is not kept from before. If the context ends first, or
// the time for lookups, it returns what was known until then; what is on its way will be there for the next call.
func (c *Checker) Lookup(ctx context.Context, domain dns.Domain) Security {
	f := c.look(ctx, domain)
	return c.withSeen(domain, f.security)
}

// Known returns what is known about a domain, without looking up anything.
func (c *Checker) Known(domain dns.Domain) Security {
	c.mu.Lock()
	f, _ := c.known(domain)
	c.mu.Unlock()
	return c.withSeen(domain, f.security)
}

// look returns what was found of a domain, now or before.
func (c *Checker) look(ctx context.Context, domain dns.Domain) found {
	f, l := c.join(domain)
	if l == nil {
		return f
	}
	select {
	case <-l.done:
		return l.found
	case <-ctx.Done():
		c.leave(l)
		return f
	}
}

// join returns what was found of a domain before and, if that is not enough, the lookup to wait for, a new one if there is
// none. Who does not wait for its end leaves it.
func (c *Checker) join(domain dns.Domain) (found, *lookup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, fresh := c.known(domain)
	if fresh || c.closed {
		return f, nil
	}
	l := c.lookups[domain.ASCII]
	if l == nil {
		l = &lookup{domain: domain, abandoned: make(chan struct{}), done: make(chan struct{}), found: f}
		c.lookups[domain.ASCII] = l
		c.runs.Go(func() { c.run(l) })
	}
	l.asking++
	return f, l
}

// leave ends the waiting for a lookup that join returned. One that has not begun is not needed without any who wait.
func (c *Checker) leave(l *lookup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.asking--; l.asking == 0 && !l.running {
		delete(c.lookups, l.domain.ASCII)
		close(l.abandoned)
	}
}

// Seen takes note of what a delivery has seen of a server that takes mail for a domain.
func (c *Checker) Seen(domain dns.Domain, s Seen) {
	if s.STARTTLS == Unknown && s.RequireTLS == Unknown {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entry(domain)
	if s.RequireTLS == Unknown {
		s.RequireTLS = e.seen.RequireTLS
	}
	e.seen, e.seenFor = s, c.opts.Now().Add(keepSeen)
}

// MXTrusted reports whether an MTA-STS policy of the domain names a host (RFC 8461 §4.1), in whatever mode it is: who has it
// knows that the domain meant the host. It looks up what is not known, as Lookup.
func (c *Checker) MXTrusted(ctx context.Context, domain, host dns.Domain) bool {
	p := c.look(ctx, domain).policy
	return p != nil && c.opts.Now().Before(p.until) && p.Mode != mtasts.ModeNone && p.Matches(host)
}

// entry returns the entry of a domain, a new one if there is none, in the place of the one that was not used for the
// longest time if there are too many. The caller holds the lock.
func (c *Checker) entry(domain dns.Domain) *entry {
	e := c.entries[domain.ASCII]
	if e != nil {
		c.used.MoveToFront(e.place)
		return e
	}
	if len(c.entries) >= c.opts.MaxDomains {
		old := c.used.Remove(c.used.Back()).(*entry)
		delete(c.entries, old.domain.ASCII)
	}
	e = &entry{domain: domain}
	e.place = c.used.PushFront(e)
	c.entries[domain.ASCII] = e
	return e
}

// known returns what was found of a domain, and whether it need not be looked for again. The caller holds the lock.
func (c *Checker) known(domain dns.Domain) (f found, fresh bool) {
	e := c.entries[domain.ASCII]
	if e == nil {
		return found{}, false
	}
	c.used.MoveToFront(e.place)
	return e.found, c.opts.Now().Before(e.until)
}

// withSeen adds what deliveries have seen.
func (c *Checker) withSeen(domain dns.Domain, s Security) Security {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[domain.ASCII]; e != nil && c.opts.Now().Before(e.seenFor) {
		s.STARTTLS, s.RequireTLS = e.seen.STARTTLS, e.seen.RequireTLS
	}
	return s
}

// run looks a domain up, when few enough others are.
func (c *Checker) run(l *lookup) {
	defer close(l.done)
	select {
	case c.slots <- struct{}{}:
	case <-l.abandoned:
		return
	case <-c.ctx.Done():
		return
	}
	defer func() { <-c.slots }()
	if !c.begin(l) {
		return
	}
	begin := c.opts.Now()
	ctx, cancel := context.WithTimeout(c.ctx, c.opts.Timeout)
	defer cancel()
	f := c.find(ctx, l.domain, l.found.policy)
	now := c.opts.Now()
	c.opts.Looked(f.security, now.Sub(begin))

	c.mu.Lock()
	defer c.mu.Unlock()
	l.found = f
	e := c.entry(l.domain)
	e.found, e.until = f, now.Add(f.keep)
	delete(c.lookups, l.domain.ASCII)
}

// begin takes note that a lookup begins, and reports whether it is wanted still.
func (c *Checker) begin(l *lookup) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.running = l.asking > 0
	return l.running
}
