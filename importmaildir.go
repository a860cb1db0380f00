package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/internal/ctl"
	"mox/maildir"
	"mox/store"
)

func importMaildirCommand() *cobra.Command {
	var im maildirImport
	cmd := &cobra.Command{
		Use:   "maildir DIRECTORY",
		Short: "Import maildirs",
		Long: `Maildir imports the messages of a maildir and of all maildirs below it. Messages
of the directory itself go to Inbox, those of others to mailboxes of their
names, as in Maildir++ (".Lists.go" is Lists/go) or in plain directories
("Lists/go", LAYOUT=fs of Dovecot). Mailboxes are made if they do not exist.
With --mailbox, only the directory itself is imported, into that mailbox.

Messages are kept byte for byte, with CRLF line ends. Flags come from the names
of the files, keywords also from a file dovecot-keywords; the time a message was
received is that of its file, or that in its name if it is earlier. Nothing in
the directory is changed.

How far it came is remembered in the account, with each batch. After an
interruption the same command goes on where it stopped; later it imports what
has come since. For that it knows a directory by its path, and refuses if
messages that it imported are no longer there. With --again, everything is
imported whatever was imported before.

The names of the messages of one mailbox are kept in memory, messages are not.`,
		Example: `  mox import maildir --account ann /home/ann/Maildir
  mox import maildir --account ann --mailbox Archive/2025 /home/ann/Maildir/.old`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if im.p.Account == "" {
				return usagef("--account is missing")
			}
			folders, err := importFolders(args[0], im.p.Mailbox)
			if err != nil {
				return err
			}
			return withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				for _, f := range folders {
					if err := im.folder(ctx, cmd, c, f); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&im.p.Account, "account", "", "account to import into")
	cmd.Flags().StringVar(&im.p.Mailbox, "mailbox", "", "mailbox to import the directory itself into (default: all, by their names)")
	cmd.Flags().BoolVar(&im.again, "again", false, "import all, whatever was imported before")
	return cmd
}

// importFolders returns the folders of a directory with the mailboxes they go to.
func importFolders(dir, mailbox string) ([]maildir.Folder, error) {
	// The same directory must have the same name in each run.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	if mailbox != "" {
		if !maildir.IsFolder(dir) {
			return nil, fmt.Errorf("%s: %w", dir, maildir.ErrFormat)
		}
		return []maildir.Folder{{Dir: dir, Mailbox: mailbox}}, nil
	}
	folders, err := maildir.Folders(dir)
	for i := range folders {
		if folders[i].Mailbox == "" {
			folders[i].Mailbox = "Inbox"
		}
	}
	return folders, err
}

// maildirParams are the parameters of calls about maildirs.
type maildirParams struct {
	Account string
	Mailbox string
	Source  string // For import, see admin.MaildirImport.
}

// maildirImport is an import of maildirs.
type maildirImport struct {
	p     maildirParams
	again bool
}

// folder imports one folder.
func (im *maildirImport) folder(ctx context.Context, cmd *cobra.Command, c *ctl.Client, f maildir.Folder) error {
	messages, err := f.Messages()
	if err != nil {
		return err
	}
	p := im.p
	p.Mailbox = f.Mailbox
	skip := 0
	if !im.again {
		sum := sha256.Sum256([]byte(f.Dir))
		p.Source = hex.EncodeToString(sum[:16])
		var offset int64
		if err := c.Call(ctx, "import.maildir.resume", p, ctl.Streams{}, &offset); err != nil {
			return err
		}
		if skip, err = resumeAt(messages, offset); err != nil {
			return fmt.Errorf("%s: %w", f.Dir, err)
		}
		if skip > 0 && skip == len(messages) {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is in %s already; use --again to import it once more\n", f.Dir, p.Mailbox)
			return err
		}
	}

	in := &maildirStream{folder: f, messages: messages, skip: skip}
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pw.CloseWithError(in.write(pw))
	}()
	// The files must be closed when this returns.
	defer func() { pr.Close(); <-done }()

	line := newProgressLine(cmd.ErrOrStderr())
	var imported admin.ImportProgress
	err = c.Call(ctx, "import.maildir", p, ctl.Streams{
		Input: pr,
		Progress: decodeProgress(func(ip admin.ImportProgress) {
			imported = ip
			line.printf("%s: %d of %d messages", p.Mailbox, ip.Messages, len(messages)-skip)
		}),
	}, &imported)
	line.end()
	switch {
	case errors.Is(err, context.Canceled) && !im.again:
		return fmt.Errorf("interrupted in %s after %d messages; the same command goes on from here", p.Mailbox, imported.Messages)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted in %s; %d messages or more were imported", p.Mailbox, imported.Messages)
	case err != nil:
		return fmt.Errorf("%s: %w", f.Dir, err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "imported %d messages into %s\n", imported.Messages, p.Mailbox)
	return err
}

// prefixHash tells, of a row of messages, how many they are and, with 32 bits of a hash
// of their names, which: it is the offset that an import keeps.
type prefixHash struct {
	n int64
	h hash.Hash
}

func newPrefixHash() *prefixHash { return &prefixHash{h: sha256.New()} }

func (p *prefixHash) add(m maildir.Message) {
	// What follows a comma are remarks, which some programs add later.
	unique, _, _ := strings.Cut(m.Base, ",")
	p.h.Write([]byte(unique))
	p.h.Write([]byte{0})
	p.n++
}

func (p *prefixHash) offset() int64 {
	return p.n<<32 | int64(binary.BigEndian.Uint32(p.h.Sum(nil)))
}

// errMaildirChanged says that an import cannot tell what is new.
var errMaildirChanged = errors.New("messages that were imported from here are no longer there, so that it is not known which ones are missing in the account; import all again with --again, into an empty mailbox")

// resumeAt returns how many of the messages are in the account.
func resumeAt(messages []maildir.Message, offset int64) (int, error) {
	n := offset >> 32
	if n == 0 {
		return 0, nil
	}
	if n < 0 || n > int64(len(messages)) {
		return 0, errMaildirChanged
	}
	p := newPrefixHash()
	for _, m := range messages[:n] {
		p.add(m)
	}
	if p.offset() != offset {
		return 0, errMaildirChanged
	}
	return int(n), nil
}

// maildirStream makes the stream of messages that an import takes.
type maildirStream struct {
	folder   maildir.Folder
	messages []maildir.Message
	skip     int // So many are in the account.
}

func (s *maildirStream) write(w io.Writer) error {
	bw := bufio.NewWriterSize(w, 64<<10)
	p := newPrefixHash()
	for i, m := range s.messages {
		if i < s.skip {
			p.add(m)
			continue
		}
		if err := s.message(bw, m, p); err != nil {
			return err
		}
	}
	return bw.Flush()
}

func (s *maildirStream) message(w io.Writer, m maildir.Message, p *prefixHash) error {
	f, err := s.folder.Open(m)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // Removed while this runs, so it is not there when this is resumed either.
	} else if err != nil {
		return err
	}
	defer f.Close()
	p.add(m)
	head := admin.MessageHead{Size: f.Size, Flags: m.Flags, Keywords: m.Keywords, Received: f.Received, Offset: p.offset()}
	if err := admin.WriteMessage(w, head, f); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

func (p maildirParams) account() string { return p.Account }

func (o *operations) maildirImport(ctx context.Context, c *ctl.Call, f func(*admin.MaildirImport) (any, error)) (any, error) {
	return withAccount(ctx, o, c, func(p maildirParams, a *store.Account) (any, error) {
		return f(&admin.MaildirImport{Account: a, Mailbox: p.Mailbox, Source: p.Source, SpoolDir: spoolDir(o.live.Current())})
	})
}

func (o *operations) importMaildirResume(ctx context.Context, c *ctl.Call) (any, error) {
	return o.maildirImport(ctx, c, func(im *admin.MaildirImport) (any, error) { return im.Resume(ctx) })
}

func (o *operations) importMaildir(ctx context.Context, c *ctl.Call) (any, error) {
	return o.maildirImport(ctx, c, func(im *admin.MaildirImport) (any, error) {
		// A client that is gone is noticed by reading its input.
		im.Progress = func(p admin.ImportProgress) { c.Progress(p) }
		p, err := im.Run(ctx, c.Input())
		return p, quotaAdvice(err)
	})
}
