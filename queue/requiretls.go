package queue

import (
	"context"
	"errors"
	"strings"

	"mox/dns"
	"mox/message"
	"mox/queuedb"
	"mox/rcptsecurity"
	"mox/smtp"
	"mox/smtpclient"
)

// HostSecurity knows about the transport security of recipients' domains, and is told what deliveries see of it.
// Implementations are safe for concurrent use. A *rcptsecurity.Checker is one.
type HostSecurity interface {
	// Seen takes note of what a host did that takes mail for a domain.
	Seen(domain dns.Domain, s rcptsecurity.Seen)

	// MXTrusted reports whether an MTA-STS policy of the domain names the host (RFC 8461 §4.1). It may take the time to fetch
	// the policy.
	MXTrusted(ctx context.Context, domain, host dns.Domain) bool
}

// requireTLS returns what a message wants of the security of transport: what its envelope says, or else its header field
// TLS-Required (RFC 8689 §4.1).
func requireTLS(said smtp.RequireTLS, root *message.Part) smtp.RequireTLS {
	if said != smtp.RequireTLSDefault {
		return said
	}
	n, no := 0, false
	for f := range message.Fields(root.Header) {
		if f.Is("TLS-Required") {
			n++
			no = strings.EqualFold(strings.TrimSpace(string(f.Value)), "No")
		}
	}
	if n == 1 && no { // More than one must not be.
		return smtp.RequireTLSNever
	}
	return smtp.RequireTLSDefault
}

// needsTLS reports whether a message may only go over TLS to hosts that are known to be the right ones.
func needsTLS(m *queuedb.Message) bool { return m.RequireTLS == smtp.RequireTLSAlways }

// mayRelax reports whether a message that needs TLS is rather sent without than lost: a notification, which has no more
// than a header in it (RFC 8689 §5).
func mayRelax(m *queuedb.Message) bool { return m.MailFrom.IsZero() }

var (
	errUntrustedMX = errors.New("message requires TLS: neither DNSSEC nor MTA-STS says that this host takes mail for the domain")
	errUnverified  = errors.New("message requires TLS: the host cannot be verified")
)

// insecure returns the error for a host to which a message that needs TLS must not be sent.
func insecure(command string, status smtp.EnhancedCode, err error) error {
	return &smtpclient.Error{Permanent: true, Command: command, Enhanced: status, Err: err}
}

// isInsecure reports whether an outcome is that a host is not secure enough.
func isInsecure(err error) bool {
	e, ok := errors.AsType[*smtpclient.Error](err)
	return ok && e.Code == 0 && e.Permanent && (e.Enhanced == smtp.E5730RequireTLS || e.Enhanced == smtp.E5710EncryptionNeeded)
}

// withoutTLS makes errors final that say that there is no TLS with a valid certificate to be had (RFC 8689 §4.2.1).
func withoutTLS(l []Outcome) []Outcome {
	for i, o := range l {
		e, ok := errors.AsType[*smtpclient.Error](o.Err)
		if ok && e.Code == 0 && (errors.Is(e, smtpclient.ErrTLS) || errors.Is(e, smtpclient.ErrTLSRequired)) {
			l[i].Err = insecure(e.Command, smtp.E5710EncryptionNeeded, e.Err)
		}
	}
	return l
}
