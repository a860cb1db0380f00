package rcptsecurity

import "mox/dns"

// Result is what is known about a mechanism.
type Result uint8

// Results.
const (
	Unknown Result = iota // Not found out.
	No                    // The domain has not got it.
	Yes                   // The domain has it.
	Error                 // It cannot be found out now, or the domain has it in a way that does not work.
)

// String returns a word for logs.
func (r Result) String() string {
	switch r {
	case No:
		return "no"
	case Yes:
		return "yes"
	case Error:
		return "error"
	}
	return "unknown"
}

// Security is what is known about the way of mail to a domain.
type Security struct {
	// STARTTLS: the servers take TLS. Error if it did not come about in the last delivery.
	STARTTLS Result

	// DNSSEC: the names of the servers (MX), or that there are none, are authenticated.
	DNSSEC Result

	// MTASTS: there is a policy that is to be enforced, and it names a server of the domain. Error if it names none of them, or
	// cannot be fetched. No also for a policy that is for testing.
	MTASTS Result

	// DANE: each server has authenticated TLSA records that can be used with SMTP (RFC 7672 §3.1).
	DANE Result

	// RequireTLS: the server of the last delivery took messages that require TLS.
	RequireTLS Result
}

// Verified reports whether an attacker on the way could not lead mail to servers of its own: it is to go to servers that DNSSEC
// or a policy names, with certificates that count.
func (s Security) Verified() bool { return s.DANE == Yes || s.MTASTS == Yes }

// Seen is what was seen of a server in a delivery. What is Unknown says nothing.
type Seen struct {
	Host       dns.Domain
	STARTTLS   Result
	RequireTLS Result
}
