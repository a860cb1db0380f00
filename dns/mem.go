package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// errFail is the cause of errors asked for with MemResolver.Fail.
var errFail = errors.New("server failure on demand")

// maxAliases is how many aliases a resolver follows.
const maxAliases = 16

// MemResolver is a Resolver that answers from its fields, for tests. Keys and names in
// records are in lower case, with or without trailing dot. The fields must not change
// after the first lookup, except in [MemResolver.Update].
type MemResolver struct {
	A, AAAA map[string][]string // IP addresses.
	CNAME   map[string]string
	MX      map[string][]net.MX
	NS      map[string][]string
	SRV     map[string][]net.SRV // E.g. by "_imaps._tcp.example.org".
	CAA     map[string][]CAA
	TXT     map[string][]string
	TLSA    map[string][]TLSA   // E.g. by "_25._tcp.mx.example.org".
	PTR     map[string][]string // By IP address.

	// The following have names, for which lookups of each type are meant, or a type in
	// lower case, a space and a name, e.g. "mx example.org" or "ptr 192.0.2.1".

	Fail        []string // Lookups fail temporarily.
	Authentic   []string // Answers are authentic.
	Inauthentic []string // Answers are not authentic although AllAuthentic is set.

	// AllAuthentic makes all answers authentic, also those that there is no record.
	AllAuthentic bool

	TTL time.Duration // Of all Results.

	// Before, if set, is called before each lookup with its type in lower case and its
	// name without trailing dot. An error becomes that of the lookup.
	Before func(ctx context.Context, typ, name string) error

	mu    sync.RWMutex // Guards the fields above against Update.
	count sync.Mutex   // Guards calls.
	calls map[string]int
}

var _ Resolver = (*MemResolver)(nil)

// Update calls f, which may change the fields of r, while no lookup looks at them.
func (r *MemResolver) Update(f func(r *MemResolver)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}

// Calls returns how many lookups were made of a name, or of "type name" as in Fail. Of
// LookupIP with network "ip" the types are "a" and "aaaa".
func (r *MemResolver) Calls(query string) int {
	r.count.Lock()
	defer r.count.Unlock()
	return r.calls[query]
}

// LookupAddr implements [Resolver].
func (r *MemResolver) LookupAddr(ctx context.Context, ip netip.Addr) ([]string, Result, error) {
	name := ip.Unmap().String()
	if err := r.before(ctx, "ptr", name); err != nil {
		return nil, Result{}, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	res := Result{r.authentic("ptr", name), r.TTL}
	if r.has(r.Fail, "ptr", name) {
		return nil, Result{}, &Error{"PTR", name, false, errFail}
	}
	l := absolute(r.PTR[name])
	if len(l) == 0 {
		return nil, res, &Error{"PTR", name, true, errNotFound}
	}
	return l, res, nil
}

// LookupCNAME implements [Resolver].
func (r *MemResolver) LookupCNAME(ctx context.Context, host string) (string, Result, error) {
	name, err := r.begin(ctx, "CNAME", host)
	if err != nil {
		return "", Result{}, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.has(r.Fail, "cname", name) {
		return "", Result{}, &Error{"CNAME", host, false, errFail}
	}
	res := Result{r.authentic("cname", name), r.TTL}
	if target := get(r.CNAME, name); target != "" {
		return absolute([]string{target})[0], res, nil
	}
	return "", res, &Error{"CNAME", host, true, errNotFound}
}

// LookupIP implements [Resolver].
func (r *MemResolver) LookupIP(ctx context.Context, network, host string) ([]netip.Addr, Result, error) {
	typ, err := ipType(network)
	if err != nil {
		return nil, Result{}, err
	}
	var l []netip.Addr
	r.mu.RLock()
	res := Result{true, r.TTL}
	r.mu.RUnlock()
	for _, family := range []struct {
		typ     string
		records func() map[string][]string
	}{
		{"A", func() map[string][]string { return r.A }},
		{"AAAA", func() map[string][]string { return r.AAAA }},
	} {
		if network != "ip" && family.typ != typ {
			continue
		}
		addrs, res1, err := lookup(ctx, r, family.typ, host, family.records)
		res.Authentic = res.Authentic && res1.Authentic
		if err != nil && !IsNotFound(err) {
			return nil, Result{}, err
		}
		for _, s := range addrs {
			ip, err := netip.ParseAddr(s)
			if err != nil {
				return nil, Result{}, fmt.Errorf("address of %s: %w", host, err)
			}
			l = append(l, ip)
		}
	}
	if len(l) == 0 {
		return nil, res, &Error{typ, host, true, errNotFound}
	}
	return l, res, nil
}

// LookupMX implements [Resolver].
func (r *MemResolver) LookupMX(ctx context.Context, name string) ([]net.MX, Result, error) {
	l, res, err := lookup(ctx, r, "MX", name, func() map[string][]net.MX { return r.MX })
	for i := range l {
		l[i].Host = strings.TrimSuffix(l[i].Host, ".") + "."
	}
	slices.SortStableFunc(l, func(a, b net.MX) int { return int(a.Pref) - int(b.Pref) })
	return l, res, err
}

// LookupNS implements [Resolver].
func (r *MemResolver) LookupNS(ctx context.Context, name string) ([]net.NS, Result, error) {
	hosts, res, err := lookup(ctx, r, "NS", name, func() map[string][]string { return r.NS })
	var l []net.NS
	for _, h := range absolute(hosts) {
		l = append(l, net.NS{Host: h})
	}
	return l, res, err
}

// LookupSRV implements [Resolver].
func (r *MemResolver) LookupSRV(ctx context.Context, name string) ([]net.SRV, Result, error) {
	l, res, err := lookup(ctx, r, "SRV", name, func() map[string][]net.SRV { return r.SRV })
	for i := range l {
		l[i].Target = strings.TrimSuffix(l[i].Target, ".") + "."
	}
	slices.SortStableFunc(l, func(a, b net.SRV) int { return int(a.Priority) - int(b.Priority) })
	return l, res, err
}

// LookupCAA implements [Resolver].
func (r *MemResolver) LookupCAA(ctx context.Context, name string) ([]CAA, Result, error) {
	return lookup(ctx, r, "CAA", name, func() map[string][]CAA { return r.CAA })
}

// LookupTXT implements [Resolver].
func (r *MemResolver) LookupTXT(ctx context.Context, name string) ([]string, Result, error) {
	return lookup(ctx, r, "TXT", name, func() map[string][]string { return r.TXT })
}

// LookupTLSA implements [Resolver].
func (r *MemResolver) LookupTLSA(ctx context.Context, port int, protocol, host string) ([]TLSA, Result, error) {
	l, res, err := lookup(ctx, r, "TLSA", tlsaName(port, protocol, host), func() map[string][]TLSA { return r.TLSA })
	return cloneTLSA(l), res, err
}

// lookup returns a copy of the records of a name, following aliases. The map is asked for
// while Update waits.
func lookup[T any](ctx context.Context, r *MemResolver, typ, name string, records func() map[string][]T) ([]T, Result, error) {
	at, err := r.begin(ctx, typ, name)
	if err != nil {
		return nil, Result{}, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	res := Result{true, r.TTL}
	for range maxAliases + 1 {
		if r.has(r.Fail, strings.ToLower(typ), at) {
			return nil, Result{}, &Error{typ, name, false, errFail}
		}
		if target := get(r.CNAME, at); target != "" {
			res.Authentic = res.Authentic && r.authentic("cname", at)
			at = strings.TrimSuffix(target, ".")
			continue
		}
		res.Authentic = res.Authentic && r.authentic(strings.ToLower(typ), at)
		l := slices.Clone(get(records(), at))
		if len(l) == 0 {
			return nil, res, &Error{typ, name, true, errNotFound}
		}
		return l, res, nil
	}
	return nil, Result{}, &Error{typ, name, false, errAliases}
}

// begin cleans a name and does what comes before a lookup.
func (r *MemResolver) begin(ctx context.Context, typ, name string) (string, error) {
	clean, err := cleanName(typ, name)
	if err != nil {
		return "", err
	}
	return clean, r.before(ctx, strings.ToLower(typ), clean)
}

func (r *MemResolver) before(ctx context.Context, typ, name string) error {
	r.count.Lock()
	if r.calls == nil {
		r.calls = map[string]int{}
	}
	r.calls[name]++
	r.calls[typ+" "+name]++
	r.count.Unlock()

	r.mu.RLock()
	before := r.Before
	r.mu.RUnlock()
	var err error
	if before != nil {
		err = before(ctx, typ, name)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return &Error{strings.ToUpper(typ), name, IsNotFound(err), err}
	}
	return nil
}

func (r *MemResolver) authentic(typ, name string) bool {
	return (r.AllAuthentic || r.has(r.Authentic, typ, name)) && !r.has(r.Inauthentic, typ, name)
}

// has tells whether a list such as Fail means a lookup.
func (r *MemResolver) has(l []string, typ, name string) bool {
	return slices.ContainsFunc(l, func(s string) bool {
		s = strings.TrimSuffix(s, ".")
		return s == name || s == typ+" "+name
	})
}

// get returns the value of a name, whose key may have a trailing dot.
func get[T any](m map[string]T, name string) T {
	if v, ok := m[name]; ok {
		return v
	}
	return m[name+"."]
}

// absolute returns names with trailing dot.
func absolute(names []string) []string {
	var l []string
	for _, s := range names {
		l = append(l, strings.TrimSuffix(s, ".")+".")
	}
	return l
}

// cloneTLSA returns a deep copy.
func cloneTLSA(l []TLSA) []TLSA {
	l = slices.Clone(l)
	for i := range l {
		l[i].CertAssoc = slices.Clone(l[i].CertAssoc)
	}
	return l
}
