package spf

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"mox/dns"
	"mox/smtp"
)

// defaultTimeout is the least that RFC 7208 §4.6.4 allows.
const defaultTimeout = 20 * time.Second

// Args is what is known about an SMTP session, and how it is checked.
type Args struct {
	RemoteIP netip.Addr // Of the client. An IPv4-mapped IPv6 address is taken as IPv4.
	Hello    string     // Domain or address literal as given in EHLO or HELO.
	MailFrom smtp.Path  // Given in MAIL. Zero for the null reverse-path.

	Hostname dns.Domain // Name of the host that checks. Optional.
	Explain  bool       // Look up the explanation of the domain for a Fail.

	// Timeout limits the time of the evaluation, which is then a Temperror. Default 20
	// seconds. If it is negative only the context does.
	Timeout time.Duration

	// Now is the clock for macros, default time.Now.
	Now func() time.Time
}

// Result says what came of an evaluation.
type Result struct {
	Status   Status
	Identity Identity

	// Domain is that of the identity, whose policy was asked for. It is zero if the
	// identity has none, for example because it is an address literal or of one label
	// only; then Status is None.
	Domain dns.Domain

	// Sender is the identity as a mailbox in ASCII, unless its local part is not, e.g.
	// "postmaster@mx.example.org" for HELO (RFC 7208 §2.4, §4.3).
	Sender string

	// Mechanism is the directive that matched, without its qualifier, e.g. "mx" or
	// "ip4:192.0.2.0/24". If it is an include, that of the included record is not told.
	// It is "default" if no directive matched, and empty if Status does not come from a
	// record.
	Mechanism string

	// Explanation is the text of the domain for a Fail, if that was asked for and there
	// is one (RFC 7208 §6.2). It is in printable ASCII and not longer than 2000 bytes.
	// It is from a stranger and must be shown as such.
	Explanation string

	// Problem tells people why Status is None, Temperror or Permerror. It has names from
	// the record, but no control characters.
	Problem string

	// Err is the cause of a Temperror or Permerror, for a log.
	Err error

	// Authentic tells that all answers of DNS were authenticated by DNSSEC, besides that
	// with the explanation.
	Authentic bool

	// Lookups and VoidLookups are how many terms needed DNS, and how many of these had
	// no answer (RFC 7208 §4.6.4).
	Lookups, VoidLookups int
}

// Property returns the property of an Authentication-Results field with the identity,
// whose type is "smtp": "mailfrom" with the sender, or "helo" with the name that the
// client gave (RFC 8601 §2.7.2). The value is not quoted.
func (r Result) Property() (name, value string) {
	if r.Identity == HELO {
		return "helo", strings.TrimPrefix(r.Sender, defaultLocalpart+"@")
	}
	return "mailfrom", r.Sender
}

const defaultLocalpart = "postmaster"

// CheckMailFrom checks whether the client may send mail from the domain of the
// reverse-path (RFC 7208 §2.4). For the null reverse-path it checks the HELO
// identity, and the Result says so.
//
// It makes lookups one after the other until there is a result or the context ends,
// which is a Temperror.
func CheckMailFrom(ctx context.Context, resolver dns.Resolver, args Args) Result {
	if args.MailFrom.IsZero() {
		return CheckHELO(ctx, resolver, args)
	}
	local := args.MailFrom.Localpart
	if local == "" {
		local = defaultLocalpart // RFC 7208 §4.3.
	}
	at := "@" + args.MailFrom.IPDomain.String()
	res := check(ctx, resolver, args, string(local), args.MailFrom.IPDomain.Domain)
	res.Identity, res.Sender = MailFrom, local.String()+at
	return res
}

// CheckHELO checks whether the client may use the name that it gave in EHLO or HELO
// (RFC 7208 §2.3). Otherwise it is like [CheckMailFrom].
func CheckHELO(ctx context.Context, resolver dns.Resolver, args Args) Result {
	domain, err := dns.ParseDomainLax(args.Hello)
	if err != nil || isAddress(domain.ASCII) {
		domain = dns.Domain{}
	}
	name := args.Hello
	if !domain.IsZero() {
		name = domain.ASCII
	}
	res := check(ctx, resolver, args, defaultLocalpart, domain)
	res.Identity, res.Sender = HELO, defaultLocalpart+"@"+name
	return res
}

// isAddress tells whether a name is an IPv4 address, which clients also give without the
// brackets of a literal.
func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// check evaluates the policy of a domain for a sender in it. The local part is not
// quoted.
func check(ctx context.Context, resolver dns.Resolver, args Args, local string, domain dns.Domain) Result {
	res := Result{Domain: domain}
	if !strings.Contains(domain.ASCII, ".") {
		res.Domain = dns.Domain{}
		res.Status, res.Problem = None, "not a domain name of several labels"
		return res
	}
	if !args.RemoteIP.IsValid() {
		res.Status, res.Problem = None, "client has no address"
		return res
	}
	timeout := args.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}

	e := newEvaluation(resolver, args, local, domain.ASCII)
	out := e.checkHost(ctx, domain.ASCII)
	res.Status, res.Mechanism = out.status, out.mechanism
	res.Problem, res.Err = out.problem, out.err
	res.Authentic = e.authentic
	res.Lookups, res.VoidLookups = e.lookups, e.voids
	if out.status == Fail && out.exp != "" && args.Explain {
		res.Explanation = e.explain(ctx, out.domain, out.exp)
	}
	return res
}
