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
	"mox/mbox"
	"mox/message"
	"mox/store"
)

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

// Resume returns where in the file a run that was interrupted is to go on, 0 for an
// import that never began.
func (im *MboxImport) Resume(ctx context.Context) (int64, error) {
	if im.Source == "" {
		return 0, nil
	}
	return importResume(ctx, im.Account, im.Mailbox, im.key)
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
	mb, err := importMailbox(ctx, im.Account, im.Mailbox)
	if err != nil {
		return progress, err
	}
	b := importBatch{account: im.Account, mailbox: mb.ID, spoolDir: im.SpoolDir, progress: &progress, told: im.Progress}
	if im.Source != "" {
		b.key = im.key(mb.ID)
	}
	defer b.reset()
	messages := mbox.NewReader(r, im.Offset)
	for {
		if err := ctx.Err(); err != nil {
			return progress, err
		}
		err := b.readMbox(messages)
		if errors.Is(err, io.EOF) {
			return progress, b.flush(ctx, messages.Offset())
		} else if err != nil {
			return progress, err
		}
		if b.full() {
			if err := b.flush(ctx, messages.Offset()); err != nil {
				return progress, err
			}
		}
	}
}

// readMbox reads the next message of a file into the batch.
func (b *importBatch) readMbox(messages *mbox.Reader) error {
	var sep mbox.Separator
	return b.add(func(w io.Writer) (err error) {
		sep, err = messages.Next(w)
		return err
	}, func(m *store.NewMessage) {
		m.Received = sep.Time
		if m.Received.IsZero() && m.Root.Envelope != nil {
			m.Received = m.Root.Envelope.Date
		}
		m.Flags, m.Keywords = mboxFlags(m.Root.Header)
	})
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
