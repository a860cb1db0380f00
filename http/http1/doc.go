// Package http1 answers the simple requests of HTTP/1.1 connections (RFC 9112), which are most of them: GET and HEAD
// without content, in one piece, and without anything in the header that concerns the connection. With the first that is not so
// the connection is left to a complete server, that of net/http, which reads this request from its beginning. So nothing is
// refused here, and what is unclear is not decided here.
//
// It is there for speed. Net/http has a goroutine for each request, which reads the connection to learn whether the client has gone;
// here somebody looks once a handler asks for the Done channel of the context. It sets five deadlines for a request; here idle
// connections have one that is moved now and then. What a handler sees is otherwise the same, and responses are framed by the same rules.
package http1
