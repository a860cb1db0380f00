package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mox/dns"
	"mox/smtp"
	"mox/spf"
)

func spfCommand(resolver dns.Resolver) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spf",
		Short: "Check which hosts may send mail for a domain (SPF)",
		Long: `Spf has subcommands about the Sender Policy Framework (RFC 7208): a record in
DNS by which a domain tells which hosts may send mail for it.`,
		RunE: groupRun,
	}
	cmd.AddCommand(spfCheckCommand(resolver), spfLookupCommand(resolver), spfParseCommand())
	return cmd
}

// spfCheckFlags are the flags of "mox spf check".
type spfCheckFlags struct {
	lookupFlags
	mailFrom, helo, identity string
}

func spfCheckCommand(resolver dns.Resolver) *cobra.Command {
	var f spfCheckFlags
	cmd := &cobra.Command{
		Use:   "check domain ip",
		Short: "Find out whether a host may send mail for a domain",
		Long: `Check evaluates the SPF policy of a domain for the IP address of a host, as a
receiving mail server would, and prints the result, the mechanism that matched,
and the explanation of the domain if it has one.

The domain is that of the address given in the command MAIL FROM of SMTP. With
--identity helo it is the name that the host gives itself in EHLO, which is
checked for mail without a sender, such as notifications of failed delivery.

Some policies look at the whole sender or at the name in EHLO, which are given
with --mailfrom and --helo. They default to postmaster at the domain, and to the
domain.

The exit code is 0 for the result pass, otherwise 1.`,
		Example: `  mox spf check example.org 192.0.2.1
  mox spf check --mailfrom ann@example.org --helo mx.example.net example.org 192.0.2.1
  mox spf check --json --identity helo mx.example.org 2001:db8::1`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.parse(args)
			if err != nil {
				return err
			}
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			var res spf.Result
			if f.identity == "helo" {
				res = spf.CheckHELO(ctx, resolver, a)
			} else {
				res = spf.CheckMailFrom(ctx, resolver, a)
			}
			j := describeSPF(a, res)
			if err := f.print(cmd, j, func(r *report) { reportSPF(r, j, a, res) }); err != nil {
				return err
			}
			switch res.Status {
			case spf.Pass:
				return nil
			case spf.Temperror:
				return f.temporary(ctx, fmt.Errorf("no result for %s: %w", args[0], res.Err))
			}
			return fmt.Errorf("the result of %s for %s is %s", a.RemoteIP, printable(res.Sender), res.Status)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.mailFrom, "mailfrom", "", "address given in MAIL FROM, at the domain")
	cmd.Flags().StringVar(&f.helo, "helo", "", "name given in EHLO or HELO")
	cmd.Flags().StringVar(&f.identity, "identity", "mailfrom", "what is checked: mailfrom or helo")
	return cmd
}

// parse returns what the flags and arguments say.
func (f *spfCheckFlags) parse(args []string) (spf.Args, error) {
	domain, err := domainArgument(args[0])
	if err != nil {
		return spf.Args{}, err
	}
	ip, err := ipArgument(args[1])
	if err != nil {
		return spf.Args{}, err
	}
	a := spf.Args{RemoteIP: ip, Hello: f.helo, Explain: true, Timeout: f.timeout}
	switch f.identity {
	case "helo":
		if f.mailFrom != "" || f.helo != "" {
			return a, usagef("with --identity helo the domain is the name in EHLO; leave out --mailfrom and --helo")
		}
		a.Hello = domain.ASCII
		return a, nil
	case "mailfrom":
	default:
		return a, usagef("unknown identity %q; use mailfrom or helo", f.identity)
	}
	if a.Hello == "" {
		a.Hello = domain.ASCII
	}
	a.MailFrom = smtp.Address{Localpart: "postmaster", Domain: domain}.Path()
	if f.mailFrom != "" {
		addr, err := smtp.ParseAddress(f.mailFrom)
		if err != nil {
			return a, usagef("--mailfrom %q: %w", f.mailFrom, err)
		} else if addr.Domain != domain {
			return a, usagef("--mailfrom %q is not an address at %s; give both the same domain", f.mailFrom, domainText(domain))
		}
		a.MailFrom = addr.Path()
	}
	return a, nil
}

// spfJSON is an evaluation as printed by "mox spf check --json".
type spfJSON struct {
	Status      spf.Status   `json:"status"`
	Identity    spf.Identity `json:"identity"`
	Domain      string       `json:"domain"`
	Sender      string       `json:"sender"`
	IP          string       `json:"ip"`
	HELO        string       `json:"helo"`
	Mechanism   string       `json:"mechanism,omitempty"`
	Explanation string       `json:"explanation,omitempty"`
	Problem     string       `json:"problem,omitempty"`
	Authentic   bool         `json:"authentic"`
	Lookups     int          `json:"lookups"`
	VoidLookups int          `json:"voidLookups"`
	ReceivedSPF string       `json:"receivedSpf"` // The value of the field, in one line.
}

func describeSPF(a spf.Args, res spf.Result) spfJSON {
	received := spf.NewReceived(a, res).AppendField(nil)
	return spfJSON{
		Status: res.Status, Identity: res.Identity, Domain: res.Domain.ASCII, Sender: res.Sender,
		IP: a.RemoteIP.String(), HELO: a.Hello,
		Mechanism: res.Mechanism, Explanation: res.Explanation, Problem: res.Problem,
		Authentic: res.Authentic, Lookups: res.Lookups, VoidLookups: res.VoidLookups,
		ReceivedSPF: strings.TrimPrefix(strings.Join(strings.Fields(string(received)), " "), "Received-SPF: "),
	}
}

func reportSPF(r *report, j spfJSON, a spf.Args, res spf.Result) {
	r.row("Result", "%s: %s", res.Status, spfMeaning(res.Status, domainText(res.Domain), a.RemoteIP))
	r.row("Identity", "%s, %s", res.Identity, res.Sender)
	r.row("Mechanism", "%s", res.Mechanism)
	r.row("Explanation", "%s", res.Explanation)
	r.row("Problem", "%s", res.Problem)
	r.row("DNSSEC", "%s", dnssecText(res.Authentic))
	r.row("Lookups", "%d terms (at most 10), of which %d had no answer (at most 2)", res.Lookups, res.VoidLookups)
	r.row("Received-SPF", "%s", j.ReceivedSPF)
	r.advice(spfCure(res, a.RemoteIP))
}

// spfMeaning tells what a result means (RFC 7208 §2.6).
func spfMeaning(s spf.Status, domain string, ip netip.Addr) string {
	switch s {
	case spf.Pass:
		return fmt.Sprintf("%s may send mail for %s", ip, domain)
	case spf.Fail:
		return fmt.Sprintf("%s must not send mail for %s", ip, domain)
	case spf.Softfail:
		return fmt.Sprintf("%s probably should not send mail for %s", ip, domain)
	case spf.Neutral:
		return fmt.Sprintf("%s says nothing about %s", domain, ip)
	case spf.Temperror:
		return "DNS does not answer now"
	case spf.Permerror:
		return "the policy cannot be used"
	}
	return "there is no policy"
}

// spfCure tells the owner of the domain what to do about a result.
func spfCure(res spf.Result, ip netip.Addr) []string {
	switch res.Status {
	case spf.Fail, spf.Softfail, spf.Neutral:
		family := "ip6"
		if ip.Is4() {
			family = "ip4"
		}
		return []string{fmt.Sprintf("if this host is to send for the domain, add %s:%s to the record, before \"all\"", family, ip)}
	case spf.Permerror:
		return []string{fmt.Sprintf("correct the record; \"mox spf lookup %s\" explains it", res.Domain)}
	case spf.None:
		if !res.Domain.IsZero() {
			return []string{fmt.Sprintf("publish a TXT record at %s, e.g. \"v=spf1 mx -all\" if only its mail servers send", res.Domain)}
		}
	}
	return nil
}

func spfLookupCommand(resolver dns.Resolver) *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "lookup domain",
		Short: "Print and explain the SPF record of a domain",
		Long: `Lookup prints the SPF record of a domain, what its terms say, and what could be
wrong with it. Records that it includes are not looked up.

The exit code is 1 if there is no record, if there are several, or if it is not
valid.`,
		Example: `  mox spf lookup example.org
  mox spf lookup --json example.org`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			domain, err := domainArgument(args[0])
			if err != nil {
				return err
			}
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			record, text, authentic, err := spf.Lookup(ctx, resolver, domain)
			none, several := errors.Is(err, spf.ErrNoRecord), errors.Is(err, spf.ErrMultipleRecords)
			if err != nil && !none && !several && !errors.Is(err, spf.ErrSyntax) {
				return f.temporary(ctx, err)
			}
			j := spfRecordJSON{Domain: domain.ASCII, Text: text, Authentic: &authentic}
			j.describe(record, err)
			perr := f.print(cmd, j, func(r *report) {
				r.row("Domain", "%s", domainText(domain))
				r.row("Record", "%s", text)
				r.row("DNSSEC", "%s", dnssecText(authentic))
				j.report(r)
			})
			switch {
			case perr != nil:
				return perr
			case none:
				return fmt.Errorf("%s has no SPF record; publish a TXT record there, e.g. \"v=spf1 mx -all\" if only its mail servers send", domain)
			case several:
				return fmt.Errorf("%s has several SPF records, so that none counts; join them into one", domain)
			case err != nil:
				return fmt.Errorf("the record of %s cannot be used: %w; correct it", domain, err)
			}
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func spfParseCommand() *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "parse txt",
		Short: "Check and explain the text of an SPF record",
		Long: `Parse reads the text of an SPF record, for example before it is published, and
prints what its terms say and what could be wrong with it. The text is one
argument, in quotes. Nothing is looked up.

The exit code is 1 if the record is not valid.`,
		Example: `  mox spf parse "v=spf1 ip4:192.0.2.0/24 mx -all"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			record, err := spf.ParseRecord(args[0])
			if err != nil {
				return fmt.Errorf("%w; correct the record", err)
			}
			j := spfRecordJSON{Text: record.String()}
			j.describe(record, nil)
			return f.print(cmd, j, func(r *report) {
				r.row("Record", "%s", j.Text)
				j.report(r)
			})
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// spfRecordJSON is a record as printed by "mox spf lookup --json" and "mox spf parse --json".
type spfRecordJSON struct {
	Domain    string         `json:"domain,omitempty"`
	Text      string         `json:"text,omitempty"`
	Authentic *bool          `json:"authentic,omitempty"` // Nil if nothing was looked up.
	Terms     []spfTermJSON  `json:"terms,omitempty"`
	Redirect  string         `json:"redirect,omitempty"`
	Exp       string         `json:"exp,omitempty"`
	Modifiers []spf.Modifier `json:"modifiers,omitempty"`
	Advice    []string       `json:"advice,omitempty"`
	Error     string         `json:"error,omitempty"`
}

// spfTermJSON is a directive.
type spfTermJSON struct {
	Text      string        `json:"text"`
	Result    spf.Status    `json:"result"`
	Mechanism spf.Mechanism `json:"mechanism"`
	Domain    string        `json:"domain,omitempty"` // Perhaps with macros.
	Prefix    string        `json:"prefix,omitempty"`
	IP4Len    *int          `json:"ip4Len,omitempty"`
	IP6Len    *int          `json:"ip6Len,omitempty"`
}

// describe fills in what a record, nil if there is none, says.
func (j *spfRecordJSON) describe(r *spf.Record, err error) {
	if err != nil {
		j.Error = err.Error()
	}
	if r == nil {
		return
	}
	for _, d := range r.Directives {
		t := spfTermJSON{Text: d.String(), Result: d.Qualifier.Status(), Mechanism: d.Mechanism, Domain: d.DomainSpec, IP4Len: d.IP4Len, IP6Len: d.IP6Len}
		if d.Prefix.IsValid() {
			t.Prefix = d.Prefix.String()
		}
		j.Terms = append(j.Terms, t)
	}
	j.Redirect, j.Exp, j.Modifiers, j.Advice = r.Redirect, r.Exp, r.Modifiers, spfAdvice(r)
}

// report adds the terms and what is wrong.
func (j *spfRecordJSON) report(r *report) {
	r.row("Problem", "%s", j.Error)
	if len(j.Terms) > 0 || j.Redirect != "" || j.Exp != "" || len(j.Modifiers) > 0 {
		r.gap()
	}
	for _, t := range j.Terms {
		r.cells(string(t.Result), t.Text, t.meaning())
	}
	if j.Redirect != "" {
		r.cells("", "redirect="+j.Redirect, "for all others, by the policy of that domain")
	}
	if j.Exp != "" {
		r.cells("", "exp="+j.Exp, "where the explanation for those that fail is")
	}
	for _, m := range j.Modifiers {
		r.cells("", m.Name+"="+m.Value, "no effect")
	}
	if len(j.Advice) > 0 {
		r.gap()
	}
	r.advice(j.Advice)
}

// meaning tells which hosts a mechanism is for.
func (t spfTermJSON) meaning() string {
	at := t.Domain
	if at == "" {
		at = "the domain"
	}
	switch t.Mechanism {
	case spf.All:
		return "all others"
	case spf.Include:
		return "hosts that pass by the policy of " + at
	case spf.A:
		return "the addresses of " + at
	case spf.MX:
		return "the mail servers of " + at
	case spf.PTR:
		return "hosts with a name in " + at
	case spf.IP4, spf.IP6:
		return "the network " + t.Prefix
	case spf.Exists:
		return "hosts for which there is the name " + at
	}
	return ""
}

// spfAdvice tells what could be wrong with a record that is valid.
func spfAdvice(r *spf.Record) []string {
	var l []string
	lookups := 0
	if r.Redirect != "" {
		lookups++
	}
	end := slices.IndexFunc(r.Directives, func(d spf.Directive) bool { return d.Mechanism == spf.All })
	for _, d := range r.Directives {
		switch d.Mechanism {
		case spf.PTR:
			l = append(l, fmt.Sprintf("%s is slow and unreliable, and should not be published (RFC 7208 §5.5); use ip4, ip6, a or mx", d))
			lookups++
		case spf.Include, spf.A, spf.MX, spf.Exists:
			lookups++
		}
	}
	if lookups > 10 {
		l = append(l, fmt.Sprintf("%d terms need DNS and more than 10 are an error for receivers (RFC 7208 §4.6.4); put addresses in place of some", lookups))
	}
	switch {
	case end < 0 && r.Redirect == "":
		l = append(l, "nothing is said about other hosts; end the record with -all, or ~all while trying out")
	case end < 0:
	case r.Directives[end].Qualifier.Status() == spf.Pass:
		l = append(l, "every host may send for the domain; end the record with -all in place of +all")
	case r.Directives[end].Qualifier.Status() == spf.Neutral:
		l = append(l, "?all says nothing about other hosts; end the record with -all, or ~all while trying out")
	}
	if end >= 0 && end < len(r.Directives)-1 {
		l = append(l, "what comes after \"all\" has no effect (RFC 7208 §5.1); put \"all\" last")
	}
	if end >= 0 && r.Redirect != "" {
		l = append(l, "redirect has no effect beside \"all\" (RFC 7208 §6.1); remove one of both")
	}
	return l
}
