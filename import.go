package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/internal/ctl"
)

func importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Bring mail from files into an account",
		Long: `Import has a subcommand for each format of files with mail. All keep messages as
they are and can be interrupted and resumed.`,
		RunE: groupRun,
	}
	cmd.AddCommand(importMboxCommand(), importMaildirCommand())
	return cmd
}

func importMboxCommand() *cobra.Command {
	var p mboxParams
	var again bool
	cmd := &cobra.Command{
		Use:   "mbox FILE",
		Short: "Import an mbox file",
		Long: `Mbox imports the messages of a file in mbox format into a mailbox, which is made
if it does not exist. Messages are kept byte for byte, with CRLF line ends.
Their "From " line gives the time they were received; flags are taken from the
fields Status, X-Status, X-Keywords and X-Mozilla-Status.

How far it came is remembered in the account, with each batch. After an
interruption the same command goes on where it stopped; for a file that is in
the mailbox already it does nothing. With --again, or from standard input ("-"),
all of the file is imported whatever was imported before.`,
		Example: `  mox import mbox --account ann --mailbox Archive/2025 old.mbox
  mox import mbox --account ann - <old.mbox`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.Account == "" {
				return usagef("--account is missing")
			}
			return withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				if args[0] == "-" {
					return importMbox(ctx, cmd, c, p, cmd.InOrStdin(), 0)
				}
				return importMboxFile(ctx, cmd, c, p, args[0], again)
			})
		},
	}
	cmd.Flags().StringVar(&p.Account, "account", "", "account to import into")
	cmd.Flags().StringVar(&p.Mailbox, "mailbox", "Inbox", "mailbox to import into")
	cmd.Flags().BoolVar(&again, "again", false, "import all, whatever was imported before")
	return cmd
}

func importMboxFile(ctx context.Context, cmd *cobra.Command, c *ctl.Client, p mboxParams, path string, again bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return importMbox(ctx, cmd, c, p, f, 0)
	}
	if !again {
		if p.Source, err = fingerprint(f, fi.Size()); err != nil {
			return err
		}
		if err := c.Call(ctx, "import.mbox.resume", p, ctl.Streams{}, &p.Offset); err != nil {
			return err
		}
		if p.Offset > 0 && p.Offset >= fi.Size() {
			fmt.Fprintf(cmd.OutOrStdout(), "%s is in %s already; use --again to import it once more\n", path, p.Mailbox)
			return nil
		}
		if p.Offset > 0 {
			fmt.Fprintf(cmd.OutOrStdout(), "going on at byte %d of %d\n", p.Offset, fi.Size())
		}
	}
	if _, err := f.Seek(p.Offset, io.SeekStart); err != nil {
		return err
	}
	return importMbox(ctx, cmd, c, p, f, fi.Size())
}

// importMbox sends a file from p.Offset. Size is that of the whole file, 0 if unknown.
func importMbox(ctx context.Context, cmd *cobra.Command, c *ctl.Client, p mboxParams, r io.Reader, size int64) error {
	line := newProgressLine(cmd.ErrOrStderr())
	var done admin.ImportProgress
	err := c.Call(ctx, "import.mbox", p, ctl.Streams{
		Input: r,
		Progress: decodeProgress(func(ip admin.ImportProgress) {
			done = ip
			if size > 0 {
				line.printf("%d messages, %d%%", ip.Messages, percent(ip.Offset, size))
			} else {
				line.printf("%d messages, %d bytes", ip.Messages, ip.Offset)
			}
		}),
	}, &done)
	line.end()
	switch {
	case errors.Is(err, context.Canceled) && p.Source != "":
		return fmt.Errorf("interrupted after %d messages; the same command goes on from here", done.Messages)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted; %d messages or more were imported", done.Messages)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "imported %d messages into %s\n", done.Messages, p.Mailbox)
	return err
}

// fingerprint names a file by its size, beginning and end.
func fingerprint(f io.ReaderAt, size int64) (string, error) {
	const sample = 64 << 10
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", size)
	for _, offset := range []int64{0, max(0, size-sample)} {
		if _, err := io.Copy(h, io.NewSectionReader(f, offset, sample)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
