package store

import (
	"context"

	"mox/imap"
)

// SpecialUse is the role of a mailbox (RFC 6154 §2, RFC 8457). Empty for none.
type SpecialUse string

// Special uses. At most one mailbox of an account has each.
const (
	Archive SpecialUse = `\Archive`
	Drafts  SpecialUse = `\Drafts`
	Junk    SpecialUse = `\Junk`
	Sent    SpecialUse = `\Sent`
	Trash   SpecialUse = `\Trash`
)

// Counts are a mailbox' totals, kept in the transaction that changes them.
type Counts struct {
	Total   int64 // Messages.
	Unread  int64 // Without \Seen and without \Deleted: what faces show.
	Unseen  int64 // Without \Seen: what IMAP STATUS UNSEEN tells.
	Deleted int64 // With \Deleted.
	Size    int64 // Bytes, including prepended headers.
}

// Mailbox describes a mailbox at one moment.
type Mailbox struct {
	ID   MailboxID
	Name string // Full name in UTF-8 (NFC), components separated by "/". The inbox is "Inbox".

	UIDValidity uint32
	UIDNext     imap.UID
	ModSeq      imap.ModSeq // Highest modseq of a change in this mailbox (HIGHESTMODSEQ).
	Created     imap.ModSeq // Modseq of its creation.

	SpecialUse SpecialUse
	Subscribed bool
	Keywords   []string // In use or once used in this mailbox, sorted.

	// NoSelect is set on a name that exists only because mailboxes below it do.
	NoSelect bool
	// HasChildren is set if mailboxes below this name exist.
	HasChildren bool

	Counts Counts
}

// Mailboxes lists all mailboxes, sorted by name with Inbox first.
func (a *Account) Mailboxes(ctx context.Context, actor Actor) ([]Mailbox, error) {
	return *new([]Mailbox), errUnwritten
}

// MailboxByName returns the mailbox with the name. Inbox matches in any case.
// Returns ErrNoMailbox.
func (a *Account) MailboxByName(ctx context.Context, actor Actor, name string) (Mailbox, error) {
	return *new(Mailbox), errUnwritten
}

// MailboxByID returns the mailbox with the id. Returns ErrNoMailbox.
func (a *Account) MailboxByID(ctx context.Context, actor Actor, id MailboxID) (Mailbox, error) {
	return *new(Mailbox), errUnwritten
}

// CreateMailbox makes a mailbox and its missing parents; use may be empty.
// Returns ErrMailboxExists, ErrSpecialUseTaken or ErrBadName.
func (a *Account) CreateMailbox(ctx context.Context, actor Actor, name string, use SpecialUse) (Mailbox, error) {
	return *new(Mailbox), errUnwritten
}

// RenameMailbox renames a mailbox and those below it (RFC 9051 §6.3.6). Renaming
// Inbox moves its messages to a new mailbox and leaves Inbox, empty, in place.
// Returns ErrNoMailbox, ErrMailboxExists, ErrBadName.
func (a *Account) RenameMailbox(ctx context.Context, actor Actor, name, newName string) error {
	return errUnwritten
}

// DeleteMailbox removes a mailbox with its messages, in batches. A mailbox with
// children keeps its name as a NoSelect parent (RFC 9051 §6.3.5). Inbox cannot be deleted.
// Returns ErrNoMailbox, ErrMailboxInUse for Inbox and NoSelect names with children.
func (a *Account) DeleteMailbox(ctx context.Context, actor Actor, name string) error {
	return errUnwritten
}

// Subscribe and Unsubscribe keep a name on or off the list of subscriptions; the
// mailbox need not exist (RFC 9051 §6.3.7).
func (a *Account) Subscribe(ctx context.Context, actor Actor, name string) error { return errUnwritten }
func (a *Account) Unsubscribe(ctx context.Context, actor Actor, name string) error {
	return errUnwritten
}

// Subscriptions lists subscribed names, sorted, also of mailboxes that do not exist.
func (a *Account) Subscriptions(ctx context.Context, actor Actor) ([]string, error) {
	return *new([]string), errUnwritten
}
