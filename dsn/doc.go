// Package dsn writes and reads delivery status notifications: what a mail system tells the
// sender of a message that was delivered, delayed or given up.
//
// The format is that of RFC 3464 in the multipart/report of RFC 6522, with the rules of RFC
// 3461 §6 for messages received by SMTP, and the internationalised forms of RFC 6533.
//
// A notification is sent with the null reverse-path (RFC 3461 §6.1, RFC 5321 §6.1), to the
// reverse-path of the message it is about. For a message that itself had the null
// reverse-path none may be sent.
package dsn
