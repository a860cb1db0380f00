package pipeline

import "mox/smtp"

// Outcome is what all checks together said, about a message or about one recipient. The
// zero Outcome has no opinion.
type Outcome struct {
	Verdict Verdict     // The strictest.
	Reply   *smtp.Error // Set if and only if Verdict is Reject.
	Check   string      // Which check brought Verdict about; empty for Neutral.
	Reason  string      // What it gave as reason.

	AuthResults []AuthResult
	Prepend     []byte
	Facts       []Fact
}

// defaultReply is for a Reject without a usable reply.
func defaultReply() *smtp.Error {
	return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, "message refused by policy", nil)
}

// Add merges what a check said. The strictest verdict wins, a permanent refusal over a
// temporary one, and of equals the one added first.
func (o *Outcome) Add(check string, r Result) {
	if r.Verdict > Reject {
		r.Verdict = Reject // Unknown: closed rather than open.
	}
	if r.Verdict != Reject {
		r.Reply = nil
	} else if r.Reply == nil || r.Reply.Code < 400 || r.Reply.Code > 599 {
		r.Reply = defaultReply()
	}
	if strictness(r.Verdict, r.Reply) > strictness(o.Verdict, o.Reply) {
		o.Verdict, o.Reply, o.Check, o.Reason = r.Verdict, r.Reply, check, token(r.Reason)
	}
	o.AuthResults = add(o.AuthResults, r.AuthResults)
	o.Prepend = add(o.Prepend, r.Prepend)
	o.Facts = add(o.Facts, r.Facts)
}

// add appends b to a. It keeps b if it is the first, but never writes to it, since results may share it.
func add[T any](a, b []T) []T {
	if len(a) == 0 {
		return b[:len(b):len(b)]
	}
	return append(a, b...)
}

// Join returns what o and then p say.
func (o Outcome) Join(p Outcome) Outcome {
	if strictness(p.Verdict, p.Reply) > strictness(o.Verdict, o.Reply) {
		o.Verdict, o.Reply, o.Check, o.Reason = p.Verdict, p.Reply, p.Check, p.Reason
	}
	o.AuthResults = join(o.AuthResults, p.AuthResults)
	o.Prepend = join(o.Prepend, p.Prepend)
	o.Facts = join(o.Facts, p.Facts)
	return o
}

// join concatenates into a new slice where both have elements: an Outcome about the message
// is joined with that of each recipient.
func join[T any](a, b []T) []T {
	if len(b) == 0 {
		return a
	}
	return append(a[:len(a):len(a)], b...)
}

func strictness(v Verdict, reply *smtp.Error) int {
	if v == Reject && reply.Code >= 500 {
		return int(Reject) + 1
	}
	return int(v)
}

// token makes s fit for logs, metrics and a header field.
func token(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			b[i] = '_'
		}
	}
	return string(b[:min(len(b), 64)])
}
