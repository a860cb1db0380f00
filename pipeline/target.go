package pipeline

import (
	"context"
	"io"
	"time"

	"mox/message"
	"mox/smtp"
)

// Body is a received message. Whoever made it removes it after Commit or Abort of all
// deliveries has returned; a Target may read it until then, from several goroutines, and must
// not keep it.
type Body interface {
	io.ReaderAt
	Size() int64 // Bytes.

	// Root is the parsed message, offsets counted from the start of the body. It is not nil and must
	// not be changed.
	Root() *message.Part
}

// Envelope is what SMTP says about a message (RFC 5321 §2.3.1).
type Envelope struct {
	// ID is random and unique per message. A Target that is given the same ID again for the
	// same recipient, within 7 days, delivers once; one that records submissions replaces
	// it by an id of its own instead.
	ID string

	// Single says that the ID will not be given again, so that a Target need not remember it: a client that
	// tries again begins another message.
	Single bool

	MailFrom smtp.Path // Reverse-path; zero for the null reverse-path.
	SMTPUTF8 bool      // The message needs RFC 6531.
	EightBit bool      // BODY=8BITMIME was said, or 8-bit content seen.
	Binary   bool      // BODY=BINARYMIME was said: the body may have NUL, and lines of any kind (RFC 3030 §3).
	Size     int64     // Bytes; as announced until the message is there, zero if unknown.
	Received time.Time

	// Account is who submitted the message; empty for a message from outside.
	Account string

	// ENVID and Ret are what the client said about notifications (RFC 3461 §4.3, §4.4). ENVID is
	// decoded, empty for none.
	ENVID string
	Ret   smtp.Ret

	// SendAt is when the sender wants the message to be sent, zero for at once. FutureRelease is how a client said that in
	// SMTP, as notifications repeat it (RFC 4865 §5.1.2). RequireTLS is what the sender wants of the security of transport
	// (RFC 8689). The queue honours them, other Targets need not look at them.
	SendAt        time.Time
	FutureRelease string
	RequireTLS    smtp.RequireTLS
}

// Recipient is one forward-path, in the form a Target needs.
type Recipient struct {
	Path     smtp.Path // As given in RCPT TO.
	Account  string    // Local account; empty if not local.
	Mailbox  string    // Where a local Target puts it; empty for Inbox.
	Prefix   []byte    // Header fields for this recipient to prepend, each ended by CRLF.
	Keywords []string
	Auth     []byte // Facts to keep with the message, see AppendFacts.

	// Notify and OriginalRecipient are what the client said about notifications (RFC 3461 §4.1,
	// §4.2); zero for what it did not say. The queue honours them, other Targets need not
	// look at them.
	Notify            smtp.Notify
	OriginalRecipient smtp.OriginalRecipient
}

// Target is a place where messages go. Implementations are safe for concurrent use.
type Target interface {
	// Begin starts a delivery. The context governs the whole delivery up to Commit:
	// when it ends, calls return its error and the caller must still Abort.
	Begin(ctx context.Context, env Envelope) (Delivery, error)
}

// Delivery is one message on its way into a Target. Calls come from one goroutine, in
// the order: Recipient one or more times, Body once, then exactly one of Commit and
// Abort. Abort may come at any moment instead of the next call; nothing is then visible.
//
// Errors of Recipient and Body are *smtp.Error where the Target knows the reply, any other
// error is a temporary fault.
type Delivery interface {
	// Recipient adds a recipient or refuses it with an error; refusing one leaves the
	// others. The caller has normalised and deduplicated recipients. The Delivery may keep
	// r and its slices until Commit or Abort returns.
	Recipient(ctx context.Context, r Recipient) error

	// Body hands over the message, for the recipients accepted. The Delivery may read
	// ahead, but nothing becomes visible or durable for good before Commit. What a Target
	// wants to refuse a message for belongs here or in Recipient.
	Body(ctx context.Context, b Body) error

	// Commit makes the message durable and returns one result per accepted recipient,
	// in the order they were added: nil when it is durable for that recipient, else an
	// error (*smtp.Error, or any other error for a temporary fault). Commit fails for
	// faults of the disk and the like, and for what only shows then, such as a quota. The
	// context's end does not undo what was committed. A result that was seen by the caller
	// holds after a crash.
	Commit(ctx context.Context) []error

	// Abort discards the delivery. It is a no-op after Commit.
	Abort()
}

// Queued is implemented by a Delivery of which the client may know where it can be followed.
type Queued interface {
	// QueueID returns, after a Commit without errors, the id by which the queue lists the message.
	QueueID() string
}
