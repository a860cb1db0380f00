package store

import (
	"context"
	"time"

	"mox/imap"
)

// ChangeKind tells what a Change is about.
type ChangeKind uint8

// Kinds of change. Values are stored; do not renumber.
const (
	ChangeAdd           ChangeKind = 1 + iota // Messages were added to Mailbox: UIDs, Emails.
	ChangeFlags                               // Flags or keywords of UIDs changed.
	ChangeExpunge                             // UIDs were removed.
	ChangeMailboxCreate                       // Mailbox was made.
	ChangeMailboxRename                       // Mailbox was renamed.
	ChangeMailboxDelete                       // Mailbox was removed.
	ChangeSubscription                        // Subscription of a name changed.
	ChangeSubmission                          // State of a submission changed.
)

// Change is one operation of the change log: one row per operation, keyed by modseq.
type Change struct {
	ModSeq     imap.ModSeq
	Kind       ChangeKind
	Time       time.Time
	Mailbox    MailboxID
	UIDs       []UIDRange
	Emails     []EmailID // For ChangeAdd, one per UID; for ChangeExpunge likewise.
	Submission SubmissionID
}

// ChangesSince returns up to limit changes with a modseq above since, ascending, and the
// horizon: changes at or below it may have been pruned. If since is below the horizon,
// ErrHorizon is returned and the caller must read everything anew.
func (a *Account) ChangesSince(ctx context.Context, since imap.ModSeq, limit int) (l []Change, horizon imap.ModSeq, err error) {
	return *new([]Change), *new(imap.ModSeq), errUnwritten
}

// ModSeq returns the highest modseq of the account.
func (a *Account) ModSeq(ctx context.Context) (imap.ModSeq, error) {
	return *new(imap.ModSeq), errUnwritten
}

// Watch returns a channel that receives, at most one value at a time, after each commit,
// until stop is called. What changed is read by ChangesSince.
func (a *Account) Watch() (wake <-chan struct{}, stop func()) {
	return *new(<-chan struct{}), *new(func())
}

// Cursor returns the modseq up to which the named consumer has worked, zero for a new one.
// SetCursor stores it. Consumers see each change at least once.
func (a *Account) Cursor(ctx context.Context, name string) (imap.ModSeq, error) {
	return *new(imap.ModSeq), errUnwritten
}
func (a *Account) SetCursor(ctx context.Context, name string, modseq imap.ModSeq) error {
	return errUnwritten
}
