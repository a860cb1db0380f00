package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"mox/config"
	"mox/dkim"
	"mox/dmarc"
	"mox/dns"
	"mox/internal/spool"
)

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
these, and so are the fields; whatever sends it makes them CRLF. A message that
mixes line ends is refused.

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
			err = signMessage(cmd.Context(), messageOutput(cmd.OutOrStdout()), in, cfg.DKIM)
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
	split := dkim.Splitter{Header: func(header []byte, _ bool) { authors = dmarc.ParseAuthors(header) }}
	var ends lineEndCheck
	if _, err := io.Copy(io.MultiWriter(message, &split, &ends), in); err != nil {
		return fmt.Errorf("reading the message: %w", err)
	}
	split.Close()
	if ends.bare() {
		return errors.New("the message has a bare CR, or LF beside CRLF, which are changed on the way and would break the signature (RFC 6376 §5.3); give all lines the same end, CRLF or LF")
	}
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

// lineEndCheck is written a message and finds a CR or LF that is not part of a CRLF.
type lineEndCheck struct{ cr, found bool }

func (c *lineEndCheck) Write(p []byte) (int, error) {
	for i := 0; i < len(p) && !c.found; i++ {
		switch p[i] {
		case '\n':
			c.found = !c.cr
			c.cr = false
		case '\r':
			c.found = c.cr
			c.cr = true
		default:
			c.found = c.cr
		}
	}
	return len(p), nil
}

// bare tells whether there is one, at the end of the message.
func (c *lineEndCheck) bare() bool { return c.found || c.cr }
