package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mox/dns"
)

// newSystemResolver returns what the server and commands look names up with: the resolvers of the system.
func newSystemResolver() dns.Resolver {
	return dns.NewCache(dns.NewStrictResolver(dns.StrictOptions{}), dns.CacheOptions{})
}

// lookupFlags are the flags of commands that look names up.
type lookupFlags struct {
	timeout time.Duration
	json    bool
}

func (f *lookupFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.timeout, "timeout", 30*time.Second, "give up after this time, e.g. 10s or 2m")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

// start returns the context for the lookups of a command.
func (f *lookupFlags) start(cmd *cobra.Command) (context.Context, context.CancelFunc, error) {
	if f.timeout <= 0 {
		return nil, nil, usagef("--timeout %s leaves no time; use e.g. 30s", f.timeout)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
	return ctx, cancel, nil
}

var errInterrupted = errors.New("interrupted")

// print prints v as JSON, or what text writes. A command that was interrupted prints nothing.
func (f *lookupFlags) print(cmd *cobra.Command, v any, text func(*report)) error {
	if cmd.Context().Err() != nil {
		return errInterrupted
	}
	if f.json {
		return printJSON(cmd, v)
	}
	r := newReport()
	text(r)
	_, err := cmd.OutOrStdout().Write(r.bytes())
	return err
}

func printJSON(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// temporary returns the error for a lookup that failed with err for now, and says what to do.
func (f *lookupFlags) temporary(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("no result within %s; try again later, or give it more time with --timeout", f.timeout)
	case ctx.Err() != nil:
		return errInterrupted
	}
	return fmt.Errorf("%w; try again later, and if it stays so check the name servers in /etc/resolv.conf", err)
}

// domainArgument returns the domain name of an argument.
func domainArgument(s string) (dns.Domain, error) {
	d, err := dns.ParseDomainLax(s)
	if err != nil {
		return d, usagef("%q: %w; give a name such as example.org", s, err)
	}
	return d, nil
}

// ipArgument returns the IP address of an argument.
func ipArgument(s string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return ip, usagef("%q is not an IP address; give one such as 192.0.2.1 or 2001:db8::1", s)
	}
	return ip.Unmap().WithZone(""), nil
}

// domainText is a domain for people who may have to tell it from others that look alike.
func domainText(d dns.Domain) string {
	if d.Unicode == "" {
		return d.ASCII
	}
	return fmt.Sprintf("%s (%s)", d.Unicode, d.ASCII)
}

// dnssecText tells people whether DNSSEC authenticated an answer.
func dnssecText(authentic bool) string {
	if authentic {
		return "authenticated"
	}
	return "not authenticated"
}

// report is text for people: rows of a name and a value, and of tables, aligned. What it is given may
// come from strangers.
type report struct {
	text  strings.Builder
	table *tabwriter.Writer
}

func newReport() *report {
	r := new(report)
	r.table = tabwriter.NewWriter(&r.text, 0, 8, 2, ' ', 0)
	return r
}

// row adds a name and its value, unless that is empty.
func (r *report) row(name, format string, args ...any) {
	if value := printable(fmt.Sprintf(format, args...)); value != "" {
		fmt.Fprintf(r.table, "%s:\t%s\n", name, value)
	}
}

// advice adds rows that say what to do.
func (r *report) advice(l []string) {
	for _, s := range l {
		r.row("Advice", "%s", s)
	}
}

// cells adds a row of a table.
func (r *report) cells(values ...string) {
	for i, v := range values {
		if i > 0 {
			fmt.Fprint(r.table, "\t")
		}
		fmt.Fprint(r.table, printable(v))
	}
	fmt.Fprintln(r.table)
}

// gap adds an empty line. What follows is aligned by itself.
func (r *report) gap() {
	r.table.Flush() // To memory.
	r.text.WriteByte('\n')
}

func (r *report) bytes() []byte {
	r.table.Flush()
	return []byte(r.text.String())
}
