package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mox/dkim"
	"mox/dmarc"
	"mox/dns"
	"mox/pipeline/checks"
	"mox/smtp"
	"mox/spf"
)

func dmarcVerifyCommand(resolver dns.Resolver) *cobra.Command {
	var f dmarcFlags
	cmd := &cobra.Command{
		Use:   "verify remoteip mailfromaddress helodomain [flags] <message",
		Short: "Find out whether a message passes DMARC",
		Long: `Verify reads a message from standard input, and finds out by SPF and DKIM
whether it comes from the domain in its From field, and, if not, what that
domain asks to be done with it.

Remoteip is the address of the host that sent the message, mailfromaddress what
it gave in MAIL FROM, and helodomain what it gave in EHLO; they are in the
fields Received and Return-Path of a message that was received. Mailfromaddress
is "" for a message without sender, such as a notification of failed delivery.
With both "" SPF is left out. The records are looked up in DNS now.

The exit code is 0 if the message passes. It is 1 if it does not, and if no
policy applies.`,
		Example: `  mox dmarc verify 192.0.2.1 ann@example.org mx.example.org <message.eml
  mox dmarc verify --json 192.0.2.1 "" "" <message.eml`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			session, err := parseSMTPSession(args)
			if err != nil {
				return err
			}
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			v := dmarcVerification{spfArgs: session, withSPF: !session.MailFrom.IsZero() || session.Hello != ""}
			if err := v.verify(ctx, cmd, resolver, f.verifier(resolver)); err != nil {
				return err
			}
			if err := f.print(cmd, v.describe(), v.report); err != nil {
				return err
			}
			return v.err(ctx, &f.lookupFlags)
		},
	}
	f.add(cmd)
	return cmd
}

// parseSMTPSession returns what the arguments say of how a message came.
func parseSMTPSession(args []string) (spf.Args, error) {
	ip, err := ipArgument(args[0])
	if err != nil {
		return spf.Args{}, err
	}
	a := spf.Args{RemoteIP: ip, Hello: args[2]}
	from := strings.TrimSuffix(strings.TrimPrefix(args[1], "<"), ">")
	if from == "" {
		return a, nil
	}
	if a.MailFrom, err = smtp.ParsePath(from); err != nil {
		return a, usagef("mailfromaddress %q: %w; give an address, or \"\" for none", args[1], err)
	} else if a.MailFrom.IPDomain.IsZero() {
		return a, usagef("mailfromaddress %q has no domain; give an address, or \"\" for none", args[1])
	}
	return a, nil
}

// dmarcVerification is that of one message.
type dmarcVerification struct {
	spfArgs    spf.Args
	withSPF    bool
	spf        spf.Result
	signatures []dkim.Result
	result     dmarc.Result
}

// verify reads the message from standard input.
func (v *dmarcVerification) verify(ctx context.Context, cmd *cobra.Command, resolver dns.Resolver, verifier *dmarc.Verifier) error {
	signatures := dkim.NewVerifier(ctx, resolver, dkim.Options{RefuseUnsignedBody: true}) // As for mail that is received.
	defer signatures.Close()
	var authors dmarc.Authors
	split := dkim.Splitter{
		Header: func(header []byte, tooLarge bool) {
			authors = dmarc.ParseAuthors(header)
			authors.TooMany = authors.TooMany || tooLarge // Another From may follow.
		},
	}
	err := readMessage(cmd, nil, func(in io.Reader) error {
		_, err := io.Copy(io.MultiWriter(signatures, &split), in)
		return err
	})
	if err != nil {
		return err
	}
	split.Close()

	var sender dmarc.Identifier
	if v.withSPF {
		v.spf = spf.CheckMailFrom(ctx, resolver, v.spfArgs)
		sender = dmarc.Identifier{Domain: v.spf.Domain, Status: dmarc.Status(v.spf.Status)}
	}
	v.signatures = signatures.Results(ctx)
	v.result = verifier.Verify(ctx, authors, sender, checks.DKIMIdentifiers(v.signatures))
	return nil
}

// dmarcVerificationJSON is what "mox dmarc verify --json" prints.
type dmarcVerificationJSON struct {
	Status     dmarc.Status      `json:"status"`
	Apply      dmarc.Policy      `json:"apply"`   // What the domain asks to be done with the message.
	Invalid    bool              `json:"invalid"` // There is no telling who the author is.
	From       string            `json:"from"`    // Form of the From field.
	Error      string            `json:"error,omitempty"`
	Domains    []dmarcDomainJSON `json:"domains"`
	SPF        *spfJSON          `json:"spf,omitempty"`
	Signatures []dkimResultJSON  `json:"signatures"`
}

// dmarcDomainJSON is the result for a domain in From.
type dmarcDomainJSON struct {
	Domain      string         `json:"domain"`
	Status      dmarc.Status   `json:"status"`
	SPFAligned  bool           `json:"spfAligned"`
	DKIMAligned bool           `json:"dkimAligned"`
	Policy      dmarc.Policy   `json:"policy,omitempty"`
	Apply       dmarc.Policy   `json:"apply"`
	Nonexistent bool           `json:"nonexistent,omitempty"`
	Found       dmarcFoundJSON `json:"found"`
	Error       string         `json:"error,omitempty"`
}

func (v *dmarcVerification) describe() dmarcVerificationJSON {
	r := v.result
	j := dmarcVerificationJSON{
		Status: r.Status, Apply: r.Apply, Invalid: r.Invalid, From: r.Authors.Form.String(),
		Domains: []dmarcDomainJSON{}, Signatures: describeDKIMResults(v.signatures),
	}
	if r.Err != nil {
		j.Error = r.Err.Error()
	}
	for _, d := range r.Domains {
		dj := dmarcDomainJSON{
			Domain: d.Domain.ASCII, Status: d.Status, SPFAligned: d.SPFAligned, DKIMAligned: d.DKIMAligned,
			Policy: d.Policy, Apply: d.Apply, Nonexistent: d.Nonexistent, Found: describeDMARC(d.Domain, d.Found),
		}
		dj.Found.Advice = nil // It is for the owner of the domain.
		if d.Err != nil {
			dj.Error = d.Err.Error()
		}
		j.Domains = append(j.Domains, dj)
	}
	if v.withSPF {
		s := describeSPF(v.spfArgs, v.spf)
		j.SPF = &s
	}
	return j
}

func (v *dmarcVerification) report(r *report) {
	r.row("Result", "%s: %s", v.result.Status, v.meaning())
	r.row("From field", "%s", v.result.Authors.Form)
	for _, d := range v.result.Domains {
		r.gap()
		r.row("Domain", "%s", domainText(d.Domain))
		r.row("Result", "%s", d.Status)
		if d.Found.Text != "" {
			r.row("Record", "%s, at _dmarc.%s", d.Found.Text, d.Found.Domain)
		}
		if d.Err != nil {
			r.row("Problem", "%s", d.Err)
		}
		r.row("Asked for", "%s", d.Policy)
		r.row("Aligned", "SPF %s, DKIM %s", yesNo(d.SPFAligned), yesNo(d.DKIMAligned))
		if p := d.Found.Record.Percent; d.Status == dmarc.StatusFail && p < dmarc.DefaultPercent {
			r.row("Applied to", "%d %% of such messages", p)
		}
	}
	if v.withSPF {
		r.gap()
		r.row("SPF", "%s: %s", v.spf.Status, spfMeaning(v.spf.Status, domainText(v.spf.Domain), v.spfArgs.RemoteIP))
		r.row("Identity", "%s, %s", v.spf.Identity, v.spf.Sender)
		r.row("Mechanism", "%s", v.spf.Mechanism)
		r.row("Problem", "%s", v.spf.Problem)
	}
	for _, s := range v.signatures {
		r.gap()
		r.row("DKIM", "%s", s.Status)
		if s.Signature != nil {
			r.row("Domain", "%s, selector %s", domainText(s.Signature.Domain), s.Signature.Selector)
		}
		r.row("Reason", "%s", s.Reason())
		if s.Testing {
			r.row("Note", "the domain tests DKIM, so the signature counts as absent (RFC 6376 §3.6.1)")
		}
	}
}

// meaning tells what follows from the result.
func (v *dmarcVerification) meaning() string {
	switch {
	case v.result.Invalid:
		return "there is no telling who wrote the message, it should be rejected"
	case v.result.Status == dmarc.StatusPass:
		return "the message comes from the domain in From"
	case v.result.Status == dmarc.StatusFail:
		return fmt.Sprintf("%s asks for %s", domainText(v.result.Domain), v.result.Apply)
	case v.result.Status == dmarc.StatusNone:
		return "no policy applies"
	case v.result.Status == dmarc.StatusTempError:
		return "DNS does not answer now"
	}
	return "the record cannot be used"
}

// err returns an error unless the message passes.
func (v *dmarcVerification) err(ctx context.Context, f *lookupFlags) error {
	switch v.result.Status {
	case dmarc.StatusPass:
		return nil
	case dmarc.StatusTempError:
		return f.temporary(ctx, v.result.Err)
	case dmarc.StatusFail:
		return fmt.Errorf("the message fails DMARC of %s; if it is genuine, sign it with DKIM for that domain, or let SPF of that domain pass for the host and use the domain in MAIL FROM", v.result.Domain)
	case dmarc.StatusNone:
		return fmt.Errorf("no DMARC policy applies to the message; \"mox dmarc lookup\" with the domain in From tells more")
	}
	return fmt.Errorf("the message does not pass DMARC: %w", v.result.Err)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
