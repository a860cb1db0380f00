// Package dmarc finds out what the owner of the domain in a From field asks to be done
// with mail that does not authenticate as his, and whether a message does (RFC 7489 with
// RFC 9091, and as an option the successor of both, RFC 9989).
//
// The way of a message:
//
//   - [ParseAuthors] reads the author domains from the header. A message has one, usually.
//   - SPF and DKIM are checked elsewhere. Their results are given as [Identifier] values.
//   - [Verifier.Verify] finds the policy of each author domain, compares it with the
//     identifiers, and says in a [Result] what is to be done.
//
// [ParseRecord] and [Record.String] read and write the records in DNS, [Verifier.Lookup]
// finds the one for a domain, and [Verifier.CheckDestination] asks whether a host wants the
// reports that a record sends it.
//
// The package only looks at what it is given and at DNS. It logs and counts nothing, and
// has no opinion on messages that pass.
package dmarc
