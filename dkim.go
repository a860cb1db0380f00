package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mox/config"
	"mox/dkim"
	"mox/dmarc"
	"mox/dns"
	"mox/internal/spool"
)

func dkimCommand(resolver dns.Resolver) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dkim",
		Short: "Make keys for signing mail, and check signatures (DKIM)",
		Long: `Dkim has subcommands about DKIM (RFC 6376), by which a domain signs its mail:
make keys and their records in DNS, sign messages, and verify signatures.

To have mox sign the mail of a domain, make a key, name it in domains.conf as a
selector of the domain, publish the record that "mox dkim txt" prints, and check
that with "mox dkim lookup". Use one RSA and one Ed25519 key: not all receivers
know the latter.`,
		RunE: groupRun,
	}
	cmd.AddCommand(
		dkimGenEd25519Command(),
		dkimGenRSACommand(),
		dkimTXTCommand(),
		dkimLookupCommand(resolver),
		dkimVerifyCommand(resolver),
		dkimSignCommand(),
	)
	return cmd
}

func dkimGenEd25519Command() *cobra.Command {
	return &cobra.Command{
		Use:   "gened25519 >file",
		Short: "Make an Ed25519 key",
		Long: `Gened25519 prints a new private Ed25519 key, in PKCS #8 and PEM, for use as
PrivateKeyFile of a selector in domains.conf. Whoever has it can sign in the
name of the domain: mox refuses a file that others than its owner and group can
read.

Not all receivers know Ed25519 (RFC 8463) yet. Sign with an RSA key too.`,
		Example: `  (umask 077; mox dkim gened25519 >2026a.example.org.ed25519.pem)`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := dkim.GenerateEd25519()
			if err != nil {
				return err
			}
			return writePrivateKey(cmd, key)
		},
	}
}

func dkimGenRSACommand() *cobra.Command {
	const most = 4096
	var bits int
	cmd := &cobra.Command{
		Use:   "genrsa >file",
		Short: "Make an RSA key",
		Long: `Genrsa prints a new private RSA key, in PKCS #8 and PEM, for use as
PrivateKeyFile of a selector in domains.conf. Whoever has it can sign in the
name of the domain: mox refuses a file that others than its owner and group can
read.

2048 bits are strong enough for signatures on mail, and all receivers can use
them (RFC 8301 §3.2). The record of a larger key may not fit into DNS as some
operators limit it.`,
		Example: `  (umask 077; mox dkim genrsa >2026b.example.org.rsa.pem)`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if bits < dkim.DefaultRSABits || bits > most {
				return usagef("--bits %d is not from %d to %d", bits, dkim.DefaultRSABits, most)
			}
			key, err := dkim.GenerateRSA(bits)
			if err != nil {
				return err
			}
			return writePrivateKey(cmd, key)
		},
	}
	cmd.Flags().IntVar(&bits, "bits", dkim.DefaultRSABits, "size of the key, 2048 to 4096")
	return cmd
}

func writePrivateKey(cmd *cobra.Command, key crypto.Signer) error {
	text, err := dkim.MarshalPrivateKey(key)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

// maxPrivateKey is more than a file with a private key has, in bytes.
const maxPrivateKey = 64 << 10

func dkimTXTCommand() *cobra.Command {
	var f lookupFlags
	var selector, domain string
	cmd := &cobra.Command{
		Use:   "txt <file",
		Short: "Print the DNS record for a key",
		Long: `Txt reads a private key, as "mox dkim genrsa" and "mox dkim gened25519" make
them, from standard input, and prints the TXT record with its public key: first
for a zone file, split into strings of at most 255 bytes as DNS needs it, then
the text in one piece, for the forms of DNS operators that split it themselves.

The record belongs at <selector>._domainkey.<domain>. Once it is published,
check it with "mox dkim lookup".`,
		Example: `  mox dkim txt <2026a.example.org.ed25519.pem
  mox dkim txt --selector 2026b --domain example.org <2026b.example.org.rsa.pem`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := dkimRecordName(selector, domain)
			if err != nil {
				return err
			}
			in := interruptible(cmd.Context(), cmd.InOrStdin())
			defer in.Close()
			text, err := io.ReadAll(io.LimitReader(in, maxPrivateKey))
			if cmd.Context().Err() != nil {
				return errInterrupted
			} else if err != nil {
				return err
			}
			key, err := dkim.ParsePrivateKey(text)
			if err != nil {
				return fmt.Errorf("%w; give a file as \"mox dkim genrsa\" and \"mox dkim gened25519\" make them as standard input", err)
			}
			record, err := dkim.NewRecord(key.Public())
			if err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd, struct {
					Name string `json:"name"`
					Text string `json:"text"`
					Zone string `json:"zone"`
				}{name, record.String(), record.ZoneStrings()})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s IN TXT ( %s )\n\n%s\n", name, record.ZoneStrings(), record)
			return err
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.Flags().StringVar(&selector, "selector", "", "selector, for the name of the record")
	cmd.Flags().StringVar(&domain, "domain", "", "domain, for the name of the record (default: relative to the zone)")
	return cmd
}

// dkimRecordName returns the name of a record, with a placeholder for a selector that is not given.
func dkimRecordName(selector, domain string) (string, error) {
	if selector == "" {
		selector = "<selector>"
	} else {
		d, err := dkimSelectorArgument(selector)
		if err != nil {
			return "", err
		}
		selector = d.ASCII
	}
	name := selector + "._domainkey"
	if domain == "" {
		return name, nil
	}
	d, err := domainArgument(domain)
	return name + "." + d.Absolute(), err
}

func dkimSelectorArgument(s string) (dns.Domain, error) {
	d, err := dkim.ParseSelectorTag(s)
	if err != nil {
		return d, usagef("selector %q: %w; give the first part of the record's name, as in 2026a._domainkey.example.org", s, err)
	}
	return d, nil
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

// dkimResultJSON is what is known about a signature, as printed with --json.
type dkimResultJSON struct {
	Status       dkim.Status     `json:"status"`
	Reason       string          `json:"reason,omitempty"`
	Domain       string          `json:"domain,omitempty"`
	Selector     string          `json:"selector,omitempty"`
	Identity     string          `json:"identity,omitempty"`
	Algorithm    string          `json:"algorithm,omitempty"`
	Canonical    string          `json:"canonicalization,omitempty"`
	Fields       []string        `json:"fields,omitempty"`
	Time         *time.Time      `json:"time,omitempty"`
	Expires      *time.Time      `json:"expires,omitempty"`
	UnsignedBody int64           `json:"unsignedBody,omitempty"` // Bytes after l=.
	Testing      bool            `json:"testing,omitempty"`
	Authentic    bool            `json:"authentic"`
	Record       *dkimRecordJSON `json:"record,omitempty"`
}

func describeDKIM(res dkim.Result) dkimResultJSON {
	j := dkimResultJSON{Status: res.Status, UnsignedBody: res.UnsignedBody, Testing: res.Testing, Authentic: res.Authentic}
	if res.Err != nil {
		j.Reason = res.Err.Error()
	}
	if s := res.Signature; s != nil {
		j.Domain, j.Selector, j.Algorithm = s.Domain.ASCII, s.Selector.ASCII, string(s.Algorithm)
		j.Identity = s.AUID().String()
		j.Canonical = string(s.Header) + "/" + string(s.Body)
		j.Fields = s.SignedFields
		if !s.Time.IsZero() {
			j.Time = &s.Time
		}
		if !s.Expires.IsZero() {
			j.Expires = &s.Expires
		}
	}
	if res.Record != nil {
		r := describeDKIMRecord(res.Record)
		j.Record = &r
	}
	return j
}

func describeDKIMResults(l []dkim.Result) []dkimResultJSON {
	j := []dkimResultJSON{}
	for _, res := range l {
		j = append(j, describeDKIM(res))
	}
	return j
}

func (j dkimResultJSON) report(r *report) {
	r.row("Result", "%s", j.Status)
	r.row("Reason", "%s", j.Reason)
	if j.Domain == "" {
		return
	}
	r.row("Domain", "%s", j.Domain)
	r.row("Selector", "%s", j.Selector)
	r.row("Identity", "%s", j.Identity)
	r.row("Algorithm", "%s, %s", j.Algorithm, j.Canonical)
	r.row("Signed fields", "%s", strings.Join(j.Fields, " "))
	if j.Time != nil {
		r.row("Signed at", "%s", j.Time.UTC().Format(time.RFC3339))
	}
	if j.Expires != nil {
		r.row("Expires", "%s", j.Expires.UTC().Format(time.RFC3339))
	}
	if j.UnsignedBody > 0 {
		r.row("Not signed", "%d bytes at the end of the body, which anyone can have added", j.UnsignedBody)
	}
	if j.Record != nil {
		r.row("Key", "%s", j.Record.Text)
		r.row("DNSSEC", "%s", dnssecText(j.Authentic))
	}
	if j.Testing {
		r.row("Note", "the domain tests DKIM, so the signature counts as absent (RFC 6376 §3.6.1)")
	}
	r.row("Advice", "%s", j.cure())
}

// cure tells what to do about a signature that does not pass.
func (j dkimResultJSON) cure() string {
	switch j.Status {
	case dkim.StatusFail:
		return "the message was changed after it was signed, as mailing lists do, or is forged; verify the message as it was received, with all its bytes"
	case dkim.StatusTemperror:
		return "try again later"
	}
	return ""
}

// dkimPassed tells whether a signature passes that counts.
func dkimPassed(res dkim.Result) bool { return res.Status == dkim.StatusPass && !res.Testing }

func dkimVerifyCommand(resolver dns.Resolver) *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "verify [message]",
		Short: "Verify the signatures of a message",
		Long: `Verify reads a message from a file, or from standard input without one or for
"-", and prints the result of each DKIM signature in it, from the top of the
header down. The keys are looked up in DNS now; those of old messages are often
gone. If the first line of the message ends in a bare LF, as mail programs write
files, its line ends are taken for CRLF.

The exit code is 0 if at least one signature passes, otherwise 1. That of a
domain that tests DKIM does not count.`,
		Example: `  mox dkim verify message.eml
  mox dkim verify --json <message.eml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			in, err := openMessage(cmd.Context(), cmd, args)
			if err != nil {
				return err
			}
			defer in.Close()
			results, err := dkim.Verify(ctx, resolver, in, dkim.Options{})
			if err != nil && cmd.Context().Err() != nil {
				return errInterrupted
			} else if err != nil {
				return fmt.Errorf("reading the message: %w", err)
			}
			j := describeDKIMResults(results)
			err = f.print(cmd, struct {
				Signatures []dkimResultJSON `json:"signatures"`
			}{j}, func(r *report) {
				for i, s := range j {
					if i > 0 {
						r.gap()
					}
					s.report(r)
				}
			})
			if err != nil {
				return err
			}
			return dkimVerdict(ctx, &f, results)
		},
	}
	f.add(cmd)
	return cmd
}

// dkimVerdict returns an error unless a signature passes.
func dkimVerdict(ctx context.Context, f *lookupFlags, l []dkim.Result) error {
	if len(l) == 0 {
		return errors.New("the message has no DKIM signature")
	}
	var temporary error
	for _, res := range l {
		if dkimPassed(res) {
			return nil
		}
		if res.Status == dkim.StatusTemperror {
			temporary = res.Err
		}
	}
	if temporary != nil {
		return f.temporary(ctx, temporary)
	}
	return errors.New("no signature passes")
}

func dkimSignCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sign [message]",
		Short: "Sign a message with the keys of the configuration",
		Long: `Sign reads a message from a file, or from standard input without one or for "-",
and prints it with DKIM-Signature fields in front, made as a server with this
configuration would: with the selectors that domains.conf names for the domain
of the address in From. It needs to read the private keys, but no running
server.

The signatures are for line ends of CRLF. A message with bare LF is printed with
these, and so are the fields; whatever sends it makes them CRLF.

The exit code is 1 if the message cannot be signed, and nothing is printed then.`,
		Example: `  mox dkim sign message.eml >signed.eml
  mox --config /etc/mox/mox.conf dkim sign <message.eml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := configPath(cmd)
			if err != nil {
				return err
			}
			cfg, err := config.Load(config.Options{Path: path})
			if _, ok := errors.AsType[*config.Error](err); ok {
				return fmt.Errorf("the configuration has problems; \"mox --config %s config test\" tells what to correct", path)
			} else if err != nil {
				return err
			}
			in, err := openMessage(cmd.Context(), cmd, args)
			if err != nil {
				return err
			}
			defer in.Close()
			err = signMessage(cmd.Context(), cmd.OutOrStdout(), in, cfg.DKIM)
			if err != nil && cmd.Context().Err() != nil {
				return errInterrupted
			}
			return err
		},
	}
}

// signMessage writes a message with its signatures in front.
func signMessage(ctx context.Context, w io.Writer, in *messageFile, keys func(from dns.Domain) *config.DKIM) error {
	message := spool.New("", 0)
	defer message.Close()
	var authors dmarc.Authors
	split := dkim.Splitter{
		Header: func(header []byte, _ bool) { authors = dmarc.ParseAuthors(header) },
		Body:   func([]byte) {},
	}
	if _, err := io.Copy(io.MultiWriter(message, &split), in); err != nil {
		return fmt.Errorf("reading the message: %w", err)
	}
	split.Close()
	if authors.Invalid() || len(authors.Domains) == 0 {
		return fmt.Errorf("the From field does not say which domain signs: it is %s; give the message one From field with an address", authors.Form)
	}
	s := signer{dkim: keys, log: slog.New(slog.DiscardHandler)}
	fields, err := s.Sign(ctx, authors.Domains, nil, message, message.Size())
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		var names []string
		for _, d := range authors.Domains {
			names = append(names, d.Name())
		}
		return fmt.Errorf("mail from %s is not signed; add DKIM with a selector to the domain in domains.conf", strings.Join(names, ", "))
	}
	out := in.lineEnds(w)
	if _, err := out.Write(fields); err != nil {
		return err
	}
	if _, err := io.Copy(out, io.NewSectionReader(message, 0, message.Size())); err != nil {
		return err
	}
	return out.Close()
}
