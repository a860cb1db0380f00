package message

import "time"

// Envelope has the header fields of a message that name its origin, destination
// and place in a conversation (RFC 9051 §7.5.2, RFC 5322 §3.6). Of a field that occurs several times
// the last counts, which is the one a DKIM signature covers (RFC 6376 §5.4.2); address fields
// and References are joined.
type Envelope struct {
	// Date is the time of the Date field, with its zone. It is zero if the field is
	// missing or cannot be understood.
	Date time.Time

	// RawDate, RawSubject, RawInReplyTo and RawMessageID are the unfolded fields
	// as written, for IMAP ENVELOPE. An absent field is nil, an empty one is not.
	RawDate      []byte
	RawSubject   []byte
	RawInReplyTo []byte
	RawMessageID []byte

	Subject string // Decoded.

	// The address fields, joined so that nobody can show one author and have another
	// checked. Sender and ReplyTo are nil if
	// absent; IMAP ENVELOPE then repeats From.
	From    []Address
	Sender  []Address
	ReplyTo []Address
	To      []Address
	CC      []Address
	BCC     []Address

	// MessageID, InReplyTo and References are message ids without angle brackets,
	// comments and white space, see [ParseMessageIDs]. MessageID is empty if there
	// is none.
	MessageID  string
	InReplyTo  []string
	References []string
}
