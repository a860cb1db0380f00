// Package autotls keeps a server in certificates from CAs that speak ACME (RFC 8555).
//
// A [Manager] is told which hosts want certificates. It requests them ahead of their
// first use, answers the challenges of the CA, renews them in time, and hands them to
// handshakes: [Manager.GetCertificate] for HTTP, where a client must name its host, and
// [Manager.MailCertificate] for SMTP and IMAP, where many do not. [Manager.HTTPHandler]
// answers the challenges that come over HTTP.
//
// # Keys
//
// A host has one private key of each type that it wants, kept for as long as the
// directory is, or given by the caller. A renewal never changes it. So a TLSA record
// with the digest of the key (usage 3, selector 1, matching type 1; RFC 6698, RFC 7671 §5.1)
// stays true; [TLSA] makes it. Who changes keys does so on purpose: by giving another one.
//
// A client gets the ECDSA certificate if it can use it, otherwise the RSA one. All clients of
// today can, so a web host wants only that. A mail host wants both, as an old server
// without ECDSA would send in the clear otherwise.
//
// # When
//
// A certificate is renewed after two thirds of its lifetime, a little earlier at
// random, or when its CA's RenewBefore says; earlier if the CA, asked a few times a day, suggests so (RFC 9773), as it
// does before it revokes certificates. All delays after failures shrink with
// the lifetime, so that those of six days are renewed in time too.
//
// What goes wrong decides who waits how long. Failures of the CA (it cannot be reached, or has an
// error) pause requests of all hosts to it, from a minute up to an hour. Failures of a
// host (its name leads elsewhere) stop its requests for 15 minutes up to a day, since a CA
// counts failed validations and then refuses for longer. Rate limits are obeyed as the CA states
// them in Retry-After. All of this is in files before a request is made, so a program that crashes and starts
// over again and again asks no more often than one that keeps running.
//
// Another CA is asked, where a host names several, if the first ones cannot serve and the host has
// no certificate, or one with less than a sixth of its lifetime left.
//
// # Challenges
//
// The CA checks the host over TLS at port 443 (TLS-ALPN-01, RFC 8737), and if that fails over HTTP
// at port 80 (HTTP-01, RFC 8555 §8.3). What worked is tried first the next time.
//
// # Files
//
// Below the directory of a Manager, all with mode 0600: accounts/<CA>/ has account.json and
// account.key.pem, hosts/<host>/ has state.json, renewalinfo.json and per key type
// <type>.key.pem and <type>.crt.pem. Files of hosts that are not wanted any more stay,
// so that a host that comes back finds its keys. A key, an account or a state that is damaged is moved aside, to its name
// with ".damaged-" and the time, and made anew: one broken file does not keep a host, or others, from being served.
//
// A Manager goes by the clock of package time; its tests run in bubbles of testing/synctest.
package autotls
