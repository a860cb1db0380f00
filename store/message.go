package store

import (
	"context"
	"io"
	"time"

	"mox/imap"
	"mox/message"
)

// NewMessage is a message to be added. The store reads Body while the call runs and
// keeps no reference to it.
type NewMessage struct {
	// Prefix is the header mox prepends: whole fields, each ended by CRLF. Offsets and
	// sizes that the store tells count from the start of the prefix.
	Prefix []byte

	Body io.ReaderAt // Message as received, Size bytes.
	Size int64

	// Root is the parsed Body, with offsets relative to Body. If nil, the store parses.
	Root *message.Part

	Received time.Time // INTERNALDATE. Zero for now.
	Flags    imap.Flags
	Keywords []string

	// Auth holds message authentication results and other facts for later decisions,
	// opaque to the store.
	Auth []byte
}

// Delivery is a message for one mailbox of the account, addressed by name because the
// mailbox may not exist yet.
type Delivery struct {
	NewMessage
	Mailbox string // Created when missing. Empty for Inbox.

	// ID makes the delivery idempotent: an id seen in the last 7 days is reported as
	// delivered again without adding a message. Empty for no such check.
	ID string

	// IgnoreQuota lets the message in when the account is full.
	IgnoreQuota bool
}

// Added tells where a new message is.
type Added struct {
	Mailbox     MailboxID
	UIDValidity uint32
	UID         imap.UID
	ModSeq      imap.ModSeq
	Email       EmailID
	Thread      ThreadID
	Duplicate   bool // Delivery.ID was seen before; other fields are zero.
}

// Deliver adds a message; it is durable when Deliver returns without error. Deliveries
// that wait at the same time share one sync and one transaction. The context ends the
// waiting for a place in the queue; a delivery that the committer has begun is finished.
// Returns ErrQuota, ErrBadName, ErrClosed, and errors of the disk, which are temporary.
func (a *Account) Deliver(ctx context.Context, actor Actor, d Delivery) (Added, error) {
	return *new(Added), errUnwritten
}

// Append adds messages to one mailbox in one transaction, all or none (RFC 3502,
// RFC 9051 §6.3.12). progress, if not nil, is stored in the same transaction.
// Returns ErrNoMailbox, ErrQuota.
func (a *Account) Append(ctx context.Context, actor Actor, mailbox MailboxID, msgs []NewMessage, progress *Progress) ([]Added, error) {
	return *new([]Added), errUnwritten
}

// Progress records how far a long import came, so that it can be resumed.
type Progress struct {
	Key    string // Names the source, e.g. a fingerprint of the file and mailbox.
	Offset int64  // All before this offset is in the account.
}

// ImportProgress returns the recorded offset for key, zero if there is none.
func (a *Account) ImportProgress(ctx context.Context, key string) (int64, error) {
	return *new(int64), errUnwritten
}

// FlagOp is what SetFlags does with the flags given.
type FlagOp uint8

// Operations of STORE (RFC 9051 §6.4.6).
const (
	FlagsAdd FlagOp = iota
	FlagsRemove
	FlagsReplace
)

// FlagChange says what SetFlags changes.
type FlagChange struct {
	UIDs     []UIDRange // Messages that do not exist are skipped.
	Op       FlagOp
	Flags    imap.Flags
	Keywords []string

	// UnchangedSince, if not negative, leaves messages alone whose modseq is higher
	// (RFC 7162 §3.1.3).
	UnchangedSince imap.ModSeq
}

// FlagResult tells what SetFlags did.
type FlagResult struct {
	ModSeq   imap.ModSeq // Of the changed messages; zero if none changed.
	Changed  []imap.UID  // Messages whose flags or keywords changed, ascending.
	Modified []imap.UID  // Left alone because of UnchangedSince, ascending (MODIFIED response code).
}

// SetFlags changes flags and keywords of messages in one transaction. A message whose
// flags stay the same keeps its modseq. Returns ErrNoMailbox, ErrTooManyKeywords.
func (a *Account) SetFlags(ctx context.Context, actor Actor, mailbox MailboxID, c FlagChange) (FlagResult, error) {
	return *new(FlagResult), errUnwritten
}

// Copied pairs the UIDs of COPY and MOVE (COPYUID, RFC 9051 §7.1). Source and Dest have
// equal length; both ascend.
type Copied struct {
	UIDValidity  uint32 // Of the destination.
	Source, Dest []imap.UID
	ModSeq       imap.ModSeq // Of the new messages, and of the expunge when moving.
}

// Copy copies the messages that exist to mailbox dest in one transaction.
// Returns ErrNoMailbox (of dest: *MailboxError with Dest set), ErrQuota.
func (a *Account) Copy(ctx context.Context, actor Actor, mailbox MailboxID, uids []UIDRange, dest MailboxID) (Copied, error) {
	return *new(Copied), errUnwritten
}

// Move moves the messages that exist to mailbox dest in one transaction (RFC 6851).
// Moving within one mailbox gives the messages new UIDs.
func (a *Account) Move(ctx context.Context, actor Actor, mailbox MailboxID, uids []UIDRange, dest MailboxID) (Copied, error) {
	return *new(Copied), errUnwritten
}

// Expunge removes messages and returns their UIDs, ascending. If onlyDeleted is set only
// those with \Deleted; nil uids means all. The content stays readable to sessions that
// still show the messages, for Options.EraseAfter.
func (a *Account) Expunge(ctx context.Context, actor Actor, mailbox MailboxID, uids []UIDRange, onlyDeleted bool) ([]imap.UID, imap.ModSeq, error) {
	return *new([]imap.UID), *new(imap.ModSeq), errUnwritten
}
