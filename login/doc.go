// Package login decides who may log in to a server, with which mechanism of SASL (RFC 4422), and after
// how many failures no more. It is the same for all protocols, and servers that know the same
// passwords share one [Service], so that whoever guesses them gains nothing by trying another port.
//
// A server makes a [Conn] for each connection and an [Attempt] for each command that logs in. How challenges are
// carried, what the client is told, and the waiting before that, are the protocol's.
package login
