// Package proxy passes HTTP requests on to upstream servers, as a gateway does
// (RFC 9110 §3.7, §7.6), over an HTTP/1.1 client of its own (RFC 9112).
//
// # What is passed on
//
// Clients come by HTTP/1.x or HTTP/2, upstreams get HTTP/1.1. Bodies are passed on in both
// directions as they come, at the same time, and nothing waits for more of them; so
// do trailers, 1xx responses and Expect. Fields about one connection are taken out
// (RFC 9110 §7.6.1), and what says who the client is, is written anew: X-Forwarded-For,
// -Host, -Port, -Proto and -Prefix, X-Real-IP and Forwarded (RFC 7239), added to when a trusted
// proxy sent them. Requests get a Via field, responses do not (§7.6.3 asks for the
// first only). A Location that names the upstream is translated back.
//
// After an Upgrade both sides have a tunnel, each direction of which can end alone; WebSockets
// (RFC 6455) come by extended CONNECT over HTTP/2 too (RFC 8441), where
// net/http offers that. Changes to HTTP/2 or TLS are not passed on.
//
// # What is refused
//
// Requests were framed by net/http and are framed anew. Besides, ".." segments are refused, since
// what they lead to is for the upstream to say, and so are TRACE and CONNECT. Of
// upstreams, this package is strict: two lengths, a length with chunks, codings other than
// chunked, lines that end in LF, folded fields are all code 502. A connection with
// a byte too many is not used again. Clients see codes, never errors.
//
// A response that cannot be ended is cut, by a panic with http.ErrAbortHandler, so
// that no half body looks like a whole one.
//
// # Upstreams
//
// Each request goes to the upstream with the fewest. One that fails several times in a row is
// left out for a while, then a single request finds out if it is well; health checks can
// find out too. A request is sent again only when it cannot have been acted on: to the next
// upstream when there was no connection, and on a new connection when a kept one had
// ended and the method is idempotent (RFC 9110 §9.2.2), without content.
//
// # Why an own client
//
// With net/http's Transport and ReverseProxy, a proxied request costs about 55 µs of
// processor time, with this about 31 µs, of which net/http's server is 17 µs and
// nearly all of the rest is system calls: one goroutine does everything, and for a
// response that is there within 20 ms neither a timer is set nor the
// context of the request watched (see conn). docs/performance.md has figures.
package proxy
