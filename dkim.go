package main

import (
	"crypto"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mox/dkim"
	"mox/dns"
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

		DisableFlagsInUseLine: true,
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
		Use:   "genrsa [flags] >file",
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
		Use:   "txt [flags] <file",
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
