// Package dnsrecords knows which records a domain needs in DNS so that it can receive and send mail, and looks whether
// they are there.
//
// [Records] returns the records for a domain and the machine that serves it, by what they are needed for, and
// [WriteZone] writes them as an excerpt of a zone file (RFC 1035 §5) that can be pasted as it is. [Check] looks
// each of them up and says what is wrong, and what to do.
//
// Records are those of RFC 5321 (MX), RFC 7672 (TLSA), RFC 7208 (SPF), RFC 6376 (DKIM), RFC 7489 (DMARC), RFC 8460
// (TLSRPT), RFC 8461 (MTA-STS), RFC 6186 and RFC 8314 (SRV), RFC 8659 and RFC 8657 (CAA), and names by which mail
// programs find their settings.
package dnsrecords
