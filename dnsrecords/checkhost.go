package dnsrecords

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mox/dns"
	"mox/iprev"
)

// addresses looks at those of the machine.
func (c *checker) addresses(ctx context.Context) []Finding {
	name := c.h.Name.Absolute()
	if target, res, err := c.resolver.LookupCNAME(ctx, name); err == nil {
		f := c.finding(Address, name, "CNAME", res)
		f.Found = []string{target}
		f.say(Problem, "the name of the machine is an alias, which an MX record must not name (RFC 5321 §5.1)", "replace the CNAME record by address records")
		f.Records = c.wanted(Address, nil)
		return []Finding{f}
	}
	var l []Finding
	for _, family := range []struct{ network, typ string }{{"ip4", "A"}, {"ip6", "AAAA"}} {
		got, res, err := c.resolver.LookupIP(ctx, family.network, name)
		f := c.finding(Address, name, family.typ, res)
		for _, ip := range got {
			f.Found = append(f.Found, ip.String())
		}
		missing, extra := differing(f.Expected, f.Found), differing(f.Found, f.Expected)
		switch {
		case err != nil && dns.IsNotFound(err) && len(f.Expected) == 0:
			continue
		case err != nil:
			c.failed(&f, err)
		case len(c.h.IPs) == 0:
			f.say(OK, "the machine has addresses", "")
		case len(missing) > 0:
			f.say(Problem, "addresses of the machine are missing: "+sentence(missing), "add the records")
			f.add(c.expected)
		case len(extra) > 0:
			f.say(Problem, "there are addresses that the machine does not have, so that mail to it and mail programs fail at times: "+sentence(extra), "remove their records, or if the machine is reached by them, name them in mox.conf")
		default:
			f.say(OK, "the machine has its addresses", "")
		}
		l = append(l, f)
	}
	if len(l) == 0 {
		f := c.finding(Address, name, "A", dns.Result{})
		f.say(Problem, "the machine has no address", "add address records for "+c.h.Name.Name())
		l = append(l, f)
	}
	return l
}

// reverse looks whether names and addresses lead to each other.
func (c *checker) reverse(ctx context.Context) []Finding {
	ips := c.h.IPs
	if len(ips) == 0 {
		ips, _, _ = c.resolver.LookupIP(ctx, "ip", c.h.Name.Absolute()) // An error is told of addresses.
	}
	var l []Finding
	for _, ip := range ips {
		l = append(l, CheckReverse(ctx, c.resolver, c.h.Name, ip))
	}
	return l
}

// CheckReverse looks whether an address has a name that leads back to it, which is to be that of the machine.
func CheckReverse(ctx context.Context, resolver dns.Resolver, host dns.Domain, ip netip.Addr) Finding {
	r := iprev.Lookup(ctx, resolver, ip)
	f := Finding{Need: Reverse, Status: OK, Name: ip.String(), Type: "PTR", Authentic: r.Authentic, Expected: []string{host.Absolute()}}
	for _, d := range r.Claimed {
		f.Found = append(f.Found, d.Absolute())
	}
	ptr := Record{Need: Reverse, Name: ReverseName(ip), Type: "PTR", Value: host.Absolute()}
	cure := fmt.Sprintf("have your provider set the reverse DNS of %s to %s", ip, host.ASCII)
	switch {
	case r.Status == iprev.StatusTempError:
		f.say(Unknown, "could not be looked up: "+r.Err.Error(), "try again later")
	case r.Status == iprev.StatusPermError:
		f.say(Problem, "the address has no name in reverse DNS, so that many servers refuse its mail", cure)
		f.Records = []Record{ptr}
	case r.Status == iprev.StatusFail:
		f.say(Problem, fmt.Sprintf("its name %s does not lead back to the address, so that many servers refuse its mail", sentence(f.Found)),
			cure+", and see that this name has the address")
		f.Records = []Record{ptr}
	case !slices.Contains(r.Names, host):
		f.say(Advice, fmt.Sprintf("its name is %s, not that of the machine", r.Name.Name()), cure+", as some servers compare them")
		f.Records = []Record{ptr}
	default:
		f.say(OK, "the address has the name of the machine", "")
	}
	return f
}

// mx looks whether mail comes to us.
func (c *checker) mx(ctx context.Context) []Finding {
	name := c.d.Name.Absolute()
	l, res, err := c.resolver.LookupMX(ctx, name)
	f := c.finding(MX, name, "MX", res)
	var ours, first bool
	var others []string
	for _, mx := range l {
		f.Found = append(f.Found, fmt.Sprintf("%d %s", mx.Pref, mx.Host))
		if strings.EqualFold(mx.Host, c.h.Name.Absolute()) {
			ours = true
			first = first || mx.Pref == l[0].Pref
		} else {
			others = append(others, mx.Host)
		}
	}
	replacement := c.wanted(MX, nil)
	switch {
	case err != nil:
		c.failed(&f, err)
	case len(l) == 1 && l[0].Host == ".":
		f.say(Problem, "the domain says that it takes no mail (RFC 7505)", "replace the record")
		f.Records = replacement
	case !ours:
		f.say(Problem, fmt.Sprintf("mail goes to %s, not to this machine", sentence(others)), "replace the records")
		f.Records = replacement
	case len(others) > 0 && !first:
		f.say(Advice, fmt.Sprintf("mail goes first to %s", sentence(others)), "remove the other records, unless these machines pass mail on to this one")
	case len(others) > 0:
		f.say(Advice, fmt.Sprintf("mail can also go to %s", sentence(others)), "remove the other records, unless these machines pass mail on to this one")
	default:
		f.say(OK, "mail comes to this machine", "")
	}
	return []Finding{f}
}

// tlsa looks whether the keys of the machine are those in DNS.
func (c *checker) tlsa(ctx context.Context) []Finding {
	name := tlsaName(c.h)
	l, res, err := c.resolver.LookupTLSA(ctx, 0, "", name)
	f := c.finding(TLSA, name, "TLSA", res)
	usable := 0
	for _, t := range l {
		f.Found = append(f.Found, t.Record())
		if t.Usage == 2 || t.Usage == 3 { // Others do not count for SMTP (RFC 7672 §3.1.3).
			usable++
		}
	}
	missing, extra := differing(f.Expected, f.Found), differing(f.Found, f.Expected)
	switch {
	case err != nil && dns.IsNotFound(err) && len(f.Expected) == 0:
		return nil
	case err != nil && dns.IsNotFound(err) && !res.Authentic:
		f.say(Advice, "there is no TLSA record, and the zone is not signed", "have the zone signed with DNSSEC, then add the records")
		f.add(c.expected)
	case err != nil:
		c.failed(&f, err)
	case len(f.Expected) == 0:
		f.say(Advice, "it is not known which keys the machine uses", "compare the record with the certificate")
	case len(missing) == len(f.Expected) && usable > 0 && !slices.ContainsFunc(l, func(t dns.TLSA) bool { return t.Usage == 2 }):
		f.say(Problem, "the record is not for a key that the machine has, so that servers with DANE do not deliver", "replace the records")
		f.add(c.expected)
	case len(missing) > 0:
		f.say(Problem, "keys of the machine are missing, with which servers with DANE would not deliver", "add the records")
		f.add(c.expected)
	case len(extra) > 0:
		f.say(Advice, "there are records of keys that the machine does not have", "remove those that are not to be used any more")
	case !res.Authentic:
		f.say(Advice, "the records have no effect, as the zone is not signed", "have the zone signed with DNSSEC")
	default:
		f.say(OK, "the records are for the keys of the machine", "")
	}
	return []Finding{f}
}
