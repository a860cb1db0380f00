package resolvertest

import (
	"encoding/hex"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"mox/dns"
)

// Zone returns a resolver that answers with the records of a zone file, or of several after each other. Answers are
// authentic, as those of a signed zone.
func Zone(t testing.TB, text string) *dns.MemResolver {
	t.Helper()
	r := &dns.MemResolver{
		A: map[string][]string{}, AAAA: map[string][]string{}, CNAME: map[string]string{}, MX: map[string][]net.MX{}, SRV: map[string][]net.SRV{},
		TXT: map[string][]string{}, TLSA: map[string][]dns.TLSA{}, CAA: map[string][]dns.CAA{}, PTR: map[string][]string{},
		AllAuthentic: true,
	}
	// The origin is none of the names: what should be absolute must not depend on it.
	p := mdns.NewZoneParser(strings.NewReader("$TTL 300\n"+text), "origin.invalid.", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		addRecord(t, r, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return r
}

func addRecord(t testing.TB, r *dns.MemResolver, rr mdns.RR) {
	t.Helper()
	name := strings.ToLower(strings.TrimSuffix(rr.Header().Name, "."))
	switch rr := rr.(type) {
	case *mdns.A:
		r.A[name] = append(r.A[name], rr.A.String())
	case *mdns.AAAA:
		r.AAAA[name] = append(r.AAAA[name], rr.AAAA.String())
	case *mdns.CNAME:
		r.CNAME[name] = rr.Target
	case *mdns.MX:
		r.MX[name] = append(r.MX[name], net.MX{Host: rr.Mx, Pref: rr.Preference})
	case *mdns.SRV:
		r.SRV[name] = append(r.SRV[name], net.SRV{Target: rr.Target, Port: rr.Port, Priority: rr.Priority, Weight: rr.Weight})
	case *mdns.TXT:
		for _, s := range rr.Txt {
			if len(s) > 255 {
				t.Errorf("%s has a string of %d bytes", name, len(s))
			}
		}
		r.TXT[name] = append(r.TXT[name], strings.Join(rr.Txt, ""))
	case *mdns.TLSA:
		data, err := hex.DecodeString(rr.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		var tlsa dns.TLSA
		set(&tlsa.Usage, rr.Usage)
		set(&tlsa.Selector, rr.Selector)
		set(&tlsa.MatchType, rr.MatchingType)
		tlsa.CertAssoc = data
		r.TLSA[name] = append(r.TLSA[name], tlsa)
	case *mdns.CAA:
		r.CAA[name] = append(r.CAA[name], dns.CAA{Critical: rr.Flag&128 != 0, Tag: strings.ToLower(rr.Tag), Value: rr.Value})
	case *mdns.PTR:
		ip := reverse(t, name)
		r.PTR[ip] = append(r.PTR[ip], rr.Ptr)
	default:
		t.Fatalf("record of a type that is not expected: %s", rr)
	}
}

// set sets a value of a type whose name is of no concern.
func set[T ~uint8](to *T, v uint8) { *to = T(v) }

// reverse returns the address of a name in reverse DNS.
func reverse(t testing.TB, name string) string {
	t.Helper()
	labels, four := strings.CutSuffix(name, ".in-addr.arpa")
	if !four {
		labels = strings.TrimSuffix(name, ".ip6.arpa")
	}
	parts := strings.Split(labels, ".")
	var b []byte
	for i := len(parts) - 1; i >= 0; i-- {
		base := 16
		if four {
			base = 10
		}
		n, err := strconv.ParseUint(parts[i], base, 8)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b = append(b, byte(n))
	}
	if !four {
		for i := range len(b) / 2 {
			b[i] = b[2*i]<<4 | b[2*i+1]
		}
		b = b[:len(b)/2]
	}
	ip, ok := netip.AddrFromSlice(b)
	if !ok {
		t.Fatalf("%s is no name of an address", name)
	}
	return ip.String()
}
