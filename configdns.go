package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/config"
	"mox/dns"
	"mox/dnsrecords"
	"mox/internal/netguard"
	"mox/mtasts"
)

func configDNSRecordsCommand() *cobra.Command {
	var relative, asJSON bool
	cmd := &cobra.Command{
		Use:   "dnsrecords domain",
		Short: "Print the DNS records that a domain needs",
		Long: `Dnsrecords prints the records to have in DNS for a domain of domains.conf, as an
excerpt of a zone file that can be pasted as it is: addresses of the machine,
MX, TLSA, SPF, DKIM, DMARC, reports, MTA-STS, names and services for mail
programs, and CAA. Comments say what each group is for. Records that belong into
another zone, as those of reverse DNS, are comments.

With --json there is an object for each record. The text of a TXT record is
there also in one piece, for the forms of DNS operators that split it
themselves.`,
		Example: `  mox config dnsrecords example.org
  mox config dnsrecords --relative example.org >>example.org.zone`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, h, err := dnsFacts(cmd, args[0])
			if err != nil {
				return err
			}
			records, err := dnsrecords.Records(d, h)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, records)
			}
			return dnsrecords.WriteZone(cmd.OutOrStdout(), d, h, records, dnsrecords.ZoneOptions{Relative: relative})
		},
	}
	cmd.Flags().BoolVar(&relative, "relative", false, "write names relative to the domain, after a line with $ORIGIN")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// dnsFacts returns what the configuration says of a domain.
func dnsFacts(cmd *cobra.Command, name string) (d dnsrecords.Domain, h dnsrecords.Host, err error) {
	domain, err := domainArgument(name)
	if err != nil {
		return d, h, err
	}
	path, err := configPath(cmd)
	if err != nil {
		return d, h, err
	}
	cfg, err := config.Load(config.Options{Path: path})
	if err != nil {
		return d, h, err
	}
	interfaces, err := interfaceIPs()
	if err != nil {
		return d, h, err
	}
	return admin.DNSFacts(cfg, domain, admin.DNSOptions{Interfaces: interfaces, ACMEDir: acmeDir(cfg)})
}

// policyOptions are for fetching policies of domains of this server, wherever that is.
func policyOptions(resolver dns.Resolver) mtasts.FetchOptions {
	return mtasts.FetchOptions{Resolver: resolver, Guard: netguard.Guard{Allow: netguard.AllowAll()}}
}

// interfaceIPs returns the addresses of the network interfaces of this machine.
func interfaceIPs() ([]netip.Addr, error) {
	l, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var ips []netip.Addr
	for _, a := range l {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				ips = append(ips, ip.Unmap())
			}
		}
	}
	return ips, nil
}

// configDNSCheckCommand makes the command that looks names up, and fetches policies, with the options.
func configDNSCheckCommand(opts mtasts.FetchOptions) *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "dnscheck domain",
		Short: "Look whether the DNS records of a domain are right",
		Long: `Dnscheck looks up what "mox config dnsrecords" prints for a domain of
domains.conf, and what others rely on besides: that names and addresses lead to
each other, that there is one SPF and one DMARC record, that they can be read
and let this machine send, that keys are those that mail is signed with, that
certificates can be issued, and whether the zone is signed with DNSSEC. The
MTA-STS policy is fetched over HTTPS, as others do, and compared with the one
that is configured; mox must run for that. It tells what is wrong, and what to
do, with the record to add.

DNS of others may keep an old answer for as long as the TTL of a record says. A
problem that was just solved may therefore still be found.

The exit code is 1 if there is a problem, or something did not get an answer.
Advice is no problem.`,
		Example: `  mox config dnscheck example.org
  mox config dnscheck --json example.org`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, h, err := dnsFacts(cmd, args[0])
			if err != nil {
				return err
			}
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			findings, err := dnsrecords.Check(ctx, opts.Resolver, d, h)
			if err != nil {
				return err
			}
			if d.MTASTS != "" {
				findings = append(findings, dnsrecords.CheckPolicy(ctx, opts, d, h))
			}
			j := dnsCheckJSON{Domain: d.Name.ASCII, Findings: findings}
			unknown := 0
			for _, f := range findings {
				switch f.Status {
				case dnsrecords.Problem:
					j.Problems++
				case dnsrecords.Unknown:
					unknown++
				}
			}
			if err := f.print(cmd, j, j.report); err != nil {
				return err
			}
			switch {
			case j.Problems > 0:
				return fmt.Errorf("the DNS of %s has %s; see above for what to do", domainText(d.Name), counted(j.Problems, "problem"))
			case ctx.Err() != nil:
				return f.temporary(ctx, ctx.Err())
			case unknown > 0:
				return fmt.Errorf("%s of the DNS of %s could not be checked; try again later", counted(unknown, "part"), domainText(d.Name))
			}
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

// counted returns a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// dnsCheckJSON is what "mox config dnscheck --json" prints.
type dnsCheckJSON struct {
	Domain   string               `json:"domain"`
	Problems int                  `json:"problems"`
	Findings []dnsrecords.Finding `json:"findings"`
}

// report prints what is well in a line each, and what is not with all that is known.
func (j dnsCheckJSON) report(r *report) {
	for _, f := range j.Findings {
		if f.Status == dnsrecords.OK {
			r.cells("ok", f.Type, f.Name, f.Text)
		}
	}
	for _, f := range j.Findings {
		if f.Status != dnsrecords.OK {
			r.gap()
			reportFinding(r, f)
		}
	}
}

// reportFinding prints a finding that needs attention.
func reportFinding(r *report, f dnsrecords.Finding) {
	r.row(strings.ToUpper(string(f.Status[:1]))+string(f.Status[1:]), "%s %s: %s", f.Name, f.Type, f.Text)
	for _, s := range f.Found {
		r.row("Found", "%s", s)
	}
	for _, s := range f.Expected {
		r.row("Expected", "%s", s)
	}
	r.row("Cure", "%s", f.Cure)
	for _, rec := range f.Records {
		r.row("Record", "%s IN %s %s", rec.Name, rec.Type, rec.Value)
	}
}
