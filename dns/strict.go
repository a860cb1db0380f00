package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/mjl-/adns"
	"golang.org/x/net/dns/dnsmessage"
)

// StrictOptions are the options of a StrictResolver.
type StrictOptions struct {
	// Dial connects to name servers, by default with a net.Dialer. The network is "udp"
	// or "tcp", the address that of a server in /etc/resolv.conf, for which another can
	// be taken here. As for net.Resolver, a net.PacketConn is used for datagrams,
	// others as streams.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// TrustAD says that the name servers validate DNSSEC and that the path to them is
	// safe, so that their word that an answer is authentic can be taken. Otherwise it
	// is only taken if /etc/resolv.conf has the option trust-ad, or if all servers in it
	// have loopback addresses.
	TrustAD bool
}

// StrictResolver is a Resolver that asks the recursive resolvers of /etc/resolv.conf.
// Addresses and names of hosts are also taken from /etc/hosts, and are then not
// authentic. It is strict in that it treats names as absolute, and does not return part
// of an answer in place of an error. Queries have the time limits of /etc/resolv.conf,
// by default 5 seconds, twice for each server.
type StrictResolver struct {
	opts StrictOptions
}

var _ Resolver = (*StrictResolver)(nil)

// NewStrictResolver returns a resolver that asks the resolvers of the system.
func NewStrictResolver(opts StrictOptions) *StrictResolver {
	if opts.Dial == nil {
		opts.Dial = (&net.Dialer{}).DialContext
	}
	return &StrictResolver{opts}
}

// ask makes one lookup, of a type and an absolute name, with a resolver of its own: that
// of adns would share it with others and end all with the context of one.
func ask[T any](ctx context.Context, r *StrictResolver, typ, name string, f func(*adns.Resolver, string) (T, error)) (T, *trace, error) {
	return askAs(ctx, r, 0, typ, name, f)
}

// askAs is ask that has TLSA, when adns asks for that, turned into a type that it does not know. Zero is for no such type.
func askAs[T any](ctx context.Context, r *StrictResolver, as dnsmessage.Type, typ, name string, f func(*adns.Resolver, string) (T, error)) (T, *trace, error) {
	var zero T
	name, err := cleanName(typ, name)
	if err != nil {
		return zero, nil, err
	}
	tr := &trace{dial: r.opts.Dial, trustAD: r.opts.TrustAD, as: as, name: name, stand: standIn(name)}
	v, err := f(&adns.Resolver{PreferGo: true, StrictErrors: true, Dial: tr.Dial}, tr.stand+".")
	if err != nil {
		return v, tr, strictError(ctx, typ, name, err)
	}
	return v, tr, nil
}

// standIn returns a name as long as another for which adns can be asked in its place: adns takes only those of hosts.
func standIn(name string) string {
	if isPlainName(name, true) {
		return name
	}
	b := []byte(name)
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '.':
		case c == '-' && i > 0 && b[i-1] != '.' && i+1 < len(b) && b[i+1] != '.':
		default:
			b[i] = 'x'
		}
	}
	return string(b)
}

func strictError(ctx context.Context, typ, name string, err error) error {
	e, ok := errors.AsType[*adns.DNSError](err)
	if !ok || !e.IsNotFound {
		// adns does not always tell that the context has ended.
		if cerr := ctx.Err(); cerr != nil && !errors.Is(err, cerr) {
			err = fmt.Errorf("%w: %w", cerr, err)
		}
		return &Error{typ, name, false, err}
	}
	return &Error{typ, name, true, err}
}

// some drops the error if there are records: adns returns it with the valid records of
// an answer that has invalid ones too.
func some[T any](l []T, err error) ([]T, error) {
	if len(l) > 0 {
		return l, nil
	}
	return nil, err
}

// LookupAddr implements [Resolver].
func (r *StrictResolver) LookupAddr(ctx context.Context, ip netip.Addr) ([]string, Result, error) {
	ip = ip.Unmap().WithZone("")
	// The name is that of the reverse zone, which adns makes itself.
	l, tr, err := ask(ctx, r, "PTR", "in-addr.arpa", func(ar *adns.Resolver, _ string) ([]string, error) {
		l, _, err := ar.LookupAddr(ctx, ip.String())
		return some(l, err)
	})
	if e, ok := errors.AsType[*Error](err); ok {
		e.Name = ip.String()
	}
	return absolute(l), tr.result("PTR"), err
}

// LookupCNAME implements [Resolver].
func (r *StrictResolver) LookupCNAME(ctx context.Context, host string) (string, Result, error) {
	_, tr, err := ask(ctx, r, "CNAME", host, func(ar *adns.Resolver, name string) (string, error) {
		cname, _, err := ar.LookupCNAME(ctx, name)
		return cname, err
	})
	if tr == nil {
		return "", Result{}, err
	}
	// adns also looks up addresses and returns the end of the chain, or an error when
	// that has no addresses. The answer to its question for the CNAME is what is wanted.
	target, answered := tr.cname()
	switch {
	case target != "":
		return target, tr.result("CNAME"), nil
	case answered, err == nil && !tr.asked():
		// There is none, or the host is in /etc/hosts.
		return "", tr.result("CNAME"), &Error{"CNAME", host, true, errNotFound}
	case err == nil:
		err = &Error{"CNAME", host, false, errNoAnswer}
	}
	return "", Result{}, err
}

// LookupIP implements [Resolver].
func (r *StrictResolver) LookupIP(ctx context.Context, network, host string) ([]netip.Addr, Result, error) {
	typ, err := ipType(network)
	if err != nil {
		return nil, Result{}, err
	}
	l, tr, err := ask(ctx, r, typ, host, func(ar *adns.Resolver, name string) ([]netip.Addr, error) {
		l, _, err := ar.LookupNetIP(ctx, network, name)
		for i := range l {
			l[i] = l[i].Unmap() // adns has IPv4 addresses of /etc/hosts in their IPv6 form.
		}
		return l, err
	})
	return l, tr.result(strings.Split(typ, "/")...), err
}

// LookupMX implements [Resolver].
func (r *StrictResolver) LookupMX(ctx context.Context, name string) ([]net.MX, Result, error) {
	l, tr, err := ask(ctx, r, "MX", name, func(ar *adns.Resolver, name string) ([]net.MX, error) {
		l, _, err := ar.LookupMX(ctx, name)
		return some(values(l), err)
	})
	slices.SortStableFunc(l, func(a, b net.MX) int { return int(a.Pref) - int(b.Pref) })
	return l, tr.result("MX"), err
}

// LookupNS implements [Resolver].
func (r *StrictResolver) LookupNS(ctx context.Context, name string) ([]net.NS, Result, error) {
	l, tr, err := ask(ctx, r, "NS", name, func(ar *adns.Resolver, name string) ([]net.NS, error) {
		l, _, err := ar.LookupNS(ctx, name)
		return some(values(l), err)
	})
	return l, tr.result("NS"), err
}

// LookupSRV implements [Resolver].
func (r *StrictResolver) LookupSRV(ctx context.Context, name string) ([]net.SRV, Result, error) {
	l, tr, err := ask(ctx, r, "SRV", name, func(ar *adns.Resolver, name string) ([]net.SRV, error) {
		_, l, _, err := ar.LookupSRV(ctx, "", "", name)
		return some(values(l), err)
	})
	return l, tr.result("SRV"), err
}

// LookupCAA implements [Resolver]. adns does not know the type: it asks for another, which on the way is turned into
// this one, and finds no records of that in the answer.
func (r *StrictResolver) LookupCAA(ctx context.Context, name string) ([]CAA, Result, error) {
	_, tr, err := askAs(ctx, r, typeCAA, "CAA", name, func(ar *adns.Resolver, name string) ([]TLSA, error) {
		l, _, err := ar.LookupTLSA(ctx, 0, "", name)
		return l, err
	})
	if l := tr.caa(); len(l) > 0 {
		return l, tr.result("CAA"), nil
	}
	return nil, tr.result("CAA"), err
}

// LookupTXT implements [Resolver].
func (r *StrictResolver) LookupTXT(ctx context.Context, name string) ([]string, Result, error) {
	l, tr, err := ask(ctx, r, "TXT", name, func(ar *adns.Resolver, name string) ([]string, error) {
		l, _, err := ar.LookupTXT(ctx, name)
		return l, err
	})
	return l, tr.result("TXT"), err
}

// LookupTLSA implements [Resolver].
func (r *StrictResolver) LookupTLSA(ctx context.Context, port int, protocol, host string) ([]TLSA, Result, error) {
	l, tr, err := ask(ctx, r, "TLSA", tlsaName(port, protocol, host), func(ar *adns.Resolver, name string) ([]TLSA, error) {
		l, _, err := ar.LookupTLSA(ctx, 0, "", name)
		return l, err
	})
	return l, tr.result("TLSA"), err
}

func values[T any](l []*T) []T {
	var r []T
	for _, p := range l {
		r = append(r, *p)
	}
	return r
}
