// Package interop tests mox with other people's software: programs from Debian's packages, and an IMAP client in Go,
// that the tests start against a `mox localserve` of their own, on loopback.
package interop
