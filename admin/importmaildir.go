package admin

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mox/maildir"
	"mox/store"
)

// MaildirImport is an import of the messages of a maildir into a mailbox.
type MaildirImport struct {
	Account *store.Account
	Mailbox string // Made when missing.

	// Source names the maildir. If not empty, how far the import came is kept in the account
	// under it, so that it can be resumed.
	Source string

	Progress func(ImportProgress) // Told after each batch. May be nil.
	SpoolDir string               // For large messages. Default: os.TempDir.
}

// Resume returns the offset of the last message of an earlier run that is in the account,
// 0 for an import that never began.
func (im *MaildirImport) Resume(ctx context.Context) (int64, error) {
	if im.Source == "" {
		return 0, nil
	}
	return importResume(ctx, im.Account, im.Mailbox, im.key)
}

func (im *MaildirImport) key(mailbox store.MailboxID) string {
	return fmt.Sprintf("maildir:%d:%s", mailbox, im.Source)
}

// Run imports a stream of messages as they are in files: they get CRLF line ends, and stay
// otherwise as they are. Messages without time get that of their Date field, or else the
// present one.
//
// They are added in batches, each in one transaction with the offset of its last message.
// When the context ends, or an error of r or the store is met, what was added stays.
func (im *MaildirImport) Run(ctx context.Context, r io.Reader) (ImportProgress, error) {
	var progress ImportProgress
	mb, err := importMailbox(ctx, im.Account, im.Mailbox)
	if err != nil {
		return progress, err
	}
	b := importBatch{account: im.Account, mailbox: mb.ID, spoolDir: im.SpoolDir, progress: &progress, told: im.Progress}
	if im.Source != "" {
		b.key = im.key(mb.ID)
	}
	defer b.reset()
	messages := NewMessageReader(r)
	var offset int64
	for {
		if err := ctx.Err(); err != nil {
			return progress, err
		}
		head, body, err := messages.Next()
		if errors.Is(err, io.EOF) {
			return progress, b.flush(ctx, offset)
		} else if err != nil {
			return progress, err
		}
		err = b.add(func(w io.Writer) error {
			_, err := io.Copy(w, maildir.NewReader(body))
			return err
		}, func(m *store.NewMessage) {
			m.Flags, m.Keywords, m.Received = head.Flags, head.Keywords, head.Received
			if m.Received.IsZero() && m.Root.Envelope != nil {
				m.Received = m.Root.Envelope.Date
			}
		})
		if err != nil {
			return progress, err
		}
		offset = head.Offset
		if b.full() {
			if err := b.flush(ctx, offset); err != nil {
				return progress, err
			}
		}
	}
}
