// Package smtpclient delivers messages to other servers over SMTP (RFC 5321) and LMTP
// (RFC 2033).
//
// [Client] is one connection: greeting, EHLO, STARTTLS (RFC 3207), AUTH (RFC 4954), then
// any number of messages. It uses PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC
// 6152), SMTPUTF8 (RFC 6531), REQUIRETLS (RFC 8689) and DSN (RFC 3461) where the server has
// them.
// Failures are an [*Error], which tells what the server said and whether trying again can
// help.
//
// [Dialer] finds the hosts for a domain and connects to them (RFC 5321 §5).
package smtpclient
