package dnsrecords

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mox/dns"
)

// caa looks whether certificates can be issued for the domain and for the machine.
func (c *checker) caa(ctx context.Context) []Finding {
	if len(c.h.CAs) == 0 {
		return nil
	}
	f, at := c.caaOf(ctx, c.d.Name)
	l := []Finding{f}
	if host, hostAt := c.caaOf(ctx, c.h.Name); hostAt != at {
		l = append(l, host)
	}
	return l
}

// caaOf looks at the records that count for a name, and returns where they are. If there are none it is where they
// belong.
func (c *checker) caaOf(ctx context.Context, d dns.Domain) (Finding, dns.Domain) {
	records, at, res, err := relevantCAA(ctx, c.resolver, d)
	f := c.finding(CAA, d.Absolute(), "CAA", res)
	for _, r := range records {
		f.Found = append(f.Found, r.String())
	}
	if err != nil {
		if within(d.Absolute(), c.d.Name) {
			d = c.d.Name
		}
		c.failed(&f, err)
		if f.Status == Problem {
			f.Text = "there is no CAA record, so that any CA may issue certificates for names here"
			f.Records = c.wanted(CAA, func(r Record) bool { return r.Name == d.Absolute() })
		}
		return f, d
	}
	for _, ca := range c.h.CAs {
		if problem := ca.excluded(records); problem != "" {
			f.say(Problem, fmt.Sprintf("the CAA records of %s exclude %s: %s", at.Name(), ca.Domain, problem), "add the record to those of "+at.Name())
			f.Records = []Record{{Need: CAA, Name: at.Absolute(), Type: "CAA", Value: ca.record().String()}}
			return f, at
		}
	}
	f.say(OK, "certificates can be issued", "")
	return f, at
}

// relevantCAA returns the records that count for a name: its own, or those of the nearest name above that has some
// (RFC 8659 §3).
func relevantCAA(ctx context.Context, r dns.Resolver, d dns.Domain) (l []dns.CAA, at dns.Domain, res dns.Result, err error) {
	for {
		l, res, err = r.LookupCAA(ctx, d.Absolute())
		if err == nil || !dns.IsNotFound(err) {
			return l, d, res, err
		}
		_, parent, ok := strings.Cut(d.ASCII, ".")
		if !ok {
			return nil, d, res, err
		}
		up, perr := dns.ParseDomainLax(parent)
		if perr != nil {
			return nil, d, res, err
		}
		d = up
	}
}

// excluded tells why a CA must not issue, empty if it may.
func (ca CA) excluded(l []dns.CAA) string {
	var issue []dns.CAA
	for _, r := range l {
		switch {
		case r.Tag == "issue":
			issue = append(issue, r)
		case r.Critical && !slices.Contains([]string{"issuewild", "iodef"}, r.Tag):
			return fmt.Sprintf("a record with the tag %s is critical, and not known to all (RFC 8659 §4.1)", r.Tag)
		}
	}
	if len(issue) == 0 {
		return "" // Only wildcards are restricted, or nothing is (RFC 8659 §4.2).
	}
	problem := "it is not among those that may issue"
	for _, r := range issue {
		name, parameters, ok := parseIssue(r.Value)
		if !ok || !strings.EqualFold(name, ca.Domain) {
			continue
		}
		if problem = ca.refused(parameters); problem == "" {
			return ""
		}
	}
	return problem
}

// refused tells which parameter of a record that names the CA excludes its use.
func (ca CA) refused(parameters [][2]string) string {
	accounts := 0
	for _, p := range parameters {
		switch strings.ToLower(p[0]) {
		case "accounturi":
			if accounts++; accounts > 1 {
				return "accounturi is there twice (RFC 8657 §3)"
			}
			if ca.AccountURI != "" && p[1] != ca.AccountURI {
				return fmt.Sprintf("accounturi %s is not that of the account here", p[1])
			}
		case "validationmethods":
			allowed := strings.Split(p[1], ",")
			if len(ca.Methods) > 0 && !slices.ContainsFunc(ca.Methods, func(m string) bool { return slices.Contains(allowed, m) }) {
				return fmt.Sprintf("validationmethods has none of %s", sentence(ca.Methods))
			}
		}
	}
	return ""
}

// parseIssue parses the value of an issue property (RFC 8659 §4.2). The name is empty for nobody.
func parseIssue(value string) (name string, parameters [][2]string, ok bool) {
	name, rest, more := strings.Cut(value, ";")
	name = strings.Trim(name, " \t")
	if strings.ContainsAny(name, " \t") {
		return "", nil, false
	}
	for more && strings.Trim(rest, " \t") != "" {
		var p string
		p, rest, more = strings.Cut(rest, ";")
		tag, v, found := strings.Cut(strings.Trim(p, " \t"), "=")
		tag, v = strings.TrimRight(tag, " \t"), strings.TrimLeft(v, " \t")
		if !found || tag == "" || strings.ContainsAny(v, " \t") {
			return "", nil, false
		}
		parameters = append(parameters, [2]string{tag, v})
	}
	return name, parameters, true
}
