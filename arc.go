package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mox/arc"
	"mox/authres"
	"mox/dns"
)

func arcCommand(resolver dns.Resolver) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "arc",
		Short: "Check what servers say about a message that they passed on (ARC)",
		Long: `Arc has a subcommand about ARC (RFC 8617), by which servers that pass a message
on, such as mailing lists, sign what they found out about its sender.`,
		RunE: groupRun,
	}
	cmd.AddCommand(arcVerifyCommand(resolver))
	return cmd
}

func arcVerifyCommand(resolver dns.Resolver) *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "verify [message]",
		Short: "Validate the chain of a message",
		Long: `Verify reads a message from a file, or from standard input without one or for
"-", validates its Authenticated Received Chain, and prints what each server
that passed the message on said about it, the first one first. The keys are
looked up in DNS now; those of old messages are often gone. If the first line of
the message ends in a bare LF, as mail programs write files, its line ends are
taken for CRLF.

A valid chain proves who said what, not that it is true: anyone can begin one.

The exit code is 0 for a valid chain. It is 1 for one that is not, and if the
message has none.`,
		Example: `  mox arc verify message.eml
  mox arc verify --json <message.eml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel, err := f.start(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			var res arc.Result
			err = readMessage(cmd, args, func(in io.Reader) (err error) {
				res, err = arc.Verify(ctx, resolver, in, arc.Options{})
				return err
			})
			if err != nil {
				return err
			}
			j := describeARC(res)
			if err := f.print(cmd, j, j.report); err != nil {
				return err
			}
			return arcVerdict(ctx, &f, res)
		},
	}
	f.add(cmd)
	return cmd
}

// arcVerdict returns an error unless the chain is valid.
func arcVerdict(ctx context.Context, f *lookupFlags, res arc.Result) error {
	switch {
	case res.Status == arc.StatusPass:
		return nil
	case res.Status == arc.StatusNone:
		return errors.New("the message has no chain")
	case res.Temporary():
		return f.temporary(ctx, res.Err)
	case errors.Is(res.Err, arc.ErrFailedBefore):
		return errors.New("the chain had failed before the last server passed the message on; ask who runs that server or those before it")
	}
	return errors.New("the chain is not valid: the message was changed after the last server signed it, or is forged; verify it as it was received, with all its bytes")
}

// arcJSON is a chain as printed by "mox arc verify --json".
type arcJSON struct {
	Status     arc.Status   `json:"status"`
	Error      string       `json:"error,omitempty"`
	OldestPass int          `json:"oldestPass"` // As in arc.Result.
	Sets       []arcSetJSON `json:"sets"`
}

// arcSetJSON is what one server added.
type arcSetJSON struct {
	Instance     int              `json:"instance"`
	Domain       string           `json:"domain,omitempty"` // Of the seal, as is all that follows up to Time.
	Selector     string           `json:"selector,omitempty"`
	ChainStatus  arc.Status       `json:"chainStatus,omitempty"`
	Time         *time.Time       `json:"time,omitempty"`
	SealError    string           `json:"sealError,omitempty"`
	MessageError string           `json:"messageError,omitempty"` // Of the signature of the message.
	AuthServID   string           `json:"authservId,omitempty"`
	Results      []authResultJSON `json:"results,omitempty"`
	ResultsError string           `json:"resultsError,omitempty"`
}

// authResultJSON is a result of RFC 8601.
type authResultJSON struct {
	Method     string            `json:"method"`
	Result     string            `json:"result"`
	Reason     string            `json:"reason,omitempty"`
	Properties map[string]string `json:"properties,omitempty"` // By type and name, as in "smtp.mailfrom".
}

func describeARC(res arc.Result) arcJSON {
	j := arcJSON{Status: res.Status, Error: errorText(res.Err), OldestPass: res.OldestPass, Sets: []arcSetJSON{}}
	for _, set := range res.Sets {
		s := arcSetJSON{
			Instance: set.Instance, SealError: errorText(set.SealErr), MessageError: errorText(set.MessageErr),
			AuthServID: set.Results.AuthservID, ResultsError: errorText(set.ResultsErr),
		}
		if seal := set.Seal; seal != nil {
			s.Domain, s.Selector, s.ChainStatus = seal.Domain.ASCII, seal.Selector.ASCII, seal.Status
			if !seal.Time.IsZero() {
				s.Time = &seal.Time
			}
		}
		for _, m := range set.Results.Methods {
			s.Results = append(s.Results, describeAuthResult(m))
		}
		j.Sets = append(j.Sets, s)
	}
	return j
}

func describeAuthResult(m authres.Result) authResultJSON {
	j := authResultJSON{Method: m.Method, Result: m.Result, Reason: m.Reason}
	for _, p := range m.Props {
		if j.Properties == nil {
			j.Properties = map[string]string{}
		}
		j.Properties[p.Type+"."+p.Property] = p.Value
	}
	return j
}

// errorText is the text of an error, empty for nil.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (j arcJSON) report(r *report) {
	r.row("Result", "%s", j.Status)
	r.row("Problem", "%s", j.Error)
	if j.OldestPass > 1 {
		r.row("Changed", "before instance %d was added, so that older signatures of the message do not verify", j.OldestPass)
	}
	for _, s := range j.Sets {
		r.gap()
		s.report(r)
	}
}

func (s arcSetJSON) report(r *report) {
	r.row("Instance", "%d", s.Instance)
	if s.Domain != "" {
		r.row("Sealed by", "%s, selector %s", s.Domain, s.Selector)
	}
	if s.Time != nil {
		r.row("Sealed at", "%s", s.Time.UTC().Format(time.RFC3339))
	}
	r.row("Chain before", "%s", s.ChainStatus)
	r.row("Seal", "%s", verifiesText(s.SealError))
	r.row("Message", "%s", verifiesText(s.MessageError))
	r.row("Server", "%s", s.AuthServID)
	r.row("Not readable", "%s", s.ResultsError)
	for _, m := range s.Results {
		text := m.Result
		for _, name := range slices.Sorted(maps.Keys(m.Properties)) {
			text += " " + name + "=" + m.Properties[name]
		}
		if m.Reason != "" {
			text += " (" + m.Reason + ")"
		}
		r.row("  "+printable(m.Method), "%s", text)
	}
}

// verifiesText tells whether a signature verifies, by the text of its error.
func verifiesText(problem string) string {
	if problem == "" {
		return "verifies"
	}
	return "not verified: " + problem
}
