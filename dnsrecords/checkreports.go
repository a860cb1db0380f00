package dnsrecords

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mox/dmarc"
	"mox/dns"
	"mox/mtasts"
	"mox/smtp"
)

// tlsrpt looks where reports about TLS go.
func (c *checker) tlsrpt(ctx context.Context) []Finding {
	if c.d.TLSReports.IsZero() {
		return nil
	}
	name := below("_smtp._tls", c.d.Name)
	l, res, err := textsWith(ctx, c.resolver, name, "v=TLSRPTv1")
	f := c.finding(TLSRPT, name, "TXT", res)
	f.Found = l
	if err != nil {
		c.failed(&f, err)
		return []Finding{f}
	}
	if len(l) > 1 {
		f.say(Problem, "there are several TLSRPT records, so that none counts (RFC 8460 §3)", "leave one")
		return []Finding{f}
	}
	to, err := parseTLSRPT(l[0])
	switch {
	case err != nil:
		f.say(Problem, "the TLSRPT record cannot be read: "+err.Error(), "replace it")
		f.add(c.expected)
	case !reportsTo(c.d.TLSReports, to):
		f.say(Advice, "reports do not come to "+c.d.TLSReports.String(), "add the address to rua, if mox is to evaluate reports")
	default:
		f.say(OK, "reports come here", "")
	}
	return []Finding{f}
}

// fields splits a record at its semicolons into names and values. The version must come first.
func fields(s, version string) ([][2]string, error) {
	parts := strings.Split(s, ";")
	if strings.TrimSpace(parts[0]) != version {
		return nil, fmt.Errorf("it does not begin with %q and a semicolon", version)
	}
	var l [][2]string
	for i, p := range parts[1:] {
		p = strings.Trim(p, " \t")
		if p == "" && i == len(parts)-2 {
			break // A semicolon at the end.
		}
		name, value, ok := strings.Cut(p, "=")
		name, value = strings.TrimRight(name, " \t"), strings.TrimLeft(value, " \t")
		if !ok || name == "" || value == "" {
			return nil, fmt.Errorf("%q is not a name, = and a value", p)
		}
		l = append(l, [2]string{name, value})
	}
	return l, nil
}

// parseTLSRPT returns the mail addresses that reports go to (RFC 8460 §3).
func parseTLSRPT(s string) ([]smtp.Address, error) {
	l, err := fields(s, "v=TLSRPTv1")
	if err != nil {
		return nil, err
	}
	var to []smtp.Address
	uris := 0
	for _, f := range l {
		if f[0] != "rua" {
			continue // RFC 8460 §3: an extension.
		}
		for _, s := range strings.Split(f[1], ",") {
			s = strings.TrimSpace(s)
			uri, err := dmarc.ParseURI(s)
			if err != nil || !strings.HasPrefix(s, "mailto:") && !strings.HasPrefix(s, "https:") {
				return nil, fmt.Errorf("%q is not a URI of mailto or https", s)
			}
			uris++
			if a, ok := uri.Mailto(); ok {
				to = append(to, a)
			}
		}
	}
	if uris == 0 {
		return nil, errors.New("rua is missing")
	}
	return to, nil
}

// mtasts looks whether the policy is announced and can be found.
func (c *checker) mtasts(ctx context.Context) []Finding {
	if c.d.MTASTS == "" {
		return nil
	}
	name := mtasts.RecordName(c.d.Name)
	l, res, err := textsWith(ctx, c.resolver, name, "v=STSv1")
	f := c.finding(MTASTS, name, "TXT", res)
	f.Found = l
	if err != nil {
		c.failed(&f, err)
	} else if len(l) > 1 {
		f.say(Problem, "there are several MTA-STS records, so that none counts (RFC 8461 §3.1)", "leave one")
	} else if record, err := mtasts.ParseRecord(l[0]); err != nil {
		f.say(Problem, err.Error(), "replace it")
		f.add(c.expected)
	} else if record.ID != c.d.MTASTS {
		f.say(Problem, fmt.Sprintf("the id is %s, and not %s as of the present policy, so that others keep an old one", record.ID, c.d.MTASTS), "replace the record")
		f.add(c.expected)
	} else {
		f.say(OK, "the policy is announced", "")
	}
	return []Finding{f, c.leadsHere(ctx, MTASTS, below("mta-sts", c.d.Name), "the policy is fetched from this machine")}
}

// leadsHere looks whether a name is that of this machine too.
func (c *checker) leadsHere(ctx context.Context, n Need, name, good string) Finding {
	ips, res, err := c.resolver.LookupIP(ctx, "ip", name)
	records := c.wanted(n, func(r Record) bool { return r.Name == name })
	f := c.finding(n, name, records[0].Type, res)
	var elsewhere []string
	for _, ip := range ips {
		f.Found = append(f.Found, ip.String())
		if !c.h.hasAddress(ip) {
			elsewhere = append(elsewhere, ip.String())
		}
	}
	switch {
	case err != nil:
		c.failed(&f, err)
		if dns.IsNotFound(err) {
			f.Text, f.Records = "the name has no address", records
		}
	case len(elsewhere) > 0:
		f.say(Problem, fmt.Sprintf("the name leads to %s, which is not this machine", sentence(elsewhere)), "replace its records")
		f.Records = records
	default:
		f.say(OK, good, "")
	}
	return f
}
