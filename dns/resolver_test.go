package dns_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/dns"
	"mox/dns/resolvertest"
)

func TestMemResolver(t *testing.T) {
	t.Parallel()
	resolvertest.Test(t, func(t *testing.T, zone *dns.MemResolver) dns.Resolver { return zone })
}

func TestStrictResolver(t *testing.T) {
	t.Parallel()
	resolvertest.Test(t, func(t *testing.T, zone *dns.MemResolver) dns.Resolver {
		s := startZoneServer(t, zone)
		return dns.NewStrictResolver(dns.StrictOptions{Dial: s.dial, TrustAD: true})
	})
}

func TestCacheConforms(t *testing.T) {
	t.Parallel()
	resolvertest.Test(t, func(t *testing.T, zone *dns.MemResolver) dns.Resolver {
		return dns.NewCache(zone, dns.CacheOptions{})
	})
}

// A server that is not trusted to validate cannot make answers authentic.
func TestStrictResolverDoesNotTrustUnasked(t *testing.T) {
	t.Parallel()
	zone := &dns.MemResolver{TXT: map[string][]string{"example.org": {"x"}}, AllAuthentic: true}
	s := startZoneServer(t, zone)
	for _, trust := range []bool{true, false} {
		r := dns.NewStrictResolver(dns.StrictOptions{TrustAD: trust, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, _, _ := net.SplitHostPort(addr); !trust && net.ParseIP(host).IsLoopback() {
				t.Skip("the resolver of this system is on loopback and so always trusted")
			}
			return s.dial(ctx, network, addr)
		}})
		if _, res, err := r.LookupTXT(t.Context(), "example.org"); err != nil || res.Authentic != trust {
			t.Errorf("trust %v: result %+v, %v", trust, res, err)
		}
	}
}

func TestStrictResolverWithoutServer(t *testing.T) {
	t.Parallel()
	broken := errors.New("network is down")
	r := dns.NewStrictResolver(dns.StrictOptions{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, broken }})
	if _, _, err := r.LookupMX(t.Context(), "example.org"); !dns.IsTemporary(err) || dns.IsNotFound(err) {
		t.Fatalf("error %v, must be temporary", err)
	}
	if _, _, err := r.LookupIP(t.Context(), "ip", "example.org"); !dns.IsTemporary(err) || dns.IsNotFound(err) {
		t.Fatalf("error %v, must be temporary", err)
	}
}

// An answer to another question, or with another id, is not looked at.
func TestStrictResolverIgnoresForgeries(t *testing.T) {
	t.Parallel()
	zone := &dns.MemResolver{TXT: map[string][]string{"example.org": {"x"}}, TTL: time.Minute}
	s := startZoneServer(t, zone)
	r := dns.NewStrictResolver(dns.StrictOptions{TrustAD: true, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := s.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &forgedConn{UDPConn: c.(*net.UDPConn)}, nil
	}})
	l, res, err := r.LookupTXT(t.Context(), "example.org")
	if err != nil || len(l) != 1 || l[0] != "x" || res.Authentic || res.TTL != time.Minute {
		t.Fatalf("%v, %+v, %v", l, res, err)
	}
}

// forgedConn has an authentic answer with a wrong id before the true one.
type forgedConn struct {
	*net.UDPConn
	answer []byte
}

func (c *forgedConn) Read(p []byte) (int, error) {
	if c.answer != nil {
		n := copy(p, c.answer)
		c.answer = nil
		return n, nil
	}
	n, err := c.UDPConn.Read(p)
	if err != nil {
		return n, err
	}
	c.answer = append([]byte(nil), p[:n]...)
	p[0] ^= 0xff
	p[3] |= 0x20 // AD.
	return n, nil
}

func TestIsTemporary(t *testing.T) {
	t.Parallel()
	notFound := &dns.Error{Type: "MX", Name: "example.org", NotFound: true, Err: errors.New("none")}
	for _, tc := range []struct {
		err                 error
		temporary, notFound bool
	}{
		{nil, false, false},
		{errors.New("unknown"), true, false},
		{&dns.Error{Type: "MX", Name: "example.org", Err: errors.New("SERVFAIL")}, true, false},
		{notFound, false, true},
		{errors.Join(errors.New("x"), notFound), false, true},
	} {
		if dns.IsTemporary(tc.err) != tc.temporary || dns.IsNotFound(tc.err) != tc.notFound {
			t.Errorf("%v: temporary %v, not found %v", tc.err, dns.IsTemporary(tc.err), dns.IsNotFound(tc.err))
		}
	}
}

// IPv4 addresses of /etc/hosts are IPv4 addresses, as those of DNS are.
func TestStrictResolverHostsFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 || !strings.Contains(f[1], ".") {
			continue
		}
		ip, err := netip.ParseAddr(f[0])
		if err != nil || !ip.Is4() {
			continue
		}
		s := startZoneServer(t, &dns.MemResolver{})
		r := dns.NewStrictResolver(dns.StrictOptions{Dial: s.dial})
		for _, network := range []string{"ip4", "ip"} {
			if l, _, err := r.LookupIP(t.Context(), network, f[1]); err != nil || !slices.Contains(l, ip) {
				t.Errorf("%s of %s: %v, %v, want %s", network, f[1], l, err, ip)
			}
		}
		return
	}
	t.Skip("/etc/hosts has no name of several labels with an IPv4 address")
}
