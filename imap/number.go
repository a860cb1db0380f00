package imap

// UID is the unique identifier of a message in its mailbox (RFC 9051 §2.3.1.1, RFC 3501 §2.3.1.1). Zero is
// no UID.
type UID uint32

// SeqNum is a message sequence number (RFC 9051 §2.3.1.2, RFC 3501 §2.3.1.2): the position of a message
// in a mailbox as one session sees it, from 1. Zero is no sequence number.
type SeqNum uint32

// ModSeq is a modification sequence, a positive 63-bit number that grows with each
// change of an account (RFC 7162 §3.1). Zero is "before all changes".
type ModSeq int64
