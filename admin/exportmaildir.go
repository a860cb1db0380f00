package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mox/imap"
	"mox/store"
)

// MaildirExport is an export of a mailbox to a maildir.
type MaildirExport struct {
	Account *store.Account
	Mailbox string

	// Have are the names, of MessageHead, that are in the maildir, by what stands before
	// their last "U", with sets of the numbers after it: messages that are left out. See
	// AddExportName.
	Have map[string]imap.UIDSet

	// Progress is told after each message. May be nil. An error ends the run.
	Progress func(ExportProgress) error
}

// exportPrefix begins the names of messages of a mailbox: account, UIDVALIDITY and UID
// together are never used for another message (RFC 9051 §2.3.1.1).
func exportPrefix(account store.AccountID, uidValidity uint32) string {
	return strconv.FormatInt(int64(account), 36) + "V" + strconv.FormatUint(uint64(uidValidity), 10)
}

// AddExportName adds the name of a message to a set for MaildirExport. What is no such
// name is left out.
func AddExportName(have map[string]imap.UIDSet, name string) {
	i := strings.LastIndexByte(name, 'U')
	if i < 0 {
		return
	}
	uid, err := strconv.ParseUint(name[i+1:], 10, 32)
	if err != nil || uid == 0 {
		return
	}
	set := have[name[:i]]
	set.Add(imap.UID(uid))
	have[name[:i]] = set
}

// Run writes a stream of the messages of the mailbox that are not in the maildir, as it is
// when the run begins, in the order of their UIDs. What is expunged meanwhile may be left
// out. The context ends a run between messages.
func (ex *MaildirExport) Run(ctx context.Context, w io.Writer) (ExportProgress, error) {
	sel, err := exportMailbox(ctx, ex.Account, ex.Mailbox)
	if err != nil {
		return ExportProgress{}, err
	}
	defer sel.Close()
	view := sel.View()
	prefix := exportPrefix(ex.Account.ID(), view.UIDValidity())
	have := ex.Have[prefix]
	progress := ExportProgress{UIDValidity: view.UIDValidity()}
	for _, entry := range view.All(1) {
		if !have.Contains(entry.UID) {
			progress.Total++
		}
	}
	for _, entry := range view.All(1) {
		if err := ctx.Err(); err != nil {
			return progress, err
		}
		if have.Contains(entry.UID) {
			continue
		}
		size, err := ex.message(ctx, w, prefix, entry)
		if errors.Is(err, store.ErrExpunged) {
			continue
		} else if err != nil {
			return progress, fmt.Errorf("message with UID %d: %w", entry.UID, err)
		}
		progress.UID = entry.UID
		progress.Messages++
		progress.Bytes += size
		if ex.Progress != nil {
			if err := ex.Progress(progress); err != nil {
				return progress, err
			}
		}
	}
	return progress, nil
}

func (ex *MaildirExport) message(ctx context.Context, w io.Writer, prefix string, entry store.Entry) (int64, error) {
	content, err := ex.Account.Open(ctx, store.System, entry.Email)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	return content.Size(), WriteMessage(w, MessageHead{
		Size:     content.Size(),
		Flags:    entry.Flags,
		Keywords: ex.Account.KeywordNames(entry.Keywords),
		Received: entry.ReceivedTime(),
		Name:     prefix + "U" + strconv.FormatUint(uint64(entry.UID), 10),
	}, io.NewSectionReader(content, 0, content.Size()))
}
