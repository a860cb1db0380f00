package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"mox/dns"
	"mox/dnsbl"
)

func dnsblCommand(resolver dns.Resolver) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dnsbl",
		Short: "Ask lists of senders of unwanted mail",
		Long: `Dnsbl has subcommands that ask lists in DNS, such as those of hosts that send
unwanted mail (RFC 5782). A list is a zone in DNS.`,
		RunE: groupRun,
	}
	cmd.AddCommand(dnsblCheckCommand(resolver), dnsblCheckHealthCommand(resolver))
	return cmd
}

// dnsblJSON is an answer of a list as printed by "mox dnsbl check --json".
type dnsblJSON struct {
	Zone        string       `json:"zone"`
	Address     string       `json:"address,omitempty"`
	Domain      string       `json:"domain,omitempty"`
	Status      string       `json:"status"`
	Listed      bool         `json:"listed"`
	Codes       []netip.Addr `json:"codes,omitempty"`
	Explanation string       `json:"explanation,omitempty"`
	Authentic   bool         `json:"authentic"`
	Error       string       `json:"error,omitempty"`
}

func dnsblCheckCommand(resolver dns.Resolver) *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "check zone ip|domain",
		Short: "Ask a list for an address",
		Long: `Check asks a list whether it has an entry for an IP address, or, if it is a list
of domains, for a domain. It prints the codes of the entry, whose meaning the
list defines, and the reason that the list gives.

The exit code is 0 if the address is not listed, 1 if it is, or if the list gave
no useful answer. Before relying on a list see "mox dnsbl checkhealth": a list
that has gone may list nothing, or everything.`,
		Example: `  mox dnsbl check bl.example.net 192.0.2.1
  mox dnsbl check --json dbl.example.net example.org`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			zone, err := domainArgument(args[0])
			if err != nil {
				return err
			}
			var domain dns.Domain
			ip, err := netip.ParseAddr(args[1])
			if err != nil {
				if domain, err = dns.ParseDomain(args[1]); err != nil {
					return usagef("%q is neither an IP address nor a domain", args[1])
				}
			}
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()

			j := dnsblJSON{Zone: zone.ASCII, Domain: domain.ASCII}
			what, name := domainText(domain), domain.ASCII+"."+zone.ASCII
			var res dnsbl.Result
			if domain.IsZero() {
				ip = ip.Unmap().WithZone("")
				j.Address, what, name = ip.String(), ip.String(), dnsbl.QueryName(zone, ip)
				res = dnsbl.Lookup(ctx, resolver, zone, ip)
			} else {
				res = dnsbl.LookupDomain(ctx, resolver, zone, domain)
			}
			j.Status, j.Listed = string(res.Status), res.Status == dnsbl.StatusFail
			j.Codes, j.Explanation, j.Authentic = res.Codes, res.Explanation, res.Authentic
			if res.Err != nil {
				j.Error = res.Err.Error()
			}
			err = f.print(cmd, j, func(r *report) {
				r.row("List", "%s", domainText(zone))
				r.row("Asked for", "%s, as %s", what, name)
				r.row("Result", "%s", dnsblStatusText(res.Status))
				r.row("Codes", "%s", joinStringers(res.Codes))
				r.row("Reason", "%s", res.Explanation)
				r.row("Problem", "%s", j.Error)
				r.row("DNSSEC", "%s", dnssecText(res.Authentic))
			})
			switch {
			case err != nil:
				return err
			case j.Listed:
				return fmt.Errorf("%s is listed; who operates %s says how to have an entry removed", printable(what), zone)
			case res.Err != nil:
				return dnsblError(ctx, &f, res.Err)
			}
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func dnsblStatusText(s dnsbl.Status) string {
	switch s {
	case dnsbl.StatusPass:
		return "not listed"
	case dnsbl.StatusFail:
		return "listed"
	}
	return "not known"
}

// dnsblError adds to an error of package dnsbl what to do.
func dnsblError(ctx context.Context, f *lookupFlags, err error) error {
	cure := ""
	switch {
	case errors.Is(err, dnsbl.ErrRefused):
		cure = "many lists answer neither public resolvers nor those that ask too often: run a resolver of your own, or register with the list"
	case errors.Is(err, dnsbl.ErrTemporary):
		return f.temporary(ctx, err)
	case errors.Is(err, dnsbl.ErrNotList):
		cure = "correct the name of the zone; if it is right the list may have gone, do not use it"
	case errors.Is(err, dnsbl.ErrTestEntry):
		cure = "correct the name of the zone and the kind of list; if both are right the list may have gone, do not use it"
	default:
		cure = "correct the address or domain"
	}
	return fmt.Errorf("%w; %s", err, cure)
}

func dnsblCheckHealthCommand(resolver dns.Resolver) *cobra.Command {
	var f lookupFlags
	var kind string
	cmd := &cobra.Command{
		Use:   "checkhealth zone",
		Short: "Find out whether a list works",
		Long: `Checkhealth asks a list for its test entries: one that each list must have, and
one that none may have (RFC 5782 §5). For lists of IPv4 addresses these are
127.0.0.2 and 127.0.0.1. A list without them does not work, has gone, or does
not answer this host; using it would refuse no mail or all.

The exit code is 0 for a list that works, otherwise 1.`,
		Example: `  mox dnsbl checkhealth bl.example.net
  mox dnsbl checkhealth --kind domain dbl.example.net`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			zone, err := domainArgument(args[0])
			if err != nil {
				return err
			}
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			var failure error
			switch kind {
			case "ipv4":
				failure = dnsbl.CheckHealth(ctx, resolver, zone, dnsbl.IPv4)
			case "ipv6":
				failure = dnsbl.CheckHealth(ctx, resolver, zone, dnsbl.IPv6)
			case "domain":
				failure = dnsbl.CheckDomainHealth(ctx, resolver, zone)
			default:
				return usagef("unknown kind %q; use ipv4, ipv6 or domain", kind)
			}
			j := struct {
				Zone    string `json:"zone"`
				Kind    string `json:"kind"`
				Healthy bool   `json:"healthy"`
				Error   string `json:"error,omitempty"`
			}{Zone: zone.ASCII, Kind: kind, Healthy: failure == nil}
			if failure != nil {
				j.Error = failure.Error()
			}
			err = f.print(cmd, j, func(r *report) {
				r.row("List", "%s", domainText(zone))
				r.row("Kind", "%s", kind)
				if j.Healthy {
					r.row("Result", "the test entries are right")
				} else {
					r.row("Result", "not to be used")
					r.row("Problem", "%s", j.Error)
				}
			})
			if err != nil || failure == nil {
				return err
			}
			return dnsblError(ctx, &f, failure)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&kind, "kind", "ipv4", "what the list has entries for: ipv4, ipv6 or domain")
	return cmd
}

// joinStringers returns the texts of l with commas between them.
func joinStringers[T fmt.Stringer](l []T) string {
	texts := make([]string, len(l))
	for i, v := range l {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}
