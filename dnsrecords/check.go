package dnsrecords

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"mox/dns"
	"mox/smtp"
)

// Status tells how grave a finding is.
type Status string

// Statuses.
const (
	OK      Status = "ok"
	Advice  Status = "advice"  // It works, and could be better.
	Problem Status = "problem" // It does not work, for some.
	Unknown Status = "unknown" // DNS did not answer.
)

// Finding is what came of looking for something.
type Finding struct {
	Need   Need   `json:"need"`
	Status Status `json:"status"`
	Name   string `json:"name"` // That was looked up: absolute with a dot at its end, or an IP address.
	Type   string `json:"type"` // Of records, or "policy".

	// Text says what is the case, and Cure what to do about it. Cure is empty if all is well. Both may quote what
	// strangers have in DNS.
	Text string `json:"text"`
	Cure string `json:"cure,omitempty"`

	Expected []string `json:"expected,omitempty"` // Values of records, as in a zone file; of TXT records the text; lines of a policy.
	Found    []string `json:"found,omitempty"`

	// Records are to be added as they are, where the cure says so.
	Records []Record `json:"records,omitempty"`

	// Authentic tells that DNSSEC authenticated the answer.
	Authentic bool `json:"authentic"`
}

// checker looks up what is there for one domain.
type checker struct {
	resolver dns.Resolver
	d        *Domain
	h        *Host
	expected []Record
}

// Check looks up the records of a domain and of the machine, and returns what it finds, in the order of needs, at
// least one finding for each record of [Records]. It returns an error as Records does. The context bounds the time:
// what was not answered when it ends is Unknown.
func Check(ctx context.Context, resolver dns.Resolver, d Domain, h Host) ([]Finding, error) {
	expected, err := Records(d, h)
	if err != nil {
		return nil, err
	}
	c := &checker{resolver, &d, &h, expected}
	checks := []func(context.Context) []Finding{
		c.dnssec, c.addresses, c.reverse, c.mx, c.tlsa, c.spf, c.dkim, c.dmarc, c.tlsrpt, c.mtasts, c.aliases, c.srv, c.caa,
	}
	found := make([][]Finding, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { found[i] = check(ctx) })
	}
	wg.Wait()
	return slices.Concat(found...), nil
}

// wanted returns the records expected for a need that match.
func (c *checker) wanted(n Need, match func(Record) bool) []Record {
	var l []Record
	for _, r := range c.expected {
		if r.Need == n && (match == nil || match(r)) {
			l = append(l, r)
		}
	}
	return l
}

// finding begins a finding about records of a name.
func (c *checker) finding(n Need, name, typ string, res dns.Result) Finding {
	f := Finding{Need: n, Status: OK, Name: name, Type: typ, Authentic: res.Authentic}
	for _, r := range c.wanted(n, func(r Record) bool { return r.Name == name && r.Type == typ }) {
		f.Expected = append(f.Expected, r.content())
	}
	return f
}

// content is the text of a TXT record and the value of others.
func (r Record) content() string {
	if r.Type == "TXT" {
		return r.Text
	}
	return r.Value
}

// say sets what is told.
func (f *Finding) say(s Status, text, cure string) {
	f.Status, f.Text, f.Cure = s, text, cure
}

// add sets the records to add to those of the name and type of the finding.
func (f *Finding) add(l []Record) {
	for _, r := range l {
		if r.Name == f.Name && r.Type == f.Type && !slices.Contains(f.Found, r.content()) {
			f.Records = append(f.Records, r)
		}
	}
}

// failed says that there are no records, or that it is not known.
func (c *checker) failed(f *Finding, err error) {
	if !dns.IsNotFound(err) {
		f.say(Unknown, "could not be looked up: "+err.Error(), "try again later, and if it stays so check the name servers of the domain")
		return
	}
	f.say(Problem, "there is no "+f.Type+" record", "add the record")
	f.add(c.expected)
}

// dnssec tells whether the answers about the domain are authentic.
func (c *checker) dnssec(ctx context.Context) []Finding {
	f := Finding{Need: DNSSEC, Name: c.d.Name.Absolute(), Type: "MX"}
	_, res, err := c.resolver.LookupMX(ctx, c.d.Name.Absolute())
	if err != nil && !dns.IsNotFound(err) {
		f.say(Unknown, "could not be looked up: "+err.Error(), "try again later")
		return []Finding{f}
	}
	f.Authentic = res.Authentic
	switch validating := Validating(ctx, c.resolver); {
	case res.Authentic:
		f.say(OK, "the zone is signed, and answers are authenticated", "")
	case validating == nil:
		f.say(Advice, "the zone is not signed: others can be led elsewhere, and TLSA records do not count", "have the operator of your DNS sign the zone with DNSSEC")
	default:
		f.say(Unknown, validating.Error(), "use a resolver that validates DNSSEC, such as unbound on this machine; if it is elsewhere, and the way to it is safe, set \"options trust-ad\" in /etc/resolv.conf")
	}
	return []Finding{f}
}

// ErrNotValidating is returned by Validating.
var ErrNotValidating = errors.New("the resolver does not validate DNSSEC, or is not trusted to")

// Validating returns an error if the resolver does not authenticate answers about a zone that is signed, com:
// ErrNotValidating, or that of the lookup.
func Validating(ctx context.Context, resolver dns.Resolver) error {
	_, res, err := resolver.LookupNS(ctx, "com.")
	switch {
	case res.Authentic:
		return nil
	case err != nil && !dns.IsNotFound(err):
		return err
	}
	return ErrNotValidating
}

// differing returns the values that are in a and not in b.
func differing(a, b []string) []string {
	var l []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			l = append(l, s)
		}
	}
	return l
}

// sentence joins parts of an enumeration.
func sentence(l []string) string { return strings.Join(l, ", ") }

// reportsTo tells whether addresses of mailto URIs include the one that is expected, if any.
func reportsTo(want smtp.Address, got []smtp.Address) bool {
	return want.IsZero() || slices.ContainsFunc(got, func(a smtp.Address) bool {
		return a.Domain == want.Domain && strings.EqualFold(string(a.Localpart), string(want.Localpart))
	})
}

// textsWith returns the texts of a name that begin as records of a kind do.
func textsWith(ctx context.Context, r dns.Resolver, name, prefix string) (l []string, res dns.Result, err error) {
	all, res, err := r.LookupTXT(ctx, name)
	if err != nil {
		return nil, res, err
	}
	for _, s := range all {
		if strings.HasPrefix(s, prefix) {
			l = append(l, s)
		}
	}
	if len(l) == 0 {
		err = &dns.Error{Type: "TXT", Name: name, NotFound: true, Err: fmt.Errorf("none of %d texts begins with %s", len(all), prefix)}
	}
	return l, res, err
}
