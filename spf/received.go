package spf

import (
	"net/netip"
	"strings"
)

// Received is a Received-SPF field, the trace of an evaluation (RFC 7208 §9.1).
// Fields that are zero are not in it.
type Received struct {
	Status       Status
	Comment      string // For people, without the parentheses.
	ClientIP     netip.Addr
	EnvelopeFrom string // Mailbox, without angle brackets.
	HELO         string // Name given in EHLO or HELO.
	Problem      string
	Receiver     string // Name of the host that checked.
	Identity     Identity
	Mechanism    string
	Others       []KeyValue // With other keys, in order.
}

// KeyValue is a pair of a Received-SPF field.
type KeyValue struct{ Key, Value string }

// NewReceived returns the field for an evaluation.
func NewReceived(args Args, res Result) Received {
	ip := args.RemoteIP.Unmap().WithZone("")
	r := Received{
		Status:    res.Status,
		Comment:   comment(args, res, ip),
		ClientIP:  ip,
		HELO:      args.Hello,
		Receiver:  args.Hostname.ASCII,
		Identity:  res.Identity,
		Mechanism: res.Mechanism,
	}
	if res.Identity == MailFrom {
		r.EnvelopeFrom = res.Sender
	}
	if res.Status == Temperror || res.Status == Permerror {
		r.Problem = res.Problem
	}
	return r
}

// comment says in a sentence what the Result means.
func comment(args Args, res Result, ip netip.Addr) string {
	var b strings.Builder
	if args.Hostname.ASCII != "" {
		b.WriteString(args.Hostname.ASCII + ": ")
	}
	subject := "domain of " + res.Sender
	switch res.Status {
	case Pass:
		b.WriteString(subject + " designates " + ip.String() + " as permitted sender")
	case Fail, Softfail:
		b.WriteString(subject + " does not designate " + ip.String() + " as permitted sender")
	case Neutral:
		b.WriteString(subject + " says nothing about " + ip.String())
	case None:
		b.WriteString(subject + " has no policy")
	case Temperror:
		b.WriteString("policy of " + subject + " could not be looked up")
	default:
		b.WriteString("error in policy of " + subject)
	}
	return b.String()
}
