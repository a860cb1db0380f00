// Package smtp has the values of SMTP (RFC 5321) and their form on the wire, for
// servers and clients: addresses and paths, with quoted local parts, address
// literals and UTF-8 (RFC 6531), the parameters of commands, replies with their
// codes (RFC 3463, RFC 5248), and the encoding of message data with its dots and
// line ends.
//
// It holds no connection and no policy.
package smtp
