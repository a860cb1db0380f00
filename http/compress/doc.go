// Package compress encodes HTTP responses with gzip (RFC 1952), brotli (RFC 7932) or
// zstd (RFC 8878, with the window of RFC 9659), as a request asks for by RFC 9110
// §12.5.3.
//
// [Compressor.Handler] is for what is made per request: pages, answers of an API,
// responses of a proxied server. It streams: a response is never held in memory beyond
// the first kilobyte, which tells whether compressing is worth it, and Flush reaches the
// client. Files have package mox/http/static, which keeps what it compressed; both use
// [Negotiate] and [Compressible].
//
// A response goes out as it is when it is small, of a type that does not get smaller,
// already encoded, partial, without content, or marked no-transform (RFC 9110 §7.7);
// when it is a stream of events, which must arrive one by one; when it carries a digest
// of its content; and when the request asks for an upgrade.
//
// # BREACH
//
// Where a page shows a secret (a CSRF token) and something the request says in one
// response, the length of the compressed page tells how much the two are alike. Who can
// make a victim's browser send requests, and sees the lengths, can guess the secret
// piece by piece. Two things are done here. A response to a request with credentials
// (Cookie, Authorization or a client certificate) that a page of another origin caused,
// as told by Sec-Fetch-Site, or by Origin or Referer from clients that do not send it,
// is not compressed. And [Options.Types] does away with compression for what never should
// have it. Pages with secrets should besides mask them anew in each response.
package compress
