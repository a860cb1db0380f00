package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/imap"
	"mox/internal/ctl"
	"mox/maildir"
)

func exportMaildirCommand() *cobra.Command {
	var p maildirParams
	var layout string
	cmd := &cobra.Command{
		Use:   "maildir DIRECTORY",
		Short: "Export to maildirs",
		Long: `Maildir writes mailboxes to a maildir, which is made if it does not exist: Inbox
to the directory itself, others to directories in it, as in Maildir++ (Lists/go
is ".Lists.go") or, with --layout fs, as with LAYOUT=fs of Dovecot ("Lists/go").
With --mailbox, that mailbox alone is written, to the directory itself.

Files have LF line ends; otherwise messages are kept byte for byte. Flags are in
the names of the files, keywords also in a file dovecot-keywords, which has room
for 26 in a mailbox. Files have the time at which the message was received.

Each file is complete and on disk when it appears in cur or new. Messages that
were exported to the same directory before are left as they are: after an
interruption the same command goes on where it stopped, and later it adds what
has come since. Nothing is removed.`,
		Example: `  mox export maildir --account ann backup/
  mox export maildir --account ann --mailbox Archive/2025 old/`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.Account == "" {
				return usagef("--account is missing")
			}
			ex := maildirExport{cmd: cmd, root: args[0]}
			switch layout {
			case "maildir++":
				ex.layout = maildir.PlusPlus
			case "fs":
				ex.layout = maildir.FS
			default:
				return usagef("--layout %q is unknown, use maildir++ or fs", layout)
			}
			return withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				if p.Mailbox != "" {
					return ex.folder(ctx, c, p, "")
				}
				return ex.all(ctx, c, p)
			})
		},
	}
	cmd.Flags().StringVar(&p.Account, "account", "", "account to export from")
	cmd.Flags().StringVar(&p.Mailbox, "mailbox", "", "mailbox to export, to the directory itself (default: all)")
	cmd.Flags().StringVar(&layout, "layout", "maildir++", "where mailboxes stand: maildir++ or fs")
	return cmd
}

// maildirExport is an export to maildirs.
type maildirExport struct {
	cmd    *cobra.Command
	root   string
	layout maildir.Layout
}

// all exports all mailboxes.
func (ex *maildirExport) all(ctx context.Context, c *ctl.Client, p maildirParams) error {
	var names []string
	if err := c.Call(ctx, "export.mailboxes", p, ctl.Streams{}, &names); err != nil {
		return err
	}
	// What others are in is a maildir too.
	if _, err := maildir.Create(ex.root, false); err != nil {
		return err
	}
	for _, name := range names {
		p.Mailbox = name
		folder := name
		if strings.EqualFold(name, "Inbox") {
			folder = ""
		}
		if err := ex.folder(ctx, c, p, folder); err != nil {
			return err
		}
	}
	return nil
}

// folder exports one mailbox to the folder of a name.
func (ex *maildirExport) folder(ctx context.Context, c *ctl.Client, p maildirParams, name string) error {
	dir := ex.layout.Dir(ex.root, name)
	w, err := maildir.Create(dir, name != "")
	if err != nil {
		return err
	}
	have, err := exportedNames(w)
	if err != nil {
		return err
	}

	line := newProgressLine(ex.cmd.ErrOrStderr())
	var total atomic.Int64 // As told so far, for the sink's goroutine.
	var done admin.ExportProgress
	out := newMaildirSink(w, func(n int64) {
		line.printf("%s: %d of %d messages", p.Mailbox, n, max(n, total.Load()))
	})
	err = c.Call(ctx, "export.maildir", p, ctl.Streams{
		Input:    have,
		Output:   out,
		Progress: decodeProgress(func(ep admin.ExportProgress) { total.Store(ep.Total) }),
	}, &done)
	written, werr := out.close()
	// What is there stays, and must not be half there after a power cut.
	werr = errors.Join(werr, w.Sync())
	line.end()
	switch {
	case werr != nil && !errors.Is(werr, io.ErrUnexpectedEOF):
		return werr // Why the call failed.
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted in %s after %d messages; the same command goes on from here", p.Mailbox, written)
	case err != nil:
		return fmt.Errorf("%s: %w", p.Mailbox, err)
	case werr != nil || written != done.Messages:
		return errors.Join(fmt.Errorf("%s: %d of %d messages were written", p.Mailbox, written, done.Messages), werr)
	}
	if dropped := w.Dropped(); len(dropped) > 0 {
		fmt.Fprintf(ex.cmd.ErrOrStderr(), "%s: a maildir has room for %d keywords; left out: %s\n", dir, maildir.MaxKeywords, strings.Join(dropped, " "))
	}
	_, err = fmt.Fprintf(ex.cmd.OutOrStdout(), "exported %d messages of %s to %s\n", written, p.Mailbox, dir)
	return err
}

// maildirHost is the last part of the names that mox gives to files, in place of a host.
const maildirHost = ".mox"

// maildirBase returns the base of the name of a file for a message.
func maildirBase(head admin.MessageHead) string {
	return strconv.FormatInt(max(0, head.Received.Unix()), 10) + "." + head.Name + maildirHost
}

// exportedNames returns, as input of a call, which messages of earlier exports are in a
// folder.
func exportedNames(w *maildir.Writer) (io.Reader, error) {
	bases, err := w.Bases()
	if err != nil {
		return nil, err
	}
	slices.Sort(bases)
	have := map[string]imap.UIDSet{}
	for _, base := range bases {
		if rest, ok := strings.CutSuffix(base, maildirHost); ok {
			_, name, _ := strings.Cut(rest, ".")
			admin.AddExportName(have, name)
		}
	}
	sets := map[string]string{}
	for prefix, set := range have {
		sets[prefix] = set.String()
	}
	data, err := json.Marshal(sets)
	return strings.NewReader(string(data)), err
}

// maildirSink takes a stream of messages and adds them to a folder.
type maildirSink struct {
	*io.PipeWriter
	done chan error
	n    int64
}

// newMaildirSink returns a sink; progress is called from another goroutine, now and then.
func newMaildirSink(w *maildir.Writer, progress func(n int64)) *maildirSink {
	pr, pw := io.Pipe()
	s := &maildirSink{PipeWriter: pw, done: make(chan error, 1)}
	go func() {
		err := s.read(admin.NewMessageReader(pr), w, throttled(progress))
		pr.CloseWithError(err)
		s.done <- err
	}()
	return s
}

func (s *maildirSink) read(messages *admin.MessageReader, w *maildir.Writer, progress func(n int64)) error {
	for {
		head, body, err := messages.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := w.Message(maildirBase(head), head.Flags, head.Keywords, head.Received, body); err != nil {
			return err
		}
		s.n++
		progress(s.n)
	}
}

// close waits until what was taken is written, and returns how many messages that were.
func (s *maildirSink) close() (int64, error) {
	s.Close()
	err := <-s.done
	return s.n, err
}

func (o *operations) exportMaildir(ctx context.Context, c *ctl.Call) (any, error) {
	var p maildirParams
	if err := c.Params(&p); err != nil {
		return nil, err
	}
	var sets map[string]string
	if err := json.NewDecoder(c.Input()).Decode(&sets); err != nil {
		return nil, err
	}
	have := map[string]imap.UIDSet{}
	for prefix, text := range sets {
		if text == "" {
			continue
		}
		set, err := imap.ParseSet[imap.UID](nil, []byte(text), len(text))
		if err != nil {
			return nil, err
		}
		have[prefix] = set
	}
	a, err := o.account(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	tell := throttled(func(p admin.ExportProgress) { c.Progress(p) })
	ex := admin.MaildirExport{Account: a, Mailbox: p.Mailbox, Have: have, Progress: func(p admin.ExportProgress) error {
		// A client that is gone is noticed by writing to it.
		tell(p)
		return nil
	}}
	return ex.Run(ctx, c.Output())
}
