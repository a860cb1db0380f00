package dnsrecords

import (
	"context"
	"strings"
)

// aliases looks at the names at which mail programs find settings and services.
func (c *checker) aliases(ctx context.Context) []Finding {
	var l []Finding
	seen := map[string]bool{} // One with addresses of its own has several records.
	for _, r := range c.wanted(Autoconfig, nil) {
		if !seen[r.Name] {
			l = append(l, c.leadsHere(ctx, Autoconfig, r.Name, "mail programs find this machine"))
		}
		seen[r.Name] = true
	}
	return l
}

// srv looks at the services that are announced.
func (c *checker) srv(ctx context.Context) []Finding {
	var findings []Finding
	for _, s := range c.h.services() {
		name := below(s.label+"._tcp", c.d.Name)
		l, res, err := c.resolver.LookupSRV(ctx, name)
		f := c.finding(SRV, name, "SRV", res)
		want := s.target(c.d.clientName(c.h))
		good, other := false, false
		for _, r := range l {
			f.Found = append(f.Found, srvText(r))
			if strings.EqualFold(r.Target, want.Target) && (r.Port == want.Port || want.Target == ".") {
				good = true
			} else {
				other = true
			}
		}
		switch {
		case err != nil:
			c.failed(&f, err)
		case other && want.Target == ".":
			f.say(Problem, "a service is announced that this machine does not have", "replace the record")
			f.add(c.expected)
		case !good:
			f.say(Problem, "mail programs are led elsewhere", "replace the record")
			f.add(c.expected)
		case other:
			f.say(Advice, "mail programs may also go elsewhere", "remove the other records, unless that machine serves the same accounts")
		case s.port == 0:
			f.say(OK, "the service is not offered, and not announced", "")
		default:
			f.say(OK, "mail programs find the service", "")
		}
		findings = append(findings, f)
	}
	return findings
}
