package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mox/dns"
)

func dnsCommand(resolver dns.Resolver) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dns",
		Short: "Look up records in DNS",
		Long: `Dns has a subcommand that looks up records in DNS as mox does, with the
resolvers of the system.`,
		RunE: groupRun,
	}
	cmd.AddCommand(dnsLookupCommand(resolver))
	return cmd
}

// dnsTypes are the types that "mox dns lookup" knows.
var dnsTypes = [...]string{"ptr", "mx", "cname", "ips", "a", "aaaa", "ns", "txt", "srv", "tlsa", "caa"}

func dnsLookupCommand(resolver dns.Resolver) *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "lookup " + strings.Join(dnsTypes[:], "|") + " name",
		Short: "Look up records of a name",
		Long: `Lookup prints the records of a type that a name has, one per line, and whether
DNSSEC authenticated the answer. The name is absolute, with or without a dot at
its end; for ptr it is an IP address. Type ips is for the addresses of both
families; cname follows one alias, all other types follow aliases to the end.
For tlsa and srv the name is that of the service, such as
_25._tcp.mx.example.org.

An answer counts as authenticated if the resolver says so and can be trusted: it
is on this machine, or /etc/resolv.conf has "options trust-ad".

The exit code is 1 if there is no such record, or no answer.`,
		Example: `  mox dns lookup mx example.org
  mox dns lookup ptr 192.0.2.1
  mox dns lookup --json tlsa _25._tcp.mx.example.org`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return dnsTypes[:], cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := parseDNSQuery(args[0], args[1])
			if err != nil {
				return err
			}
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			records, res, err := q.ask(ctx, resolver)
			if err != nil && !dns.IsNotFound(err) {
				return f.temporary(ctx, err)
			}
			if perr := f.print(cmd, q.describe(records, res), func(r *report) { q.report(r, records, res) }); perr != nil {
				return perr
			}
			if err != nil {
				return fmt.Errorf("%s has no %s; correct the name, or ask who runs its DNS to add one", printable(q.text()), q.what())
			}
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

// dnsQuery is what "mox dns lookup" is asked for.
type dnsQuery struct {
	typ    string // One of dnsTypes.
	domain dns.Domain
	ip     netip.Addr // For ptr, in place of domain.
}

func parseDNSQuery(typ, name string) (dnsQuery, error) {
	q := dnsQuery{typ: strings.ToLower(typ)}
	if !slices.Contains(dnsTypes[:], q.typ) {
		return q, usagef("unknown type %q; use one of %s", typ, strings.Join(dnsTypes[:], ", "))
	}
	var err error
	if q.typ == "ptr" {
		q.ip, err = ipArgument(name)
	} else {
		q.domain, err = domainArgument(name)
	}
	return q, err
}

// text is the name for people.
func (q dnsQuery) text() string {
	if q.typ == "ptr" {
		return q.ip.String()
	}
	return domainText(q.domain)
}

// what is the kind of record, for people.
func (q dnsQuery) what() string {
	if q.typ == "ips" {
		return "address"
	}
	return strings.ToUpper(q.typ) + " record"
}

// dnsRecord is a record: its columns for people, and the value for JSON.
type dnsRecord struct {
	columns []string
	value   any
}

// The values of records that are more than a text.
type (
	mxJSON struct {
		Preference uint16 `json:"preference"`
		Host       string `json:"host"`
	}
	srvJSON struct {
		Priority uint16 `json:"priority"`
		Weight   uint16 `json:"weight"`
		Port     uint16 `json:"port"`
		Target   string `json:"target"`
	}
	caaJSON struct {
		Critical bool   `json:"critical"`
		Tag      string `json:"tag"`
		Value    string `json:"value"`
	}
	tlsaJSON struct {
		Usage     uint8  `json:"usage"`
		Selector  uint8  `json:"selector"`
		MatchType uint8  `json:"matchType"`
		Data      string `json:"data"` // In hexadecimal.
	}
)

// ask makes the lookup.
func (q dnsQuery) ask(ctx context.Context, r dns.Resolver) ([]dnsRecord, dns.Result, error) {
	name := q.domain.Absolute()
	number := func(n uint16) string { return strconv.Itoa(int(n)) }
	text := func(s string) dnsRecord { return dnsRecord{[]string{s}, s} }
	switch q.typ {
	case "ptr":
		return dnsRecords(text)(r.LookupAddr(ctx, q.ip))
	case "mx":
		return dnsRecords(func(m net.MX) dnsRecord {
			return dnsRecord{[]string{number(m.Pref), m.Host}, mxJSON{m.Pref, m.Host}}
		})(r.LookupMX(ctx, name))
	case "cname":
		target, res, err := r.LookupCNAME(ctx, name)
		return dnsRecords(text)([]string{target}, res, err)
	case "ips", "a", "aaaa":
		network := map[string]string{"ips": "ip", "a": "ip4", "aaaa": "ip6"}[q.typ]
		return dnsRecords(func(ip netip.Addr) dnsRecord { return text(ip.String()) })(r.LookupIP(ctx, network, name))
	case "ns":
		return dnsRecords(func(ns net.NS) dnsRecord { return text(ns.Host) })(r.LookupNS(ctx, name))
	case "txt":
		return dnsRecords(func(s string) dnsRecord { return dnsRecord{[]string{strconv.Quote(s)}, s} })(r.LookupTXT(ctx, name))
	case "srv":
		return dnsRecords(func(s net.SRV) dnsRecord {
			return dnsRecord{[]string{number(s.Priority), number(s.Weight), number(s.Port), s.Target}, srvJSON{s.Priority, s.Weight, s.Port, s.Target}}
		})(r.LookupSRV(ctx, name))
	case "caa":
		return dnsRecords(func(c dns.CAA) dnsRecord { return dnsRecord{[]string{c.String()}, caaJSON{c.Critical, c.Tag, c.Value}} })(r.LookupCAA(ctx, name))
	case "tlsa":
		return dnsRecords(func(t dns.TLSA) dnsRecord {
			return dnsRecord{
				[]string{t.Record(), fmt.Sprintf("(%s, %s, %s)", t.Usage, t.Selector, t.MatchType)},
				tlsaJSON{uint8(t.Usage), uint8(t.Selector), uint8(t.MatchType), fmt.Sprintf("%x", t.CertAssoc)},
			}
		})(r.LookupTLSA(ctx, 0, "", name))
	}
	return nil, dns.Result{}, errors.New("unknown type")
}

// dnsRecords returns a function that turns the answer of a resolver into records.
func dnsRecords[T any](record func(T) dnsRecord) func([]T, dns.Result, error) ([]dnsRecord, dns.Result, error) {
	return func(l []T, res dns.Result, err error) ([]dnsRecord, dns.Result, error) {
		if err != nil {
			return nil, res, err
		}
		var records []dnsRecord
		for _, v := range l {
			records = append(records, record(v))
		}
		return records, res, nil
	}
}

// dnsJSON is the answer to a lookup as printed by "mox dns lookup --json".
type dnsJSON struct {
	Type      string `json:"type"`
	Name      string `json:"name"`
	Authentic bool   `json:"authentic"`
	TTL       int64  `json:"ttl,omitempty"` // Seconds, if known.
	Records   []any  `json:"records"`       // Texts, or objects for mx, srv, tlsa and caa.
}

func (q dnsQuery) describe(records []dnsRecord, res dns.Result) dnsJSON {
	j := dnsJSON{Type: q.typ, Name: q.domain.ASCII, Authentic: res.Authentic, TTL: int64(max(res.TTL, 0) / time.Second), Records: []any{}}
	if q.typ == "ptr" {
		j.Name = q.ip.String()
	}
	for _, r := range records {
		j.Records = append(j.Records, r.value)
	}
	return j
}

func (q dnsQuery) report(r *report, records []dnsRecord, res dns.Result) {
	r.row("Name", "%s", q.text())
	r.row("Type", "%s", strings.ToUpper(q.typ))
	r.row("DNSSEC", "%s", dnssecText(res.Authentic))
	if res.TTL > 0 {
		r.row("TTL", "%s", res.TTL.Round(time.Second))
	}
	if len(records) > 0 {
		r.gap()
	}
	for _, rec := range records {
		r.cells(rec.columns...)
	}
}
