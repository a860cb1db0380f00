package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mox/dkim"
	"mox/dns"
)

func dkimLookupCommand(resolver dns.Resolver) *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "lookup selector domain",
		Short: "Print and explain the DNS record of a key",
		Long: `Lookup prints the DKIM record of a selector of a domain, with the kind of the
key, what it may be used for, and whether DNSSEC authenticated it. The selector
is s= of a DKIM-Signature field, or the name of a selector in domains.conf.

The exit code is 1 if there is no record, or if signatures cannot be verified
with it.`,
		Example: `  mox dkim lookup 2026a example.org
  mox dkim lookup --json 2026a example.org`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			selector, err := dkimSelectorArgument(args[0])
			if err != nil {
				return err
			}
			domain, err := domainArgument(args[1])
			if err != nil {
				return err
			}
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			records, res, err := dkim.LookupKey(ctx, resolver, selector, domain)
			if errors.Is(err, dkim.ErrKeyUnavailable) {
				return f.temporary(ctx, err)
			}
			name := dkim.KeyName(selector, domain)
			j := dkimLookupJSON{Name: name, Authentic: res.Authentic, Records: []dkimRecordJSON{}}
			for _, r := range records {
				j.Records = append(j.Records, describeDKIMRecord(r))
			}
			if perr := f.print(cmd, j, j.report); perr != nil {
				return perr
			}
			switch {
			case errors.Is(err, dkim.ErrNoKey):
				return fmt.Errorf("there is no key at %s; publish the record that \"mox dkim txt\" prints", name)
			case err != nil:
				return fmt.Errorf("the record at %s cannot be used: %w; see it with \"mox dns lookup txt %s\", and publish the one that \"mox dkim txt\" prints", name, err, name)
			case len(records) > 1:
				return fmt.Errorf("there are %d records at %s, and receivers may take any of them; leave one", len(records), name)
			}
			if err := dkimRecordError(records[0]); err != nil {
				return fmt.Errorf("signatures cannot be verified with the key: %w", err)
			}
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

// dkimRecordJSON is a key record as printed by the subcommands of "mox dkim" with --json.
type dkimRecordJSON struct {
	Text     string   `json:"text"`
	KeyType  string   `json:"keyType"`
	Bits     int      `json:"bits,omitempty"` // Of an RSA key.
	Hashes   []string `json:"hashes,omitempty"`
	Services []string `json:"services,omitempty"`
	Flags    []string `json:"flags,omitempty"`
	Notes    string   `json:"notes,omitempty"`
	Revoked  bool     `json:"revoked,omitempty"`
	Testing  bool     `json:"testing,omitempty"`
	Error    string   `json:"error,omitempty"` // Why it cannot be used.
}

func describeDKIMRecord(r *dkim.Record) dkimRecordJSON {
	j := dkimRecordJSON{
		Text: r.String(), KeyType: r.KeyType, Bits: r.Bits(), Hashes: r.Hashes, Services: r.Services,
		Flags: r.Flags, Notes: r.Notes, Revoked: r.Revoked(), Testing: r.Testing(),
	}
	if err := dkimRecordError(r); err != nil {
		j.Error = err.Error()
	}
	return j
}

// dkimRecordError tells why a key cannot be used for signatures of its type.
func dkimRecordError(r *dkim.Record) error {
	return r.Usable(dkim.Algorithm(r.KeyType+"-sha256"), dkim.KeyLimits{})
}

func (j dkimRecordJSON) report(r *report) {
	r.row("Record", "%s", j.Text)
	if j.Bits > 0 {
		r.row("Key", "%s, %d bits", j.KeyType, j.Bits)
	} else {
		r.row("Key", "%s", j.KeyType)
	}
	r.row("Only for hashes", "%s", strings.Join(j.Hashes, ", "))
	r.row("Only for services", "%s", strings.Join(j.Services, ", "))
	r.row("Flags", "%s", strings.Join(j.Flags, ", "))
	r.row("Notes", "%s", j.Notes)
	r.row("Problem", "%s", j.Error)
	if j.Testing {
		r.row("Advice", "the domain tests DKIM and its signatures count as absent (RFC 6376 §3.6.1); remove t=y once they work")
	}
	if j.KeyType == "rsa" && j.Bits > 0 && j.Bits < dkim.DefaultRSABits {
		r.row("Advice", "the key is short; sign with one of 2048 bits (RFC 8301 §3.2)")
	}
}

// dkimLookupJSON is what "mox dkim lookup --json" prints.
type dkimLookupJSON struct {
	Name      string           `json:"name"`
	Authentic bool             `json:"authentic"`
	Records   []dkimRecordJSON `json:"records"`
}

func (j dkimLookupJSON) report(r *report) {
	r.row("Name", "%s", j.Name)
	r.row("DNSSEC", "%s", dnssecText(j.Authentic))
	for _, rec := range j.Records {
		r.gap()
		rec.report(r)
	}
}
