// Package interop tests mox with other people's software, which the tests start on loopback: programs from Debian's
// packages and an IMAP client in Go against a `mox localserve` of their own, and libraries that sign and verify
// mail, with nsd serving the records, against the packages spf, dkim, arc and dmarc.
package interop
