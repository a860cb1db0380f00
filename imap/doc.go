// Package imap has the values of the Internet Message Access Protocol, IMAP4rev1
// (RFC 3501) and IMAP4rev2 (RFC 9051), and their text forms: identifiers and sets of
// them, flags, mailbox names and patterns, dates, status responses, ENVELOPE and
// BODYSTRUCTURE.
//
// It does no I/O and knows neither mailboxes nor connections. The grammar of
// commands and responses is in package imap/wire.
package imap
