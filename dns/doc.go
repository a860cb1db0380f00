// Package dns holds domain names as mail uses them, and resolvers that tell
// whether an answer was authenticated by DNSSEC.
//
// [Domain] is a name in both its ASCII form, which goes on the wire, and its
// Unicode form, which people read (IDNA2008, RFC 5890 and RFC 5891). Two Domains
// can be compared with ==.
//
// [Resolver] is what the rest of mox looks names up with. [StrictResolver] asks
// the recursive resolvers of the system, [Cache] remembers the answers of another
// Resolver, and [MemResolver] answers from maps, for tests. Package resolvertest
// has the suite that all of them pass.
package dns
