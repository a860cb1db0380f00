package admin

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mox/internal/spool"
	"mox/message"
	"mox/store"
)

// ImportProgress tells how far an import is. All up to Offset is durable.
type ImportProgress struct {
	Messages int64 // Imported in this run.
	Offset   int64 // In the file.
}

const (
	importBatchMessages = 200
	importBatchBytes    = 4 << 20
)

// importMailbox returns a mailbox, which is made if it does not exist.
func importMailbox(ctx context.Context, a *store.Account, name string) (store.Mailbox, error) {
	mb, err := a.MailboxByName(ctx, store.System, name)
	if errors.Is(err, store.ErrNoMailbox) || err == nil && mb.NoSelect {
		return a.CreateMailbox(ctx, store.System, name, "")
	}
	return mb, err
}

// importResume returns the offset that is kept for a mailbox, under the key that key
// returns for it; 0 if there is none.
func importResume(ctx context.Context, a *store.Account, mailbox string, key func(store.MailboxID) string) (int64, error) {
	mb, err := a.MailboxByName(ctx, store.System, mailbox)
	if errors.Is(err, store.ErrNoMailbox) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return a.ImportProgress(ctx, key(mb.ID))
}

// importBatch is messages that are added together.
type importBatch struct {
	account  *store.Account
	mailbox  store.MailboxID
	key      string // For how far the import came; empty to keep nothing.
	spoolDir string
	progress *ImportProgress
	told     func(ImportProgress) // May be nil.

	messages []store.NewMessage
	bodies   []*spool.Buffer
	bytes    int64
}

// full tells that the batch is to be flushed.
func (b *importBatch) full() bool {
	return len(b.messages) >= importBatchMessages || b.bytes >= importBatchBytes
}

// add adds the message that read writes, with what set sets besides its body. It returns
// the error of read.
func (b *importBatch) add(read func(w io.Writer) error, set func(*store.NewMessage)) error {
	body := spool.New(b.spoolDir, 0)
	b.bodies = append(b.bodies, body)
	parser := message.NewParser(message.Options{})
	if err := read(io.MultiWriter(body, parser)); err != nil {
		return err
	}
	root, err := parser.Finish()
	if err != nil {
		return err
	}
	m := store.NewMessage{Body: body, Size: body.Size(), Root: root}
	set(&m)
	b.messages = append(b.messages, m)
	b.bytes += m.Size
	return nil
}

// flush adds the batch. Everything before offset is then in the account.
func (b *importBatch) flush(ctx context.Context, offset int64) error {
	if len(b.messages) == 0 && offset == b.progress.Offset {
		return nil
	}
	if len(b.messages) > 0 {
		var p *store.Progress
		if b.key != "" {
			p = &store.Progress{Key: b.key, Offset: offset}
		}
		if _, err := b.account.Append(ctx, store.System, b.mailbox, b.messages, p); err != nil {
			return fmt.Errorf("adding messages, %d of this run are in: %w", b.progress.Messages, err)
		}
	}
	b.progress.Messages += int64(len(b.messages))
	b.progress.Offset = offset
	b.reset()
	if b.told != nil {
		b.told(*b.progress)
	}
	return nil
}

func (b *importBatch) reset() {
	for _, body := range b.bodies {
		body.Close()
	}
	clear(b.messages)
	clear(b.bodies)
	b.messages, b.bodies, b.bytes = b.messages[:0], b.bodies[:0], 0
}
