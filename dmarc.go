package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mox/dmarc"
	"mox/dns"
)

func dmarcCommand(resolver dns.Resolver) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dmarc",
		Short: "Check what domains ask to be done with forged mail (DMARC)",
		Long: `Dmarc has subcommands about DMARC (RFC 7489): a record in DNS by which a domain
asks what to do with mail that has it in From but does not come from it, and
where to send reports about that.`,
		RunE: groupRun,
	}
	cmd.AddCommand(dmarcLookupCommand(resolver), dmarcVerifyCommand(resolver), dmarcCheckReportAddrsCommand(resolver))
	return cmd
}

// dmarcFlags are the flags of commands that look for policies.
type dmarcFlags struct {
	lookupFlags
	treeWalk bool
}

func (f *dmarcFlags) add(cmd *cobra.Command) {
	f.lookupFlags.add(cmd)
	cmd.Flags().BoolVar(&f.treeWalk, "treewalk", false, "find organizational domains by records in DNS (RFC 9989), not by the list of public suffixes")
}

// verifier returns what finds and applies policies. Among messages a policy with a percentage picks those
// that it is applied to.
func (f *dmarcFlags) verifier(resolver dns.Resolver) *dmarc.Verifier {
	v := &dmarc.Verifier{Resolver: resolver, Intn: func(int) int { return 0 }}
	if f.treeWalk {
		v.Discovery = dmarc.TreeWalk
	}
	return v
}

// dmarcRecordJSON is a record as printed by the subcommands of "mox dmarc" with --json.
type dmarcRecordJSON struct {
	Domain            string               `json:"domain"` // Where it is, without "_dmarc.".
	Text              string               `json:"text"`
	Policy            dmarc.Policy         `json:"policy,omitempty"`
	SubdomainPolicy   dmarc.Policy         `json:"subdomainPolicy,omitempty"`
	NonexistentPolicy dmarc.Policy         `json:"nonexistentPolicy,omitempty"`
	DKIMAlignment     dmarc.Alignment      `json:"dkimAlignment,omitempty"`
	SPFAlignment      dmarc.Alignment      `json:"spfAlignment,omitempty"`
	Percent           int                  `json:"percent"`
	AggregateReports  []string             `json:"aggregateReports,omitempty"`
	FailureReports    []string             `json:"failureReports,omitempty"`
	FailureOptions    string               `json:"failureOptions,omitempty"`
	Interval          uint32               `json:"interval,omitempty"` // Seconds.
	Testing           bool                 `json:"testing,omitempty"`
	PSD               dmarc.PSD            `json:"psd,omitempty"`
	Problems          []dmarcRecordProblem `json:"problems,omitempty"`
}

type dmarcRecordProblem struct {
	Tag  string `json:"tag"`
	Text string `json:"text"`
}

// describeDMARCRecord returns the record that was found, nil for none.
func describeDMARCRecord(found dmarc.Found) *dmarcRecordJSON {
	if found.Domain.IsZero() {
		return nil
	}
	j := &dmarcRecordJSON{Domain: found.Domain.ASCII, Text: found.Text}
	if found.Status != "" {
		return j
	}
	r := found.Record
	j.Policy, j.SubdomainPolicy, j.NonexistentPolicy = r.Policy, r.SubdomainPolicy, r.NonexistentPolicy
	j.DKIMAlignment, j.SPFAlignment = r.DKIMAlignment, r.SPFAlignment
	j.Percent, j.Interval, j.Testing, j.PSD = r.Percent, r.Interval, r.Testing, r.PSD
	for _, u := range r.AggregateReports {
		j.AggregateReports = append(j.AggregateReports, u.String())
	}
	for _, u := range r.FailureReports {
		j.FailureReports = append(j.FailureReports, u.String())
	}
	j.FailureOptions = r.FailureOptions.String()
	for _, p := range r.Problems {
		j.Problems = append(j.Problems, dmarcRecordProblem(p))
	}
	return j
}

// report adds what a record says.
func (j *dmarcRecordJSON) report(r *report) {
	alignment := map[dmarc.Alignment]string{
		dmarc.AlignmentRelaxed: "relaxed, the same organizational domain",
		dmarc.AlignmentStrict:  "strict, the same domain",
	}
	r.row("Policy", "%s", j.Policy)
	r.row("For subdomains", "%s", j.SubdomainPolicy)
	r.row("For those that do not exist", "%s", j.NonexistentPolicy)
	if j.Percent != dmarc.DefaultPercent {
		r.row("Applied to", "%d %% of the messages that fail", j.Percent)
	}
	if j.Testing {
		r.row("Testing", "yes, a policy one level below is to be applied")
	}
	r.row("Alignment of DKIM", "%s", alignment[j.DKIMAlignment])
	r.row("Alignment of SPF", "%s", alignment[j.SPFAlignment])
	r.row("Aggregate reports", "%s", strings.Join(j.AggregateReports, ", "))
	r.row("Failure reports", "%s", strings.Join(j.FailureReports, ", "))
	for _, p := range j.Problems {
		r.row("Passed over", "%s: %s", p.Tag, p.Text)
	}
}

// advice tells what could be better in a record.
func (j *dmarcRecordJSON) advice() []string {
	var l []string
	if j.Policy == dmarc.PolicyNone {
		l = append(l, "nothing is done about forged mail; once reports show that all mail of the domain passes, use p=quarantine or p=reject")
	}
	if len(j.AggregateReports) == 0 {
		l = append(l, "no reports are asked for, which would show who sends in the name of the domain; add rua=mailto:... with an address for them")
	}
	if len(j.Problems) > 0 {
		l = append(l, "correct or remove the tags that are passed over")
	}
	return l
}

// dmarcFoundJSON is what was found as a policy, as printed by "mox dmarc lookup --json".
type dmarcFoundJSON struct {
	Domain               string           `json:"domain"`
	Status               dmarc.Status     `json:"status,omitempty"` // Empty if there is a valid record.
	OrganizationalDomain string           `json:"organizationalDomain,omitempty"`
	PublicSuffix         bool             `json:"publicSuffix,omitempty"` // The record is that of a public suffix.
	Authentic            bool             `json:"authentic"`
	Record               *dmarcRecordJSON `json:"record,omitempty"`
	Advice               []string         `json:"advice,omitempty"`
	Error                string           `json:"error,omitempty"`
}

func describeDMARC(domain dns.Domain, found dmarc.Found) dmarcFoundJSON {
	j := dmarcFoundJSON{
		Domain: domain.ASCII, Status: found.Status, OrganizationalDomain: found.Organizational.ASCII,
		PublicSuffix: found.PublicSuffix, Authentic: found.Authentic, Record: describeDMARCRecord(found),
	}
	if found.Err != nil {
		j.Error = found.Err.Error()
	}
	if found.Status == "" && j.Record != nil {
		j.Advice = j.Record.advice()
	}
	return j
}

// report adds where the record is.
func (j dmarcFoundJSON) report(r *report, domain dns.Domain, found dmarc.Found) {
	r.row("Domain", "%s", domainText(domain))
	r.row("Organizational domain", "%s", domainText(found.Organizational))
	if !found.Domain.IsZero() {
		r.row("Record at", "_dmarc.%s", found.Domain)
	}
	r.row("Record", "%s", found.Text)
	r.row("DNSSEC", "%s", dnssecText(found.Authentic))
	r.row("Problem", "%s", j.Error)
}

// dmarcFoundError returns an error with what to do if no record applies to a domain.
func dmarcFoundError(ctx context.Context, f *lookupFlags, domain dns.Domain, found dmarc.Found) error {
	switch {
	case found.Status == "":
		return nil
	case found.Status == dmarc.StatusTempError:
		return f.temporary(ctx, found.Err)
	case errors.Is(found.Err, dmarc.ErrSeveralRecords):
		return fmt.Errorf("there are several DMARC records, so that none applies to %s; leave one", domain)
	case found.Status == dmarc.StatusPermError:
		return fmt.Errorf("the record at _dmarc.%s cannot be used: %w; correct it", found.Domain, found.Err)
	}
	return fmt.Errorf("no DMARC record applies to %s; publish a TXT record at _dmarc.%s, for a start \"v=DMARC1; p=none; rua=mailto:...\" with an address for reports", domain, domain)
}

func dmarcLookupCommand(resolver dns.Resolver) *cobra.Command {
	var f dmarcFlags
	cmd := &cobra.Command{
		Use:   "lookup domain",
		Short: "Print and explain the DMARC record for a domain",
		Long: `Lookup prints the DMARC record that applies to mail with a domain in From, what
it says, and what could be better: the record of the domain itself, or else that
of its organizational domain, such as example.org for news.example.org.

The exit code is 1 if there is no record, or if it is not valid.`,
		Example: `  mox dmarc lookup example.org
  mox dmarc lookup --json news.example.org`,
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
			found := f.verifier(resolver).Lookup(ctx, domain)
			j := describeDMARC(domain, found)
			err = f.print(cmd, j, func(r *report) {
				j.report(r, domain, found)
				if found.Status != "" {
					return
				}
				r.gap()
				j.Record.report(r)
				if len(j.Advice) > 0 {
					r.gap()
				}
				r.advice(j.Advice)
			})
			if err != nil {
				return err
			}
			return dmarcFoundError(ctx, &f.lookupFlags, domain, found)
		},
	}
	f.add(cmd)
	return cmd
}

// dmarcDestinationJSON is a place for reports as printed by "mox dmarc checkreportaddrs --json".
type dmarcDestinationJSON struct {
	Reports   string   `json:"reports"` // "aggregate" or "failure".
	URI       string   `json:"uri"`
	External  bool     `json:"external"`
	Accepted  bool     `json:"accepted"`
	SentTo    []string `json:"sentTo,omitempty"`
	Authentic bool     `json:"authentic"`
	Error     string   `json:"error,omitempty"`
}

func dmarcCheckReportAddrsCommand(resolver dns.Resolver) *cobra.Command {
	var f dmarcFlags
	cmd := &cobra.Command{
		Use:   "checkreportaddrs domain",
		Short: "Check that reports about a domain are wanted where its record sends them",
		Long: `Checkreportaddrs looks at each address for reports in the DMARC record for a
domain. Reports may go to an address in another organizational domain only if
that agrees by a record of its own (RFC 7489 §7.1); without it they are not
sent.

The exit code is 1 if an address does not accept reports, or if there is no
record. A record without addresses is fine.`,
		Example: "  mox dmarc checkreportaddrs example.org",
		Args:    cobra.ExactArgs(1),
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
			v := f.verifier(resolver)
			found := v.Lookup(ctx, domain)
			if err := dmarcFoundError(ctx, &f.lookupFlags, domain, found); err != nil {
				return err
			}
			l := []dmarc.Destination{}
			kinds := []string{}
			for _, u := range found.Record.AggregateReports {
				l, kinds = append(l, v.CheckDestination(ctx, found.Domain, u, dmarc.AggregateReports)), append(kinds, "aggregate")
			}
			for _, u := range found.Record.FailureReports {
				l, kinds = append(l, v.CheckDestination(ctx, found.Domain, u, dmarc.FailureReports)), append(kinds, "failure")
			}
			destinations := []dmarcDestinationJSON{}
			for i, d := range l {
				destinations = append(destinations, describeDestination(kinds[i], d))
			}
			j := struct {
				Domain       string                 `json:"domain"`
				Record       *dmarcRecordJSON       `json:"record"`
				Destinations []dmarcDestinationJSON `json:"destinations"`
			}{domain.ASCII, describeDMARCRecord(found), destinations}
			err = f.print(cmd, j, func(r *report) {
				r.row("Domain", "%s", domainText(domain))
				r.row("Record at", "_dmarc.%s", found.Domain)
				r.row("Record", "%s", found.Text)
				r.gap()
				if len(destinations) == 0 {
					r.cells("the record asks for no reports")
				}
				for i, d := range destinations {
					r.cells(d.Reports, d.URI, d.verdict())
					if l[i].Err != nil {
						r.cells("", "", dmarcDestinationCure(found.Domain, l[i]))
					}
				}
			})
			if err != nil {
				return err
			}
			return dmarcDestinationsError(ctx, &f.lookupFlags, l)
		},
	}
	f.add(cmd)
	return cmd
}

func describeDestination(kind string, d dmarc.Destination) dmarcDestinationJSON {
	j := dmarcDestinationJSON{Reports: kind, URI: d.URI.String(), External: d.External, Accepted: d.Err == nil, Authentic: d.Authentic}
	for _, u := range d.URIs {
		j.SentTo = append(j.SentTo, u.String())
	}
	if d.Err != nil {
		j.Error = d.Err.Error()
	}
	return j
}

// verdict tells people whether reports are sent there.
func (d dmarcDestinationJSON) verdict() string {
	switch {
	case d.Error != "":
		return "not sent: " + d.Error
	case !d.External:
		return "sent, of the same organization"
	case len(d.SentTo) == 1 && d.SentTo[0] == d.URI:
		return "sent, accepted there"
	}
	return "sent to " + strings.Join(d.SentTo, ", ") + " instead, as the host asks"
}

// dmarcDestinationCure tells what to do about a place that takes no reports about the domain.
func dmarcDestinationCure(domain dns.Domain, d dmarc.Destination) string {
	switch {
	case errors.Is(d.Err, dmarc.ErrUnsupported):
		return "write mailto: and an address"
	case errors.Is(d.Err, dmarc.ErrUnauthorized):
		return fmt.Sprintf("publish a TXT record \"v=DMARC1\" at %s._report._dmarc.%s, or use an address in the domain", domain, d.Host)
	case errors.Is(d.Err, dmarc.ErrOverride):
		return fmt.Sprintf("correct the addresses in the TXT record at %s._report._dmarc.%s: they must be at %s", domain, d.Host, d.Host)
	}
	return "try again later"
}

func dmarcDestinationsError(ctx context.Context, f *lookupFlags, l []dmarc.Destination) error {
	bad := 0
	for _, d := range l {
		if errors.Is(d.Err, dmarc.ErrTemporary) {
			return f.temporary(ctx, d.Err)
		} else if d.Err != nil {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d addresses for reports cannot be used", bad, len(l))
	}
	return nil
}
