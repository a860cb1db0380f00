package ratelimit

import (
	"net/netip"
	"sync"
	"time"
)

// Client returns the prefix that stands for the single client at ip: /32 for IPv4 (also
// when written as IPv4-mapped IPv6), /64 for IPv6. Network returns the wider one: /24 and /48.
func Client(ip netip.Addr) netip.Prefix  { return prefix(ip, 32, 64) }
func Network(ip netip.Addr) netip.Prefix { return prefix(ip, 24, 48) }

func prefix(ip netip.Addr, bits4, bits6 int) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := bits6
	if ip.Is4() {
		bits = bits4
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // Of an invalid address: all share one key.
	}
	return p
}

// NetworkOptions for NewNetworks.
type NetworkOptions struct {
	Client  []Rate // For each client, see Client.
	Network []Rate // For all clients of a network together, see Network.

	MaxKeys int              // As in Options, for clients and for networks each.
	Now     func() time.Time // Default: time.Now.
}

// Networks counts events by client address. It is safe for concurrent use.
type Networks struct {
	client, network *Limiter[netip.Prefix]
}

// NewNetworks returns a limiter by client address.
func NewNetworks(o NetworkOptions) *Networks {
	return &Networks{
		client:  New[netip.Prefix](Options{o.Client, o.MaxKeys, o.Now}),
		network: New[netip.Prefix](Options{o.Network, o.MaxKeys, o.Now}),
	}
}

// Allow counts n events if client and network stay within all rates, and reports whether
// they do. What the network refuses is still counted for the client.
func (l *Networks) Allow(ip netip.Addr, n int64) bool {
	return l.client.Allow(Client(ip), n) && l.network.Allow(Network(ip), n)
}

// Add counts n events, also when that exceeds a rate.
func (l *Networks) Add(ip netip.Addr, n int64) {
	l.client.Add(Client(ip), n)
	l.network.Add(Network(ip), n)
}

// Exceeded reports whether Allow would refuse one more event.
func (l *Networks) Exceeded(ip netip.Addr) bool {
	return l.client.Exceeded(Client(ip)) || l.network.Exceeded(Network(ip))
}

// Forget drops what was counted for the client; its network keeps its count.
func (l *Networks) Forget(ip netip.Addr) { l.client.Forget(Client(ip)) }

// ConnLimits are numbers of connections open at the same time. Zero means no limit.
type ConnLimits struct {
	Total   int
	Client  int // Per client, see Client.
	Network int // Per network, see Network.
}

// Conns counts open connections by client address. It is safe for concurrent use. Its
// memory is bounded by the connections that are open.
type Conns struct {
	limits ConnLimits

	mu    sync.Mutex // Guards what follows.
	total int
	// Clients and networks have different prefix lengths, so they share a map.
	open map[netip.Prefix]int
}

// NewConns returns a counter of connections.
func NewConns(limits ConnLimits) *Conns {
	return &Conns{limits: limits, open: map[netip.Prefix]int{}}
}

// Acquire counts a connection from ip and reports true, or reports false if that would
// exceed a limit. After true the caller must call Release with the same address once.
func (c *Conns) Acquire(ip netip.Addr) bool {
	client, network := Client(ip), Network(ip)
	c.mu.Lock()
	defer c.mu.Unlock()
	if over(c.total, c.limits.Total) || over(c.open[client], c.limits.Client) || over(c.open[network], c.limits.Network) {
		return false
	}
	c.total++
	c.open[client]++
	c.open[network]++
	return true
}

func over(n, limit int) bool { return limit > 0 && n >= limit }

// Release gives back what Acquire counted.
func (c *Conns) Release(ip netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	for _, p := range []netip.Prefix{Client(ip), Network(ip)} {
		if c.open[p]--; c.open[p] <= 0 {
			delete(c.open, p)
		}
	}
}

// Total returns the number of open connections.
func (c *Conns) Total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// Counts counts what is in use at a time per key. It is safe for concurrent use. Its memory
// is bounded by what is in use.
type Counts[K comparable] struct {
	limit int

	mu  sync.Mutex // Guards what follows.
	use map[K]int
}

// NewCounts returns a counter that allows limit per key; zero means no limit.
func NewCounts[K comparable](limit int) *Counts[K] {
	return &Counts[K]{limit: limit, use: map[K]int{}}
}

// Acquire counts one more of key and reports true, or reports false if that would exceed the
// limit. After true the caller must call Release once.
func (c *Counts[K]) Acquire(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if over(c.use[key], c.limit) {
		return false
	}
	c.use[key]++
	return true
}

// Release gives back what Acquire counted.
func (c *Counts[K]) Release(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.use[key]--; c.use[key] <= 0 {
		delete(c.use, key)
	}
}
