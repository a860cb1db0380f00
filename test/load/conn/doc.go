// Package conn is the client side of SMTP (RFC 5321) and IMAP (RFC 3501, RFC 9051) as far as a load
// run needs it. It trusts no server: answers are checked, sizes and waits are bounded.
//
// A connection is for one goroutine at a time. After an error it is good for nothing but Close.
package conn
