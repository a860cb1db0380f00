// Package http is the web server: pages of mox itself, what mail programs and other servers look for
// at well-known places, and people's websites. HTTP/1.1 (RFC 9112) and HTTP/2 (RFC 9113) are spoken
// by net/http, but for simple requests, which package http1 answers with less work; what is here is around them.
//
// A connection is counted against the limits of its network, negotiates TLS with the certificate of
// the name that is asked for and no other (tls.go), and for HTTP/1 begins with package http1. When that leaves it to net/http, it is
// read strictly, so that no request can be hidden in another one (framing.go). Each request is an [exchange], which measures and
// logs it (accesslog.go, metrics.go) and gives up on clients that neither send nor take anything
// (limits.go). Its address is found out (clientaddr.go), and the port finds who answers
// (router.go): services of mox by path at host names of the listener (services.go), documents at
// well-known places (wellknown.go), then handlers of domains.conf (websites.go), which follow changes
// of the configuration while requests go on. Errors are pages with an id that the log has too (errorpage.go).
//
// Packages below this one answer the requests of websites: static, compress, proxy and redirect. They know neither
// this package nor the configuration.
package http
