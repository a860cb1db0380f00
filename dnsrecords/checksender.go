package dnsrecords

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"mox/dkim"
	"mox/dmarc"
	"mox/dns"
	"mox/smtp"
	"mox/spf"
)

// spf looks whether the machine may send for the domain, and in its own name.
func (c *checker) spf(ctx context.Context) []Finding {
	l := []Finding{c.spfOf(ctx, c.d.Name)}
	if c.d.ownSPF(c.h) {
		l = append(l, c.spfOf(ctx, c.h.Name))
	}
	return l
}

func (c *checker) spfOf(ctx context.Context, domain dns.Domain) Finding {
	record, txt, authentic, err := spf.Lookup(ctx, c.resolver, domain)
	f := c.finding(SPF, domain.Absolute(), "TXT", dns.Result{Authentic: authentic})
	if txt != "" {
		f.Found = []string{txt}
	}
	switch {
	case errors.Is(err, spf.ErrNoRecord):
		f.say(Problem, "there is no SPF record", "add the record")
		f.add(c.expected)
		return f
	case errors.Is(err, spf.ErrMultipleRecords):
		f.Found, _, _ = textsWith(ctx, c.resolver, f.Name, "v=spf1")
		f.say(Problem, "there are several SPF records, so that none counts (RFC 7208 §4.5)", "merge them into one")
		return f
	case errors.Is(err, spf.ErrSyntax):
		f.say(Problem, "the SPF record cannot be read: "+err.Error(), "correct it, or replace it")
		f.add(c.expected)
		return f
	case err != nil:
		c.failed(&f, err)
		return f
	}
	for _, ip := range c.h.IPs {
		r := c.evaluate(ctx, domain, ip)
		switch r.Status {
		case spf.Pass:
			continue
		case spf.Temperror:
			f.say(Unknown, "could not be evaluated: "+r.Problem, "try again later")
		case spf.Permerror:
			f.say(Problem, "the SPF record leads to an error: "+r.Problem, "correct it, or replace it")
			f.add(c.expected)
		default:
			f.say(Problem, fmt.Sprintf("the SPF record does not allow %s to send: the result is %s", ip, r.Status), "add \"mx\" to the record, or its address, or replace it")
			f.add(c.expected)
		}
		return f
	}
	if i := slices.IndexFunc(record.Directives, func(d spf.Directive) bool { return d.Mechanism == spf.All }); i >= 0 && record.Directives[i].Qualifier.Status() == spf.Pass {
		f.say(Problem, "the SPF record allows everybody to send", "have it end in ~all or -all")
		return f
	} else if i < 0 && record.Redirect == "" {
		f.say(Advice, "the SPF record says nothing of other machines", "have it end in ~all or -all")
		return f
	}
	f.say(OK, "the machine may send with this name", "")
	return f
}

// evaluate asks as a receiver of mail from an address would.
func (c *checker) evaluate(ctx context.Context, domain dns.Domain, ip netip.Addr) spf.Result {
	return spf.CheckMailFrom(ctx, c.resolver, spf.Args{
		RemoteIP: ip,
		Hello:    c.h.Name.ASCII,
		MailFrom: smtp.Path{Localpart: "postmaster", IPDomain: dns.IPDomain{Domain: domain}},
	})
}

// dkim looks for the key of each selector.
func (c *checker) dkim(ctx context.Context) []Finding {
	var l []Finding
	for _, sel := range c.d.Selectors {
		l = append(l, c.dkimOf(ctx, sel))
	}
	return l
}

func (c *checker) dkimOf(ctx context.Context, sel Selector) Finding {
	records, res, err := dkim.LookupKey(ctx, c.resolver, sel.Name, c.d.Name)
	f := c.finding(DKIM, dkim.KeyName(sel.Name, c.d.Name), "TXT", res)
	for _, r := range records {
		f.Found = append(f.Found, r.String())
	}
	switch {
	case errors.Is(err, dkim.ErrNoKey):
		f.say(Problem, "there is no record for the key, so that signatures with it fail", "add the record")
		f.add(c.expected)
		return f
	case errors.Is(err, dkim.ErrKeySyntax):
		f.say(Problem, "the record cannot be read: "+err.Error(), "replace it; a long text may have been cut, or lost its quotes")
		f.add(c.expected)
		return f
	case err != nil:
		c.failed(&f, err)
		return f
	}
	want, err := dkim.NewRecord(sel.Key)
	if err != nil {
		f.say(Problem, err.Error(), "use an RSA or Ed25519 key")
		return f
	}
	switch r := records[0]; {
	case len(records) > 1:
		f.say(Problem, "there are several records, and receivers may take any of them (RFC 6376 §3.6.2.2)", "leave only the one of this key")
	case r.Revoked():
		f.say(Problem, "the key is revoked (RFC 6376 §3.6.1)", "replace the record, or sign with another key")
		f.add(c.expected)
	case r.KeyType != want.KeyType || !bytes.Equal(r.Data, want.Data):
		f.say(Problem, "the record is for another key, so that signatures fail", "replace the record")
		f.add(c.expected)
	case usable(r, sel.Key) != nil:
		f.say(Problem, "the record does not allow signatures on mail: "+usable(r, sel.Key).Error(), "replace the record")
		f.add(c.expected)
	case r.Testing():
		f.say(Advice, "the record says that DKIM is being tested, so that signatures count as absent", "remove t=y")
	default:
		f.say(OK, "the record is that of the key", "")
	}
	return f
}

// usable tells whether signatures of a key can be verified by a record.
func usable(r *dkim.Record, key crypto.PublicKey) error {
	a, err := dkim.AlgorithmOf(key)
	if err != nil {
		return err
	}
	if err := r.Usable(a, dkim.KeyLimits{}); err != nil && !errors.Is(err, dkim.ErrTesting) {
		return err
	}
	return nil
}

// dmarc looks for the policy of the domain.
func (c *checker) dmarc(ctx context.Context) []Finding {
	v := dmarc.Verifier{Resolver: c.resolver}
	found := v.Lookup(ctx, c.d.Name)
	f := c.finding(DMARC, below("_dmarc", c.d.Name), "TXT", dns.Result{Authentic: found.Authentic})
	if found.Text != "" {
		f.Found = []string{found.Text}
	}
	own := found.Domain == c.d.Name
	switch {
	case found.Status == dmarc.StatusTempError:
		c.failed(&f, found.Err)
	case errors.Is(found.Err, dmarc.ErrSeveralRecords):
		f.Found, _, _ = textsWith(ctx, c.resolver, f.Name, "v=DMARC1")
		f.say(Problem, "there are several DMARC records, so that none counts (RFC 7489 §6.6.3)", "leave one")
	case found.Status == dmarc.StatusPermError:
		f.say(Problem, "the DMARC record cannot be read: "+found.Err.Error(), "correct it, or replace it")
		f.add(c.expected)
	case found.Status == dmarc.StatusNone:
		f.say(Problem, "there is no DMARC record", "add the record")
		f.add(c.expected)
	case !own:
		f.say(Problem, fmt.Sprintf("there is no DMARC record of the domain itself, only that of %s", found.Domain.Name()), "add the record")
		f.Found = nil
		f.add(c.expected)
	default:
		c.dmarcRecord(ctx, &v, &f, found.Record)
	}
	return []Finding{f}
}

// dmarcRecord looks at a record that is there.
func (c *checker) dmarcRecord(ctx context.Context, v *dmarc.Verifier, f *Finding, r dmarc.Record) {
	var to []smtp.Address
	for _, uri := range r.AggregateReports {
		if a, ok := uri.Mailto(); ok {
			to = append(to, a)
		}
		if d := v.CheckDestination(ctx, c.d.Name, uri, dmarc.AggregateReports); d.Err != nil && !errors.Is(d.Err, dmarc.ErrTemporary) {
			f.say(Problem, fmt.Sprintf("reports do not go to %s: %v", uri.Address, d.Err), "have its domain publish that it takes them (RFC 7489 §7.1), or name an address of yours")
			return
		}
	}
	switch {
	case len(r.Problems) > 0:
		f.say(Problem, fmt.Sprintf("parts of the DMARC record cannot be read: %v", r.Problems[0]), "correct them")
	case r.Policy == dmarc.PolicyNone:
		f.say(Advice, "the policy is none: forged mail is let in", "once reports show that all mail of yours passes, set p=reject")
	case len(r.AggregateReports) == 0:
		f.say(Advice, "nobody gets reports", "add rua with an address of yours")
	case !reportsTo(c.d.DMARCReports, to):
		f.say(Advice, "reports do not come to "+c.d.DMARCReports.String(), "add the address to rua, if mox is to evaluate reports")
	default:
		f.say(OK, "there is a policy", "")
	}
}
