// Package dkim verifies and makes DKIM signatures (RFC 6376 with its errata, RFC 8301
// for algorithms and key sizes, RFC 8463 for Ed25519, RFC 8616 for internationalized
// mail).
//
// # Verifying
//
// A [Verifier] is written the whole message once, in pieces of any size. When the
// header is over it reads the signatures and begins to look up their keys; the body
// is hashed at most once per canonicalization, whatever the number of signatures.
// [Verifier.Results] then tells a [Status] for each signature, in the terms of RFC 8601.
// [Verify] does the same for a reader.
//
// # Signing
//
// A [Signer] has a domain and some [Selector] values, each with a private key.
// [Signer.NewMessage] returns a writer for one message; its Fields are to be put in
// front of the message.
//
// # Keys
//
// [Record] is the key record in DNS, which [LookupKey] finds and [NewRecord] makes of a
// public key.
//
// # Parts
//
// What RFC 8617 (ARC) borrows is exported too: [TagList], [Header], [HeaderHasher],
// [BodyHasher], [Splitter], [Record.Verify] and [SignHash].
//
// Bytes are taken as they come. Only CRLF ends a line of the body: a message with other line
// ends must be converted before it is signed (RFC 6376 §5.3).
package dkim
