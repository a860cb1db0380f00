// Package arc validates and extends Authenticated Received Chains (RFC 8617): the testimony of each
// mail server that handled a message about who sent it, signed together with what those before it
// said.
//
// # Validating
//
// A [Verifier] is written the whole message once, in pieces of any size, and then tells the
// [Result]: whether there is a chain, whether it is intact, and what each [Set] of it says. [Verify]
// does the same for a reader. [Result.AuthResult] is the result as it goes into an
// Authentication-Results field.
//
// # Sealing
//
// A [Sealer] adds a set to messages that are handed on. [Sealer.NewMessage] returns a writer for one
// message, to be written as it leaves; its Fields are to be put in front of it.
//
// Signatures, keys and canonicalization are those of package dkim.
package arc
