package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mox/imap"
	"mox/internal/spool"
	"mox/mbox"
	"mox/message"
	"mox/store"
)

// ImportProgress tells how far an import is. All up to Offset is durable.
type ImportProgress struct {
	Messages int64 // Imported in this run.
	Offset   int64 // In the file.
}

// MboxImport is an import of an mbox file into a mailbox.
type MboxImport struct {
	Account *store.Account
	Mailbox string // Made when missing.

	// Source names the file and its content, e.g. by a checksum. If not empty, how far the
	// import came is kept in the account under it, so that it can be resumed.
	Source string

	Offset   int64                // Where in the file the reader begins: 0, or what Resume returned.
	Progress func(ImportProgress) // Told after each batch. May be nil.
	SpoolDir string               // For large messages. Default: os.TempDir.
}

const (
	importBatchMessages = 200
	importBatchBytes    = 4 << 20
)

// Resume returns where in the file a run that was interrupted is to go on, 0 for an
// import that never began.
func (im *MboxImport) Resume(ctx context.Context) (int64, error) {
	if im.Source == "" {
		return 0, nil
	}
	mb, err := im.Account.MailboxByName(ctx, store.System, im.Mailbox)
	if errors.Is(err, store.ErrNoMailbox) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return im.Account.ImportProgress(ctx, im.key(mb.ID))
}

// key includes the mailbox: one that was deleted and made again has another id.
func (im *MboxImport) key(mailbox store.MailboxID) string {
	return fmt.Sprintf("mbox:%d:%s", mailbox, im.Source)
}

// Run imports the messages of an mbox file, from Offset, with CRLF line ends and
// otherwise as they are. Messages get the time of their "From " line, or else of
// their Date field, as internal date, and flags by the fields Status, X-Status and
// X-Keywords that mail programs leave.
//
// They are added in batches, each in one transaction with how far it came. When the
// context ends, or an error of r or the store is met, what was added stays.
func (im *MboxImport) Run(ctx context.Context, r io.Reader) (ImportProgress, error) {
	progress := ImportProgress{Offset: im.Offset}
	mb, err := im.mailbox(ctx)
	if err != nil {
		return progress, err
	}
	b := importBatch{im: im, mailbox: mb.ID, progress: &progress}
	defer b.reset()
	messages := mbox.NewReader(r, im.Offset)
	for {
		if err := ctx.Err(); err != nil {
			return progress, err
		}
		err := b.read(messages)
		if errors.Is(err, io.EOF) {
			return progress, b.flush(ctx, messages.Offset())
		} else if err != nil {
			return progress, err
		}
		if len(b.messages) >= importBatchMessages || b.bytes >= importBatchBytes {
			if err := b.flush(ctx, messages.Offset()); err != nil {
				return progress, err
			}
		}
	}
}

func (im *MboxImport) mailbox(ctx context.Context) (store.Mailbox, error) {
	mb, err := im.Account.MailboxByName(ctx, store.System, im.Mailbox)
	if errors.Is(err, store.ErrNoMailbox) || err == nil && mb.NoSelect {
		return im.Account.CreateMailbox(ctx, store.System, im.Mailbox, "")
	}
	return mb, err
}

// importBatch is messages that are added together.
type importBatch struct {
	im       *MboxImport
	mailbox  store.MailboxID
	progress *ImportProgress
	messages []store.NewMessage
	bodies   []*spool.Buffer
	bytes    int64
}

// read reads the next message into the batch.
func (b *importBatch) read(messages *mbox.Reader) error {
	body := spool.New(b.im.SpoolDir, 0)
	b.bodies = append(b.bodies, body)
	parser := message.NewParser(message.Options{})
	sep, err := messages.Next(io.MultiWriter(body, parser))
	if err != nil {
		return err
	}
	root, err := parser.Finish()
	if err != nil {
		return err
	}
	m := store.NewMessage{Body: body, Size: body.Size(), Root: root, Received: sep.Time}
	if m.Received.IsZero() && root.Envelope != nil {
		m.Received = root.Envelope.Date
	}
	m.Flags, m.Keywords = mboxFlags(root.Header)
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
		if b.im.Source != "" {
			p = &store.Progress{Key: b.im.key(b.mailbox), Offset: offset}
		}
		if _, err := b.im.Account.Append(ctx, store.System, b.mailbox, b.messages, p); err != nil {
			return fmt.Errorf("adding messages up to byte %d: %w", offset, err)
		}
	}
	b.progress.Messages += int64(len(b.messages))
	b.progress.Offset = offset
	b.reset()
	if b.im.Progress != nil {
		b.im.Progress(*b.progress)
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

// mboxFlags returns the flags that mail programs keep in the header of messages in
// mbox files: Status and X-Status by mutt and others, X-Keywords by Dovecot and
// uw-imap, X-Mozilla-Status by Thunderbird.
func mboxFlags(header []byte) (flags imap.Flags, keywords []string) {
	letters := func(name string, m map[rune]imap.Flags) {
		if f, ok := message.FirstField(header, name); ok {
			for _, c := range f.Text() {
				flags |= m[c]
			}
		}
	}
	letters("Status", map[rune]imap.Flags{'R': imap.FlagSeen})
	letters("X-Status", map[rune]imap.Flags{'A': imap.FlagAnswered, 'F': imap.FlagFlagged, 'T': imap.FlagDraft, 'D': imap.FlagDeleted})
	if f, ok := message.FirstField(header, "X-Mozilla-Status"); ok {
		if bits, err := strconv.ParseUint(strings.TrimSpace(f.Text()), 16, 16); err == nil {
			for bit, flag := range map[uint64]imap.Flags{1: imap.FlagSeen, 2: imap.FlagAnswered, 4: imap.FlagFlagged, 8: imap.FlagDeleted} {
				if bits&bit != 0 {
					flags |= flag
				}
			}
		}
	}
	if f, ok := message.FirstField(header, "X-Keywords"); ok {
		for _, word := range strings.Fields(f.Text()) {
			keyword, err := imap.CanonicalKeyword(word)
			same := func(other string) bool { return imap.EqualKeyword(keyword, other) }
			if err == nil && !slices.ContainsFunc(keywords, same) {
				keywords = append(keywords, keyword)
			}
		}
	}
	return flags, keywords
}
