// Package dnsbl asks lists in DNS whether they list an address or a domain (RFC 5782).
//
// A list is a zone. [Lookup] asks it for an address, [LookupDomain] for a domain, and
// [CheckHealth] and [CheckDomainHealth] ask for the test entries that every list must
// have and must not have, so that a list that has gone, or answers everything, is
// not believed (RFC 5782 §5 and §7).
package dnsbl
