package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/imap"
	"mox/internal/atomicfile"
	"mox/internal/ctl"
)

func exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the mail of an account to files",
		Long: `Export has a subcommand for each format of files with mail. All keep messages as
they are and can be interrupted and resumed.`,
		RunE: groupRun,
	}
	cmd.AddCommand(exportMboxCommand(), exportMaildirCommand())
	return cmd
}

func exportMboxCommand() *cobra.Command {
	var p mboxParams
	cmd := &cobra.Command{
		Use:   "mbox DESTINATION",
		Short: "Export to mbox files",
		Long: `Mbox writes mailboxes to files in mbox format (mboxrd). With --mailbox, the
destination is a file, or "-" for standard output. Otherwise it is a directory,
which is made if it does not exist, and gets a file for each mailbox that holds
messages.

Files have LF line ends; otherwise messages are kept byte for byte. Flags are
not written. A file that exists already is not touched.

While it runs, the file is called DESTINATION.part, and DESTINATION.resume tells
how much of it is complete. After an interruption the same command goes on where
it stopped.`,
		Example: `  mox export mbox --account ann --mailbox Archive archive.mbox
  mox export mbox --account ann backup/`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.Account == "" {
				return usagef("--account is missing")
			}
			return withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				switch {
				case p.Mailbox == "" && args[0] == "-":
					return usagef("for standard output, name one mailbox with --mailbox")
				case p.Mailbox == "":
					return exportMboxes(ctx, cmd, c, p, args[0])
				case args[0] == "-":
					return c.Call(ctx, "export.mbox", p, ctl.Streams{Output: messageOutput(cmd.OutOrStdout())}, nil)
				}
				return exportMboxFile(ctx, cmd, c, p, args[0])
			})
		},
	}
	cmd.Flags().StringVar(&p.Account, "account", "", "account to export from")
	cmd.Flags().StringVar(&p.Mailbox, "mailbox", "", "mailbox to export (default: all)")
	return cmd
}

// exportMboxes exports all mailboxes into a directory. Those whose file is there were
// exported by an earlier run.
func exportMboxes(ctx context.Context, cmd *cobra.Command, c *ctl.Client, p mboxParams, dir string) error {
	var names []string
	if err := c.Call(ctx, "export.mailboxes", p, ctl.Streams{}, &names); err != nil {
		return err
	}
	for _, name := range names {
		p.Mailbox = name
		path := filepath.Join(dir, filepath.FromSlash(mboxFileName(name)))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		err := exportMboxFile(ctx, cmd, c, p, path)
		if errors.Is(err, fs.ErrExist) {
			fmt.Fprintln(cmd.ErrOrStderr(), err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// mboxFileName returns the path, with slashes, of the file for a mailbox. It is another one for each
// mailbox: what means something to file systems, or to an export, is written as %XX.
func mboxFileName(mailbox string) string {
	parts := strings.Split(mailbox, "/")
	for i, part := range parts {
		var b strings.Builder
		for k := range len(part) {
			switch c := part[k]; {
			case c < ' ' || c == 0x7f || c == '\\' || c == ':' || c == '%', c == '.' && (k == 0 || isExportSuffix(part[k:])):
				fmt.Fprintf(&b, "%%%02X", c)
			default:
				b.WriteByte(c)
			}
		}
		parts[i] = b.String()
	}
	return strings.Join(parts, "/") + ".mbox"
}

// isExportSuffix tells the suffixes of files that an export makes. A mailbox that has one, and mailboxes below it,
// would get a directory of that name.
func isExportSuffix(s string) bool { return s == ".mbox" || s == ".part" || s == ".resume" }

// exportState is what is kept to resume an export: the first Size bytes of the file
// are the messages up to UID.
type exportState struct {
	Account, Mailbox string
	UIDValidity      uint32
	UID              imap.UID
	Size             int64
}

// exportMboxFile exports one mailbox to a file. It returns an error that wraps
// fs.ErrExist if that is there already.
func exportMboxFile(ctx context.Context, cmd *cobra.Command, c *ctl.Client, p mboxParams, path string) (rerr error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w; it is left as it is", path, fs.ErrExist)
	}
	state, err := readExportState(path+".resume", p)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // Fails after a successful close, harmlessly.
	defer func() {
		if fi, err := f.Stat(); rerr != nil && err == nil && fi.Size() == 0 {
			os.Remove(f.Name())
		}
	}()
	if fi, err := f.Stat(); err != nil {
		return err
	} else if fi.Size() < state.Size {
		// The file was removed or cut: what the state tells of is not there.
		state = exportState{Account: p.Account, Mailbox: p.Mailbox}
	}
	if err := f.Truncate(state.Size); err != nil {
		return err
	}
	if _, err := f.Seek(state.Size, io.SeekStart); err != nil {
		return err
	}
	p.UIDValidity, p.After = state.UIDValidity, state.UID

	line := newProgressLine(cmd.ErrOrStderr())
	start := state.Size
	var saved error
	var done admin.ExportProgress
	err = c.Call(ctx, "export.mbox", p, ctl.Streams{
		Output: f,
		Progress: decodeProgress(func(ep admin.ExportProgress) {
			line.printf("%s: %d of %d messages, %d bytes", p.Mailbox, ep.Messages, ep.Total, ep.Bytes)
			state.UIDValidity, state.UID, state.Size = ep.UIDValidity, ep.UID, start+ep.Bytes
			saved = errors.Join(saved, state.write(path+".resume", f))
		}),
	}, &done)
	line.end()
	if err := errors.Join(err, saved); errors.Is(err, context.Canceled) {
		return errors.New("interrupted; the same command goes on from here")
	} else if err != nil {
		return err
	}
	if err := finishExport(f, path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "exported %d messages of %s to %s\n", done.Messages, p.Mailbox, path)
	return err
}

// finishExport makes the file durable under its name.
func finishExport(f *os.File, path string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	if err := os.Remove(path + ".resume"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// readExportState returns where an interrupted export stands, or the beginning.
func readExportState(path string, p mboxParams) (exportState, error) {
	begin := exportState{Account: p.Account, Mailbox: p.Mailbox}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return begin, nil
	} else if err != nil {
		return begin, err
	}
	var state exportState
	if err := json.Unmarshal(data, &state); err != nil || state.Account != p.Account || state.Mailbox != p.Mailbox {
		return begin, fmt.Errorf("%s is not of an export of mailbox %s of account %s; remove it to begin anew", path, p.Mailbox, p.Account)
	}
	return state, nil
}

// write makes the state durable, after what it says about the file.
func (s exportState) write(path string, f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, data, 0o600)
}
