package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mox/dkim"
	"mox/dns"
)

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
			var results []dkim.Result
			err = readMessage(cmd, args, func(in io.Reader) (err error) {
				results, err = dkim.Verify(ctx, resolver, in, dkim.Options{})
				return err
			})
			if err != nil {
				return err
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
