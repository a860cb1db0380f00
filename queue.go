package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mox/internal/ctl"
	"mox/queuedb"
	"mox/smtp"
)

func queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Show and change the queue of outgoing mail",
		Long: `Queue has subcommands that show the messages on their way to other servers, and
that change when and whether they are delivered. Each recipient of a message is
an entry of its own.

Which entries are meant is said by ids, as "mox queue list" shows them, and by
flags. Given several flags, entries must match all. A subcommand that changes
entries wants ids, a flag, or --all.`,
		RunE: groupRun,
	}
	cmd.AddCommand(
		queueListCommand(),
		queueChangeCommand("hold", "Keep entries from being delivered",
			`Hold keeps entries in the queue without trying to deliver them, until "mox queue
unhold". Use it while the receiving server is broken in a way that would make it
refuse mail, or to look at suspicious messages first.`),
		queueChangeCommand("unhold", "Deliver held entries",
			`Unhold lets entries be delivered again that "mox queue hold" kept.`),
		queueScheduleCommand(),
		queueChangeCommand("fail", "Give up on entries and tell the sender",
			`Fail gives up delivering entries. The sender gets a message that says so, as for
any failed delivery.`),
		queueChangeCommand("drop", "Remove entries silently",
			`Drop removes entries from the queue without telling the sender.`),
		queueDumpCommand(),
	)
	return cmd
}

// queueFilter has the flags that select entries.
type queueFilter struct {
	filter queuedb.Filter
	state  string
	all    bool
}

func (f *queueFilter) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.filter.Account, "account", "", "entries that this account submitted")
	cmd.Flags().StringVar(&f.filter.From, "from", "", `entries with this in the sender's address; "<>" for none`)
	cmd.Flags().StringVar(&f.filter.To, "to", "", "entries with this in the recipient's address")
	cmd.Flags().StringVar(&f.filter.Domain, "domain", "", "entries for this destination domain")
	cmd.Flags().StringVar(&f.state, "state", "", "entries that are waiting, held, delivered, failed or dropped")
}

// parse returns the filter for the flags and ids.
func (f *queueFilter) parse(args []string) (queuedb.Filter, error) {
	filter := f.filter
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id <= 0 {
			return filter, usagef("%q is not an id; ids are in the first column of \"mox queue list\"", arg)
		}
		filter.IDs = append(filter.IDs, queuedb.RecipientID(id))
	}
	if f.state != "" {
		for _, s := range []queuedb.State{queuedb.Waiting, queuedb.Held, queuedb.Delivered, queuedb.Failed, queuedb.Dropped} {
			if s.String() == f.state {
				filter.States = []queuedb.State{s}
			}
		}
		if filter.States == nil {
			return filter, usagef("unknown state %q; use waiting, held, delivered, failed or dropped", f.state)
		}
	}
	return filter, nil
}

// selects tells whether anything was said about which entries are meant.
func (f *queueFilter) selects(args []string) bool {
	return f.all || len(args) > 0 || f.state != "" || f.filter.Account != "" || f.filter.From != "" || f.filter.To != "" || f.filter.Domain != ""
}

func queueListCommand() *cobra.Command {
	var f queueFilter
	var asJSON, final bool
	cmd := &cobra.Command{
		Use:   "list [id ...]",
		Short: "List the queue",
		Long: `List shows the entries of the queue: id, id of the message, age, size in bytes,
state, number of attempts, time until the next one, when its sender wanted it to
be sent if that was not at once, what its sender said about TLS, sender,
recipient, and what the last attempt gave.

Entries that were delivered or given up on are kept for some days; --final shows
them too.`,
		Example: `  mox queue list
  mox queue list --to example.org --state held`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := f.parse(args)
			if err != nil {
				return err
			}
			filter.OpenOnly = !final && filter.States == nil && filter.IDs == nil
			out := newQueuePrinter(cmd.OutOrStdout(), asJSON)
			err = withServerOr(cmd, reading, func(ctx context.Context, c *ctl.Client) error {
				// In pages, so that the length of the queue does not matter.
				p := queueParams{Filter: filter, Page: queuedb.Page{Limit: 500}}
				for {
					var l []queuedb.Entry
					if err := c.Call(ctx, "queue.list", p, ctl.Streams{}, &l); err != nil {
						return err
					}
					for _, e := range l {
						if err := out.entry(e); err != nil {
							return err
						}
						p.Page.After = e.Recipient.ID
					}
					if len(l) < p.Page.Limit {
						return nil
					}
					if err := out.flush(); err != nil {
						return err
					}
				}
			})
			if err != nil {
				return err
			}
			return out.end()
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	cmd.Flags().BoolVar(&final, "final", false, "also entries that are done")
	return cmd
}

func queueChangeCommand(name, short, long string) *cobra.Command {
	var f queueFilter
	cmd := &cobra.Command{
		Use:     name + " [id ...]",
		Short:   short,
		Long:    long + "\n\nIt prints the number of entries changed. If none matches, the exit code is 1.",
		Example: fmt.Sprintf("  mox queue %s 12 13\n  mox queue %s --to example.org", name, name),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeQueue(cmd, &f, args, "queue."+name, time.Time{})
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "all entries")
	return cmd
}

func queueScheduleCommand() *cobra.Command {
	var f queueFilter
	var in time.Duration
	cmd := &cobra.Command{
		Use:   "schedule [id ...]",
		Short: "Set the time of the next attempt",
		Long: `Schedule sets when entries are tried next: at once, or after the time given by
--in. Held entries stay held. Use it when a receiving server works again, so
that its mail need not wait for the next regular attempt. Entries whose sender
wants them to be sent later are left alone, unless given by id.

It prints the number of entries changed. If none matches, the exit code is 1.`,
		Example: `  mox queue schedule --all
  mox queue schedule --in 2h30m --domain example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if in < 0 {
				return usagef("--in %s is in the past", in)
			}
			return changeQueue(cmd, &f, args, "queue.schedule", time.Now().Add(in))
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "all entries")
	cmd.Flags().DurationVar(&in, "in", 0, "time from now, e.g. 90s or 2h30m")
	return cmd
}

func changeQueue(cmd *cobra.Command, f *queueFilter, args []string, call string, next time.Time) error {
	filter, err := f.parse(args)
	if err != nil {
		return err
	}
	if !f.selects(args) {
		return usagef("say which entries: ids, a flag, or --all")
	}
	return withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
		var n int
		if err := c.Call(ctx, call, queueParams{Filter: filter, Next: next}, ctl.Streams{}, &n); err != nil {
			return err
		}
		if n == 0 && !f.all {
			// Those that match may be as they are to be, which is no failure.
			var l []queuedb.Entry
			if err := c.Call(ctx, "queue.list", queueParams{Filter: filter, Page: queuedb.Page{Limit: 1}}, ctl.Streams{}, &l); err != nil {
				return err
			}
			if len(l) == 0 {
				return errors.New("no entry of the queue matches; \"mox queue list --final\" shows all, with their ids in the first column")
			}
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), n)
		return err
	})
}

func queueDumpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "dump id",
		Short: "Print a message",
		Long: `Dump prints a message of the queue as it was submitted or received. The id is
that of the message, in the second column of "mox queue list".`,
		Example: "  mox queue dump 7 >message.eml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id <= 0 {
				return usagef("%q is not an id; ids of messages are in the second column of \"mox queue list\"", args[0])
			}
			return withServerOr(cmd, reading, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "queue.dump", queueParams{Message: queuedb.MessageID(id)}, ctl.Streams{Output: messageOutput(cmd.OutOrStdout())}, nil)
			})
		},
	}
}

// queuePrinter prints entries as a table, or as JSON.
type queuePrinter struct {
	json  *json.Encoder
	table *tabwriter.Writer
	rows  int
	now   time.Time
}

func newQueuePrinter(w io.Writer, asJSON bool) *queuePrinter {
	if asJSON {
		return &queuePrinter{json: json.NewEncoder(w)}
	}
	return &queuePrinter{table: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0), now: time.Now()}
}

// entryJSON is an entry as printed by "mox queue list --json".
type entryJSON struct {
	ID          queuedb.RecipientID `json:"id"`
	MessageID   queuedb.MessageID   `json:"messageId"`
	State       string              `json:"state"`
	From        string              `json:"from"`
	To          string              `json:"to"`
	Account     string              `json:"account,omitempty"`
	Subject     string              `json:"subject,omitempty"`
	Size        int64               `json:"size"`
	Received    time.Time           `json:"received"`
	Attempts    int                 `json:"attempts"`
	NextAttempt *time.Time          `json:"nextAttempt,omitempty"`
	SendAt      *time.Time          `json:"sendAt,omitempty"`
	RequireTLS  string              `json:"requireTLS,omitempty"`
	Last        string              `json:"last,omitempty"`
}

func (p *queuePrinter) entry(e queuedb.Entry) error {
	m, r := e.Message, e.Recipient
	last := ""
	if n := len(r.Results); n > 0 {
		last = r.Results[n-1].Text
	}
	if p.json != nil {
		j := entryJSON{
			ID: r.ID, MessageID: m.ID, State: r.State.String(), From: m.MailFrom.String(), To: r.Path.String(),
			Account: m.Account, Subject: m.Subject, Size: m.Size, Received: m.Received, Attempts: r.Attempts, Last: last,
		}
		if !r.NextAttempt.IsZero() {
			j.NextAttempt = &r.NextAttempt
		}
		if !m.SendAt.IsZero() {
			j.SendAt = &m.SendAt
		}
		j.RequireTLS = m.RequireTLS.String()
		return p.json.Encode(j)
	}
	if p.rows == 0 {
		fmt.Fprintln(p.table, "ID\tMESSAGE\tAGE\tSIZE\tSTATE\tTRIES\tNEXT\tSEND\tTLS\tFROM\tTO\tLAST")
	}
	p.rows++
	next := "-"
	if r.State == queuedb.Waiting {
		next = "now"
		if d := r.NextAttempt.Sub(p.now); d > 0 {
			next = d.Round(time.Second).String()
		}
	}
	send, requires := "-", "-"
	if !m.SendAt.IsZero() {
		send = m.SendAt.Local().Format("2006-01-02T15:04:05")
	}
	if s := m.RequireTLS.String(); s != "" {
		requires = strings.ReplaceAll(s, " ", "-")
	}
	_, err := fmt.Fprintf(p.table, "%d\t%d\t%s\t%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, m.ID, p.now.Sub(m.Received).Round(time.Second), m.Size,
		r.State, r.Attempts, next, send, requires, pathText(m.MailFrom), pathText(r.Path), printable(last))
	return err
}

func pathText(p smtp.Path) string {
	if p.IsZero() {
		return "<>"
	}
	return printable(p.String())
}

// flush prints the rows so far. The columns of later ones may have another width.
func (p *queuePrinter) flush() error {
	if p.table == nil {
		return nil
	}
	return p.table.Flush()
}

func (p *queuePrinter) end() error {
	if p.table != nil && p.rows == 0 {
		fmt.Fprintln(p.table, "no entries")
	}
	return p.flush()
}
