package dmarc

// Property is a property of a method in an Authentication-Results field (RFC 8601 §2.3).
type Property struct{ Type, Name, Value string }

// Properties returns what an Authentication-Results field says of the method "dmarc" besides
// its result: header.from, the author domain (RFC 7489 §11.1), and of a record polrec.p, the policy that it
// asks for, and polrec.domain, where it is if not at the author domain (RFC 9989 §9). Domains are in ASCII
// (RFC 7489 §6.7). There are none without an author domain.
func (d DomainResult) Properties() []Property {
	if d.Domain.IsZero() {
		return nil
	}
	l := []Property{{"header", "from", d.Domain.ASCII}}
	if d.Policy == "" {
		return l
	}
	l = append(l, Property{"polrec", "p", string(d.Policy)})
	if d.isSubdomain() {
		l = append(l, Property{"polrec", "domain", d.Found.Domain.ASCII})
	}
	return l
}

// Reason returns what an Authentication-Results field says as the reason of the result
// (RFC 8601 §2.2): short, of printable ASCII, without anything from the message. It is empty
// for a result that needs none.
func (d DomainResult) Reason() string {
	switch {
	case d.Spared && d.Apply == PolicyQuarantine:
		return "quarantine in place of reject, at the wish of the domain owner"
	case d.Spared:
		return "policy not applied, at the wish of the domain owner"
	case d.Status == StatusTempError:
		return "temporary error"
	case d.Status == StatusPermError && d.Domain.IsZero():
		return "no author domain"
	case d.Status == StatusPermError && d.Found.Status == StatusPermError:
		return "invalid record"
	case d.Status == StatusPermError:
		return "invalid From"
	case d.Err != nil:
		return "several records"
	}
	return ""
}
