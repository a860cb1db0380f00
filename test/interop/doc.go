// Package interop tests mox with other people's software: programs from Debian's packages that the
// tests start against a `mox localserve` of their own, on loopback.
package interop
