package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mox/imap"
	"mox/mbox"
	"mox/message"
	"mox/store"
)

// ExportProgress tells how far an export is: the messages up to UID are complete in
// what was written.
type ExportProgress struct {
	UIDValidity uint32
	UID         imap.UID
	Messages    int64 // Exported in this run.
	Total       int64 // To be exported in this run.
	Bytes       int64 // Written in this run.
}

// MboxExport is an export of a mailbox to an mbox file.
type MboxExport struct {
	Account *store.Account
	Mailbox string

	// UIDValidity and After are those of the last progress of a run that was interrupted;
	// zero for a first run.
	UIDValidity uint32
	After       imap.UID

	// Progress is told after each message, when all of it was given to the writer. May
	// be nil. An error ends the run.
	Progress func(ExportProgress) error
}

// ErrUIDValidity is returned by MboxExport.Run if the mailbox is not the one that the
// first run exported.
var ErrUIDValidity = errors.New("the mailbox was deleted and made again since the export began; start again")

// Run writes the messages of the mailbox, as it is when the run begins, in the order of
// their UIDs. What is expunged meanwhile may be left out. The context ends a run
// between messages.
func (ex *MboxExport) Run(ctx context.Context, w io.Writer) (ExportProgress, error) {
	sel, err := exportMailbox(ctx, ex.Account, ex.Mailbox)
	if err != nil {
		return ExportProgress{}, err
	}
	defer sel.Close()
	view := sel.View()
	if ex.After != 0 && ex.UIDValidity != view.UIDValidity() {
		return ExportProgress{}, ErrUIDValidity
	}
	first := imap.SeqNum(1)
	if ex.After != 0 {
		first, _ = view.Seq(ex.After + 1) // The next one, if that does not exist.
	}
	progress := ExportProgress{UIDValidity: view.UIDValidity(), UID: ex.After, Total: int64(view.Len()) - int64(first) + 1}
	out := mbox.NewWriter(w)
	for _, entry := range view.All(first) {
		if err := ctx.Err(); err != nil {
			return progress, err
		}
		err := ex.message(ctx, out, entry)
		if errors.Is(err, store.ErrExpunged) {
			continue
		} else if err != nil {
			return progress, fmt.Errorf("message with UID %d: %w", entry.UID, err)
		}
		progress.UID, progress.Bytes = entry.UID, out.Written()
		progress.Messages++
		if ex.Progress != nil {
			if err := out.Flush(); err != nil {
				return progress, err
			}
			if err := ex.Progress(progress); err != nil {
				return progress, err
			}
		}
	}
	return progress, out.Flush()
}

// maxExportHeader is how much of a header is looked at for the sender.
const maxExportHeader = 64 << 10

func (ex *MboxExport) message(ctx context.Context, out *mbox.Writer, entry store.Entry) error {
	content, err := ex.Account.Open(ctx, store.System, entry.Email)
	if err != nil {
		return err
	}
	defer content.Close()
	sender, err := returnPath(content)
	if err != nil {
		return err
	}
	return out.Message(sender, entry.ReceivedTime(), io.NewSectionReader(content, 0, content.Size()))
}

// returnPath returns the address in the first Return-Path field, or "".
func returnPath(content *store.Content) (string, error) {
	header := make([]byte, min(content.Size(), maxExportHeader))
	if _, err := content.ReadAt(header, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	f, ok := message.FirstField(header, "Return-Path")
	if !ok {
		return "", nil
	}
	return strings.Trim(strings.TrimSpace(string(message.Unfold(f.Value))), "<>"), nil
}

// exportMailbox selects the mailbox of an export. The caller must close the selection.
func exportMailbox(ctx context.Context, a *store.Account, name string) (*store.Selection, error) {
	mb, err := a.MailboxByName(ctx, store.System, name)
	if err != nil {
		return nil, err
	}
	if mb.NoSelect {
		return nil, store.ErrNoMailbox
	}
	return a.Select(ctx, store.System, mb.ID)
}
