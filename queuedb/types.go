package queuedb

import (
	"errors"
	"time"

	"mox/smtp"
	"mox/store/dbfile"
)

// MessageID identifies a message in the queue. RecipientID identifies one of its
// recipients. Both are assigned in order and never reused.
type (
	MessageID   int64
	RecipientID int64
)

// Errors of the package, for errors.Is.
var (
	ErrNoMessage    = errors.New("no such message in the queue")
	ErrClosed       = errors.New("queue database is closed")
	ErrNewerVersion = errors.New("queue database was written by a newer version of mox")

	// ErrChanged says that recipients became final between looking at them and writing; nothing
	// was written.
	ErrChanged = errors.New("recipients changed meanwhile")

	// ErrInDoubt says that the disk failed in a way that leaves open whether something was
	// written. Until the database was copied and opened anew, which is tried every few seconds, nothing else
	// is: other calls return ErrUnwritable.
	ErrInDoubt    = errors.New("queue database is in doubt after an error")
	ErrUnwritable = errors.New("queue cannot be written to after an error")

	ErrReadOnly = errors.New("queue is open for reading only")
	ErrDamaged  = dbfile.ErrDamaged
)

// State is where a recipient is. Values are stored; do not renumber.
type State uint8

// States. Waiting and Held recipients are open, the others are final.
const (
	Waiting   State = 1 + iota // For NextAttempt.
	Held                       // Not tried until released.
	Delivered                  // Accepted by the next hop or stored in the account.
	Failed                     // Given up; the sender was told if that was allowed.
	Dropped                    // Removed by the operator or canceled by its sender, without notice.
)

func (s State) String() string {
	switch s {
	case Waiting:
		return "waiting"
	case Held:
		return "held"
	case Delivered:
		return "delivered"
	case Failed:
		return "failed"
	case Dropped:
		return "dropped"
	}
	return "unknown"
}

// Final reports whether nothing will happen to the recipient anymore.
func (s State) Final() bool { return s >= Delivered }

// Message is what the recipients of a message share.
type Message struct {
	ID         MessageID
	EnvelopeID string // Unique; adding it again adds recipients that are missing.

	MailFrom smtp.Path // Zero for the null reverse-path.
	SMTPUTF8 bool
	EightBit bool
	Binary   bool  // It may have NUL, and lines of any kind (RFC 3030 §3).
	Size     int64 // Of the body, without prefixes.
	Received time.Time
	Account  string // Who submitted it; empty for mail from outside and for notifications.

	// ENVID, decoded, and Ret are what the sender said about notifications (RFC 3461 §4.3, §4.4);
	// empty and zero for nothing.
	ENVID string
	Ret   smtp.Ret

	// SendAt is when the message may first be tried; zero for at once. What waits for it is not late. FutureRelease is
	// how the sender said it, for notifications (RFC 4865 §5.1.2); it may be empty.
	SendAt        time.Time
	FutureRelease string

	RequireTLS smtp.RequireTLS // What the sender said about the security of transport.

	// Unsigned says that recipients' prefixes have no signatures: each attempt makes them anew.
	Unsigned bool

	// For notifications and for people; from the message's header.
	HeaderMessageID string
	Subject         string

	Open     int  // Recipients without a final state.
	Canceled bool // By Cancel.
}

// Begin returns the time from which the message is on its way: SendAt, or when it was received.
func (m *Message) Begin() time.Time {
	if m.SendAt.After(m.Received) {
		return m.SendAt
	}
	return m.Received
}

// Recipient is one recipient of a message.
type Recipient struct {
	ID      RecipientID
	Message MessageID

	Path smtp.Path

	// Account is set for a recipient on this host, Mailbox is where it goes.
	Account  string
	Mailbox  string
	Keywords []string
	Auth     []byte
	Prefix   []byte // Header fields to put in front of the body for this recipient.

	// Notify and OriginalRecipient are what the sender said about notifications (RFC 3461 §4.1,
	// §4.2); zero for nothing.
	Notify            smtp.Notify
	OriginalRecipient smtp.OriginalRecipient

	// Destination groups recipients that can be delivered together: the ASCII domain of a remote
	// recipient, "[address]" of a literal, "local:" and the account of a local one.
	Destination string

	State       State
	NextAttempt time.Time // Zero in a final state.
	Attempts    int
	DelayTold   bool // A notification of delay was sent.
	Results     []Attempt
}

// Attempt is the outcome of one attempt, or of what an operator did. The last 20 are
// kept.
type Attempt struct {
	Start    time.Time
	Duration time.Duration
	Remote   string // Host and address tried; empty for local ones.
	Success  bool
	Code     int    // SMTP reply code, zero if there was none.
	Enhanced string // Enhanced status code, e.g. "4.4.1"; may be empty.
	Text     string // Reply or error, for people.
}

// Filter selects recipients. Zero fields select all; set ones must all match.
type Filter struct {
	IDs        []RecipientID
	Messages   []MessageID
	EnvelopeID string
	Account    string // Who submitted.
	From       string // Substring of the reverse-path, without regard to case; "<>" for the null one.
	To         string // Substring of the recipient's path, without regard to case.
	Domain     string // Destination domain, exactly.
	States     []State
	OpenOnly   bool
	SendBefore time.Time // SendAt not after this.
	DueBefore  time.Time // NextAttempt before this.
}

// Page bounds a listing: at most Limit (default 100) recipients with an id above After.
type Page struct {
	After RecipientID
	Limit int
}

// Entry is a recipient with its message, for lists.
type Entry struct {
	Message   Message
	Recipient Recipient
}
