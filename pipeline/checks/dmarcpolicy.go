package checks

import (
	"mox/dmarc"
	"mox/pipeline"
	"mox/smtp"
)

// DMARCPolicy says how far what DMARC asks for is followed.
type DMARCPolicy uint8

// The values of DMARCPolicy.
const (
	DMARCNote       DMARCPolicy = iota // Results are only noted.
	DMARCQuarantine                    // What should be refused for good or quarantined is quarantined.
	DMARCEnforce                       // What the domain in From asks for.
)

// judge decides what follows from a result of DMARC. It is a pure function.
//
// A message of which nobody can say who its author is, because it has no From or several, is treated like one that
// fails a policy of reject: programs differ in which author they show (RFC 7489 §6.6.1).
//
// If DNS fails, so that it is not known whether a message is to be refused, it is deferred: the sender tries
// again, and a forger gains nothing by breaking DNS (RFC 7489 §6.6.2).
func (p DMARCPolicy) judge(r dmarc.Result) pipeline.Result {
	switch {
	case p == DMARCNote:
		return pipeline.Result{}
	case r.Invalid:
		return p.refuse("dmarc-no-author", smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, "message must have exactly one From field, with the address of its author", nil))
	case r.Status == dmarc.StatusTempError:
		if r.Policy == dmarc.PolicyNone {
			return pipeline.Result{}
		}
		return pipeline.Result{Verdict: pipeline.Reject, Reason: "dmarc-temperror", Reply: deferral("DMARC cannot be evaluated because of an error in DNS, try again later", r.Err)}
	case r.Apply == dmarc.PolicyReject:
		return p.refuse("dmarc", smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, "message refused by the DMARC policy of "+r.Found.Domain.ASCII, nil))
	case r.Apply == dmarc.PolicyQuarantine:
		return pipeline.Result{Verdict: pipeline.Quarantine, Reason: "dmarc"}
	}
	return pipeline.Result{}
}

// undecided returns the error for a message that could not be judged before the end of the stage: unless
// results are only noted it is deferred too.
func (p DMARCPolicy) undecided(err error) error {
	if p == DMARCNote {
		return err
	}
	return deferral("DMARC cannot be evaluated now, try again later", err)
}

// deferral is a temporary refusal (RFC 7489 §10.3).
func deferral(text string, err error) *smtp.Error {
	return smtp.NewError(smtp.C451LocalError, smtp.E471NotAuthorized, text, err)
}

// refuse refuses a message as far as the policy allows.
func (p DMARCPolicy) refuse(reason string, reply *smtp.Error) pipeline.Result {
	if p == DMARCQuarantine {
		return pipeline.Result{Verdict: pipeline.Quarantine, Reason: reason}
	}
	return pipeline.Result{Verdict: pipeline.Reject, Reason: reason, Reply: reply}
}
