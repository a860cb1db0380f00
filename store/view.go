package store

import (
	"context"
	"time"

	"mox/imap"
)

// Entry is one message in a View.
type Entry struct {
	UID      imap.UID
	Flags    imap.Flags
	Keywords KeywordSet
	Size     int64 // RFC822.SIZE: prefix and body, bytes.
	Received int64 // INTERNALDATE, Unix seconds, UTC.
	ModSeq   imap.ModSeq
	Email    EmailID
}

// ReceivedTime returns the INTERNALDATE.
func (e Entry) ReceivedTime() time.Time { return time.Unix(e.Received, 0).UTC() }

// View is an immutable list of the messages of a mailbox at one version, ordered by UID.
// It is safe for concurrent use and shared between sessions.
type View struct{}

// Len returns the number of messages.
func (v *View) Len() int { return *new(int) }

// At returns the message with sequence number seq, from 1 to Len.
func (v *View) At(seq imap.SeqNum) Entry { return *new(Entry) }

// Seq returns the sequence number of the message with the uid, or of the first one
// after it (Len()+1 if there is none) with ok false.
func (v *View) Seq(uid imap.UID) (seq imap.SeqNum, ok bool) { return *new(imap.SeqNum), *new(bool) }

// All iterates over the messages from sequence number first, ascending.
func (v *View) All(first imap.SeqNum) func(yield func(imap.SeqNum, Entry) bool) {
	return *new(func(yield func(imap.SeqNum, Entry) bool))
}

// ModSeq is the highest modseq of a change that this version holds.
func (v *View) ModSeq() imap.ModSeq { return *new(imap.ModSeq) }

// UIDNext is the UID the next message will get at least.
func (v *View) UIDNext() imap.UID { return *new(imap.UID) }

// UIDValidity of the mailbox.
func (v *View) UIDValidity() uint32 { return *new(uint32) }

// Selection is one session's sight of one mailbox. Its methods are not safe for
// concurrent use; the channel of Wake may be received from anywhere.
type Selection struct{}

// Select opens a mailbox for a session. The caller must Close the Selection.
// Returns ErrNoMailbox.
func (a *Account) Select(ctx context.Context, actor Actor, mailbox MailboxID) (*Selection, error) {
	return *new(*Selection), errUnwritten
}

// Mailbox is the mailbox selected, as it was at Select.
func (s *Selection) Mailbox() Mailbox { return *new(Mailbox) }

// View is what the session has been told so far.
func (s *Selection) View() *View { return *new(*View) }

// Wake returns a channel that receives, at most one value at a time, when the mailbox
// may have a newer version than the session's View.
func (s *Selection) Wake() <-chan struct{} { return *new(<-chan struct{}) }

// Changes is what Refresh found. A session tells them in this order.
type Changes struct {
	// Expunged holds sequence numbers, each counted after the ones before it were
	// removed, as EXPUNGE responses tell them; ExpungedUIDs the same messages' UIDs.
	Expunged     []imap.SeqNum
	ExpungedUIDs []imap.UID

	// Exists is the number of messages now, if Grown is set.
	Exists int
	Grown  bool

	// Flags holds sequence numbers (in the new View) of messages that the session knew
	// and whose modseq changed, ascending.
	Flags []imap.SeqNum

	// Keywords holds the mailbox' keywords if there are new ones, else nil.
	Keywords []string

	// Deleted is set once the mailbox does not exist anymore.
	Deleted bool
}

// Refresh brings the View up to date and returns what changed. If expunge is false,
// messages that are gone stay in the View with their sequence numbers (RFC 9051
// §7.5.1) and are reported by a later call with expunge set.
func (s *Selection) Refresh(expunge bool) Changes { return *new(Changes) }

// Close ends the Selection.
func (s *Selection) Close() { return }
