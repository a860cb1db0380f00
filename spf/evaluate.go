package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"mox/dns"
)

// Limits of RFC 7208 §4.6.4.
const (
	maxLookups     = 10 // Terms that need DNS.
	maxVoidLookups = 2  // Terms that need DNS and have no answer.
	maxMX          = 10 // Hosts of an mx term.
	maxPTR         = 10 // Names of the client that are validated.
)

// evaluation is one evaluation of a policy with all includes and redirects. It
// belongs to one goroutine.
type evaluation struct {
	resolver dns.Resolver
	ip       netip.Addr // Of the client.
	macros   macroValues

	authentic      bool // So far.
	lookups, voids int

	ptr *clientNames // Once they were looked up.
}

// macroValues are the values of macros that are the same in all records.
type macroValues struct {
	sender, local, senderDomain string
	hello, hostname             string
	now                         func() time.Time
}

func newEvaluation(resolver dns.Resolver, args Args, local, domain string) *evaluation {
	hello := args.Hello
	if d, err := dns.ParseDomainLax(hello); err == nil && d.Unicode != "" {
		hello = d.ASCII // RFC 8616 §4.
	}
	hostname := args.Hostname.ASCII
	if hostname == "" {
		hostname = "unknown" // RFC 7208 §7.3.
	}
	now := args.Now
	if now == nil {
		now = time.Now
	}
	return &evaluation{
		resolver:  resolver,
		ip:        args.RemoteIP.Unmap().WithZone(""),
		macros:    macroValues{local + "@" + domain, local, domain, hello, hostname, now},
		authentic: true,
	}
}

// outcome is what a record leads to.
type outcome struct {
	status    Status
	mechanism string
	domain    string // Of the record that decided.
	exp       string // Its domain-spec for an explanation.
	problem   string
	err       error
}

// termError ends an evaluation with Temperror or Permerror.
type termError struct {
	status  Status
	problem string
	err     error // Cause, can be nil.
}

func (e *termError) Error() string {
	if e.err != nil {
		return e.problem + ": " + e.err.Error()
	}
	return e.problem
}

func (e *termError) Unwrap() error { return e.err }

func permerror(format string, args ...any) *termError {
	return &termError{status: Permerror, problem: fmt.Sprintf(format, args...)}
}

func temperror(typ, name string, err error) *termError {
	return &termError{Temperror, fmt.Sprintf("looking up %s of %s failed", typ, showName(name)), err}
}

// showName returns a name from a record, or with parts of the session, for a text. What is
// too long for a name is cut.
func showName(name string) string {
	if len(name) > maxName {
		return showName(name[:maxName]) + "..."
	}
	s := strconv.QuoteToASCII(name)
	return s[1 : len(s)-1]
}

func (e *termError) outcome() outcome {
	return outcome{status: e.status, problem: e.problem, err: e}
}

// checkHost is check_host() of RFC 7208 §4.
func (e *evaluation) checkHost(ctx context.Context, domain string) outcome {
	if !isMultiLabel(domain) {
		return outcome{status: None, problem: fmt.Sprintf("%s is not a domain name of several labels", showName(domain))}
	}
	r, _, authentic, err := lookup(ctx, e.resolver, domain)
	e.authentic = e.authentic && authentic
	switch {
	case err == nil:
		return e.evaluate(ctx, r, domain)
	case errors.Is(err, ErrNoRecord):
		return outcome{status: None, problem: fmt.Sprintf("%s has no SPF record", showName(domain))}
	case errors.Is(err, ErrMultipleRecords):
		return (&termError{Permerror, fmt.Sprintf("%s has more than one SPF record", showName(domain)), err}).outcome()
	case errors.Is(err, ErrSyntax):
		return (&termError{Permerror, fmt.Sprintf("record of %s: %v", showName(domain), err), err}).outcome()
	default:
		return temperror("TXT", domain, err).outcome()
	}
}

// evaluate finds the result of a record (RFC 7208 §4.6.2, §4.7).
func (e *evaluation) evaluate(ctx context.Context, r *Record, domain string) outcome {
	for _, d := range r.Directives {
		match, err := e.match(ctx, d, domain)
		if err != nil {
			return err.outcome()
		}
		if match {
			out := outcome{status: d.Qualifier.Status(), domain: domain, exp: r.Exp}
			d.Qualifier = 0
			out.mechanism = d.String()
			return out
		}
	}
	if r.Redirect != "" {
		return e.redirect(ctx, r, domain)
	}
	return outcome{status: Neutral, mechanism: "default"}
}

// redirect goes on with the record of another domain, which counts in place of this
// one (RFC 7208 §6.1).
func (e *evaluation) redirect(ctx context.Context, r *Record, domain string) outcome {
	target, err := e.target(ctx, r.Redirect, domain)
	switch {
	case errors.Is(err, errInternational):
		return outcome{status: Neutral, mechanism: "default"}
	case err != nil:
		return asTermError(err).outcome()
	}
	if err := e.countLookup(); err != nil {
		return err.outcome()
	}
	out := e.checkHost(ctx, target)
	if out.status == None {
		return permerror("redirect: %s", out.problem).outcome()
	}
	return out
}

// match tells whether a directive of the record of a domain matches.
func (e *evaluation) match(ctx context.Context, d Directive, domain string) (bool, *termError) {
	switch d.Mechanism {
	case All:
		return true, nil
	case IP4, IP6:
		return contains(d.Prefix.Addr(), d.Prefix.Bits(), e.ip), nil
	}
	target := domain
	if d.DomainSpec != "" {
		var err error
		target, err = e.target(ctx, d.DomainSpec, domain)
		if errors.Is(err, errInternational) {
			return false, nil
		} else if err != nil {
			return false, asTermError(err)
		}
	}
	if err := e.countLookup(); err != nil {
		return false, err
	}
	if d.Mechanism == Include {
		return e.include(ctx, target)
	}
	if !isName(target) {
		return false, nil // RFC 7208 §4.8.
	}
	switch d.Mechanism {
	case A:
		return e.matchA(ctx, d, target)
	case MX:
		return e.matchMX(ctx, d, target)
	case PTR:
		return e.matchPTR(ctx, target)
	case Exists:
		return e.matchExists(ctx, target)
	}
	return false, permerror("unknown mechanism %s", d.Mechanism)
}

// countLookup counts a term that needs DNS.
func (e *evaluation) countLookup() *termError {
	if e.lookups >= maxLookups {
		return permerror("more than %d terms need DNS", maxLookups)
	}
	e.lookups++
	return nil
}

// countVoid counts a term that had no answer.
func (e *evaluation) countVoid() *termError {
	e.voids++
	if e.voids > maxVoidLookups {
		return permerror("more than %d terms have no answer in DNS", maxVoidLookups)
	}
	return nil
}

// include tells whether the client passes by the policy of another domain (RFC 7208
// §5.2).
func (e *evaluation) include(ctx context.Context, target string) (bool, *termError) {
	switch out := e.checkHost(ctx, target); out.status {
	case Pass:
		return true, nil
	case Fail, Softfail, Neutral:
		return false, nil
	case Temperror:
		return false, &termError{Temperror, "include: " + out.problem, out.err}
	default:
		return false, &termError{Permerror, "include: " + out.problem, out.err}
	}
}

// matchA is the mechanism a (RFC 7208 §5.3).
func (e *evaluation) matchA(ctx context.Context, d Directive, target string) (bool, *termError) {
	ips, err := e.lookupIP(ctx, e.network(), target)
	if dns.IsNotFound(err) {
		return false, e.countVoid()
	} else if err != nil {
		return false, temperror("addresses", target, err)
	}
	return e.matchAny(d, ips), nil
}

// matchMX is the mechanism mx (RFC 7208 §5.4). A domain without MX records has no
// mail exchangers here, its own addresses do not count.
func (e *evaluation) matchMX(ctx context.Context, d Directive, target string) (bool, *termError) {
	mxs, res, err := e.resolver.LookupMX(ctx, target+".")
	e.authentic = e.authentic && res.Authentic
	if dns.IsNotFound(err) {
		return false, e.countVoid()
	} else if err != nil {
		return false, temperror("MX", target, err)
	}
	if len(mxs) > maxMX {
		return false, permerror("%s has more than %d MX records", showName(target), maxMX)
	}
	void := false
	for _, mx := range mxs {
		host := strings.TrimSuffix(mx.Host, ".")
		if !isName(host) {
			continue // A null MX (RFC 7505 §3).
		}
		ips, err := e.lookupIP(ctx, e.network(), host)
		if dns.IsNotFound(err) {
			void = true
		} else if err != nil {
			return false, temperror("addresses", host, err)
		}
		if e.matchAny(d, ips) {
			return true, nil
		}
	}
	if void {
		return false, e.countVoid()
	}
	return false, nil
}

// matchExists is the mechanism exists, which asks for A records whatever the address
// of the client is (RFC 7208 §5.7).
func (e *evaluation) matchExists(ctx context.Context, target string) (bool, *termError) {
	_, err := e.lookupIP(ctx, "ip4", target)
	if dns.IsNotFound(err) {
		return false, e.countVoid()
	} else if err != nil {
		return false, temperror("A", target, err)
	}
	return true, nil
}

// network returns the family of addresses to be compared with that of the client
// (RFC 7208 §5).
func (e *evaluation) network() string {
	if e.ip.Is4() {
		return "ip4"
	}
	return "ip6"
}

func (e *evaluation) lookupIP(ctx context.Context, network, name string) ([]netip.Addr, error) {
	ips, res, err := e.resolver.LookupIP(ctx, network, name+".")
	e.authentic = e.authentic && res.Authentic
	return ips, err
}

// matchAny tells whether the address of the client is one of some, as far as the
// directive compares them.
func (e *evaluation) matchAny(d Directive, ips []netip.Addr) bool {
	bits := e.ip.BitLen()
	if l := d.IP4Len; l != nil && e.ip.Is4() {
		bits = *l
	} else if l := d.IP6Len; l != nil && !e.ip.Is4() {
		bits = *l
	}
	for _, ip := range ips {
		if contains(ip, bits, e.ip) {
			return true
		}
	}
	return false
}

// contains tells whether two addresses are of one family and equal in their first
// bits.
func contains(network netip.Addr, bits int, ip netip.Addr) bool {
	return netip.PrefixFrom(network, bits).Contains(ip)
}

// isName tells whether s can be asked for in DNS: labels of 1 to 63 characters that
// ASCII can print, 253 in all. The resolver may refuse more.
func isName(s string) bool {
	if len(s) > maxName {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxLabel {
			return false
		}
		for i := range len(label) {
			if !isPrintable(label[i]) {
				return false
			}
		}
	}
	return true
}

// isMultiLabel tells whether s is a name that a policy can be asked for (RFC 7208
// §4.3).
func isMultiLabel(s string) bool { return strings.Contains(s, ".") && isName(s) }
