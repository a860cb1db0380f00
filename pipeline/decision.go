package pipeline

import (
	"encoding/json"
	"slices"

	"mox/authres"
	"mox/smtp"
)

// Mailboxes that decisions put messages into.
const (
	JunkMailbox    = "Junk"    // Quarantined messages.
	RejectsMailbox = "Rejects" // Copies of refused messages that other recipients got.
)

// Judged is a recipient and what checks said about it alone.
type Judged struct {
	Recipient Recipient
	Outcome   Outcome
}

// Decision is what happens with a message for one recipient. The same value makes the
// reply, the header, the log line and the metric.
type Decision struct {
	// Recipient is complete: mailbox and prefix are set as decided, or, for a refused
	// one, as they are for a copy in Rejects.
	Recipient Recipient

	Refuse *smtp.Error // Nil: accepted.
	Check  string      // Which check caused a refusal or quarantine; empty otherwise.
	Reason string
}

// Header is what Decide needs to make header fields.
type Header struct {
	Hostname string // Who says the Authentication-Results (authserv-id, RFC 8601 §2.5).

	// Trace is put on every copy, below what checks prepend. Each field is ended by CRLF.
	Trace []byte
}

// Decide decides for each recipient from what checks said about the message and about the
// recipient. It is a pure function: it asks nobody and commits nothing.
func Decide(h Header, message Outcome, recipients []Judged) []Decision {
	l := make([]Decision, len(recipients))
	common := headerOf(h, message)
	for i, j := range recipients {
		o := message.Join(j.Outcome)
		d := Decision{Recipient: j.Recipient, Refuse: o.Reply, Check: o.Check, Reason: o.Reason}
		// Most recipients have no opinion of their own and share one header.
		prefix := common
		if j.Outcome.Prepend != nil || j.Outcome.AuthResults != nil || j.Outcome.Verdict != Neutral {
			prefix = headerOf(h, o)
		}
		d.Recipient.Prefix = prefix
		if len(o.Facts) > 0 {
			d.Recipient.Auth = AppendFacts(nil, o.Facts)
		}
		switch {
		case o.Verdict == Reject:
			d.Recipient.Mailbox = RejectsMailbox
			d.Recipient.Notify = smtp.NotifyNever // What happens to the copy is nobody's business outside.
		case o.Verdict == Quarantine && d.Recipient.Account != "":
			d.Recipient.Mailbox = JunkMailbox
		}
		l[i] = d
	}
	return l
}

// headerOf makes the fields to prepend for an outcome.
func headerOf(h Header, o Outcome) []byte {
	b := make([]byte, 0, len(o.Prepend)+len(h.Trace)+128*len(o.AuthResults))
	if o.Verdict != Neutral && o.Reason != "" {
		b = append(b, "X-Mox-Reason: "...)
		b = append(b, o.Reason...)
		b = append(b, "\r\n"...)
	}
	if len(o.AuthResults) > 0 {
		b = authres.Results{AuthservID: h.Hostname, Methods: o.AuthResults}.AppendField(b)
	}
	b = append(b, o.Prepend...)
	return append(b, h.Trace...)
}

// AppendFacts appends facts in the form in which they are kept with a message: a JSON array
// of objects with Name and Value.
func AppendFacts(dst []byte, facts []Fact) []byte {
	dst = append(dst, '[')
	for i, f := range facts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(append(dst, `{"Name":`...), f.Name)
		dst = appendJSON(append(dst, `,"Value":`...), f.Value)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendJSON appends a string in JSON.
func appendJSON(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			b, _ := json.Marshal(s) // A string always marshals.
			return append(dst, b...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// Place is where a message is committed.
type Place uint8

// Places.
const (
	Nowhere    Place = iota // All recipients are refused.
	OneAccount              // In one mailbox of a local account.
	Queue                   // In the queue, which then hands it on.
)

func (p Place) String() string {
	switch p {
	case Nowhere:
		return "nowhere"
	case OneAccount:
		return "account"
	case Queue:
		return "queue"
	}
	return "invalid"
}

// Plan says where a message is committed. All of it is committed at one place, so that there
// is one moment at which the message is accepted.
type Plan struct {
	Place      Place
	Recipients []Recipient // What the Target gets; one for OneAccount.
	Refuse     *smtp.Error // The reply, for Nowhere.
}

// NewPlan makes a plan from the decisions, of which there is at least one. It is a pure
// function.
//
// A message that is accepted for some recipients is accepted: a local recipient refused after
// DATA then gets a copy in Rejects, not a failure report to a sender who may be forged; it
// is never dropped without a trace (RFC 5321 §6.2). A
// submission is different. Its sender is known and reads the reply, so what is refused for
// one recipient is refused for all. It always goes through the queue, where it can be
// followed and taken back.
//
// Recipients that are the same mailbox of the same account get one copy.
func NewPlan(env Envelope, decisions []Decision) Plan {
	var refused []*smtp.Error
	for _, d := range decisions {
		if d.Refuse != nil {
			refused = append(refused, d.Refuse)
		}
	}
	if len(refused) == len(decisions) || env.Account != "" && len(refused) > 0 {
		return Plan{Refuse: Gravest(refused)}
	}

	p := Plan{Place: OneAccount}
	for _, d := range decisions {
		if d.Refuse == nil {
			p.add(d.Recipient)
		}
	}
	for _, d := range decisions {
		// Whoever already gets the message at another address needs no copy in Rejects.
		account := d.Recipient.Account
		if d.Refuse != nil && account != "" && !slices.ContainsFunc(p.Recipients, func(r Recipient) bool { return r.Account == account }) {
			p.add(d.Recipient)
		}
	}
	// Only the queue tells of success.
	if len(p.Recipients) > 1 || p.Recipients[0].Account == "" || p.Recipients[0].Notify.Success() || env.Account != "" {
		p.Place = Queue
	}
	return p
}

// add adds a recipient, but each local mailbox once.
func (p *Plan) add(r Recipient) {
	for _, o := range p.Recipients {
		if r.Account != "" && o.Account == r.Account && o.Mailbox == r.Mailbox {
			return
		}
	}
	p.Recipients = append(p.Recipients, r)
}

// Gravest returns the reply that stands for several refusals: the first temporary one, after
// which the client tries again and loses no recipient, else the first. It returns nil for no
// refusals.
func Gravest(refused []*smtp.Error) *smtp.Error {
	for _, e := range refused {
		if e.Code < 500 {
			return e
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return refused[0]
}
