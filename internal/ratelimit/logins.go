package ratelimit

import (
	"net/netip"
	"time"
)

// LoginOptions for NewLogins.
type LoginOptions struct {
	Clients NetworkOptions   // Failed logins per client and network.
	Names   []Rate           // Failed logins per login name.
	Now     func() time.Time // Default: time.Now.
}

// Logins bounds guessing of passwords. Servers that check the same passwords share one. It is
// safe for concurrent use.
type Logins struct {
	clients *Networks
	names   *Limiter[string]

	// known remembers who has logged in from where. Somebody who tries passwords from elsewhere, be
	// it from the same network, does not lock out the owner of a name.
	known *Limiter[loginKey]
}

type loginKey struct {
	name   string
	client netip.Prefix
}

// knownFor is how long a good login counts.
const knownFor = 24 * time.Hour

// NewLogins returns a limiter of failed logins.
func NewLogins(o LoginOptions) *Logins {
	o.Clients.Now = o.Now
	return &Logins{
		clients: NewNetworks(o.Clients),
		names:   New[string](Options{Rates: o.Names, Now: o.Now}),
		known:   New[loginKey](Options{Rates: []Rate{{Period: knownFor, Max: 1}}, Now: o.Now}),
	}
}

// Allow reports whether a login from ip as name may be tried. Where the name has logged in from, only what
// that client did itself counts.
func (l *Logins) Allow(ip netip.Addr, name string) bool {
	if l.clients.client.Exceeded(Client(ip)) {
		return false
	}
	return l.known.Exceeded(loginKey{name, Client(ip)}) || !l.clients.network.Exceeded(Network(ip)) && !l.names.Exceeded(name)
}

// Failed counts a failed login. The name may be empty if it did not become known.
func (l *Logins) Failed(ip netip.Addr, name string) {
	l.clients.Add(ip, 1)
	if name != "" {
		l.names.Add(name, 1)
	}
}

// Succeeded remembers a good login.
func (l *Logins) Succeeded(ip netip.Addr, name string) {
	key := loginKey{name, Client(ip)}
	l.known.Forget(key)
	l.known.Add(key, 1)
}
