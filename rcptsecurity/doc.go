// Package rcptsecurity finds out how safely mail travels to a recipient's domain, so that people see it while they write:
// whether its servers take TLS (STARTTLS, RFC 3207), whether the names of its servers are authenticated by DNSSEC,
// whether it has a policy that wants TLS with valid certificates (MTA-STS, RFC 8461) or tells certificates in DNS (DANE,
// RFC 7672), and whether its servers take messages that require TLS (REQUIRETLS, RFC 8689).
//
// DNS and MTA-STS policies a [Checker] asks for. What servers do it does not try: it is told what deliveries have seen.
// Answers are kept for a bounded number of domains, policies for as long as they say, and few domains are looked up at a
// time, so that who types addresses cannot have it ask the whole world.
package rcptsecurity
