// Package websession is how people log in to pages, and stay so: what webmail, account and admin pages share.
//
// A [Service] is for one kind of pages. Its Handler has the API for logging in and out and for the list of sessions;
// Require lets requests with a session through to the handlers of the pages, and nobody else.
//
// # Sessions
//
// A login makes a token of 256 random bits, which only the browser keeps: Sessions have its hash. It
// travels in a cookie (RFC 6265) with the prefix __Host-, which neither scripts, nor other sites, nor other hosts of the same
// domain can read or set. Without TLS, as on localhost, browsers refuse that prefix, and the cookie has another
// name. A session ends when it is logged out of or ended from another one, when the password changes, when it was not used for
// some time, and after some time in any case. Requests that last, such as streams of events, are told by their context within
// seconds; while they last, they count as use.
//
// # Requests of other sites
//
// A browser sends cookies whoever made it send a request. What changes something therefore needs, besides,
// a header field X-Mox-Csrf with a value that only pages of the service can know. It is made from the
// token, so it ends with the session; [State] has it. Requests that other sites caused by what the browser says in Sec-Fetch-Site or
// Origin are refused before anything is looked at, but for links that somebody follows. Pages
// must not have a referrer policy of no-referrer: browsers hide the origin of forms then, also from the page's own site.
//
// # Errors
//
// Refusals are JSON, {"error": {"code": "user:sessionOver", "message": "..."}}, with a code of type [Code], so that a page
// can ask for the password in a dialog and go on with what was typed.
package websession
