package arc

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"mox/authres"
	"mox/dkim"
)

// Result is what is known about the chain of a message.
type Result struct {
	Status Status

	// Err is why the chain fails; nil otherwise. It is a [*FieldError] unless no field is to
	// blame.
	Err error

	// Sets are the sets of the chain, by instance from 1. They are nil if the structure of the
	// chain is invalid.
	Sets []Set

	// OldestPass is the lowest instance whose message signature, and those of all instances above
	// it, still verify: who has changed the message lately. It is 0 if all do, or the chain does
	// not pass (RFC 8617 §5.2, step 5).
	OldestPass int
}

// Set is what one server added to the message. What it says has a meaning only if the chain passes
// and the domain of its seal is trusted (RFC 8617 §9).
type Set struct {
	Instance int

	// Results is what the server found out about the message when it came in.
	Results authres.Results

	// ResultsErr is why Results cannot be read. That does not make the chain invalid
	// (RFC 8617 §3.4).
	ResultsErr error

	// Message is the signature of the message as it left; nil if it cannot be read.
	Message *dkim.Signature

	// MessageErr is why Message does not verify, nil if it does. It is [ErrNotChecked] if a newer
	// one does not verify, or if it would take too long, with a header of megabytes.
	MessageErr error

	// Seal is the signature of the chain up to here.
	Seal *Seal

	// SealErr is why Seal does not verify, nil if it does, or ErrNotChecked.
	SealErr error
}

// Temporary reports whether the chain fails because a key could not be looked up, so that a later
// try might succeed. The status is a failure all the same (RFC 8617 §5.2.1).
func (r Result) Temporary() bool { return errors.Is(r.Err, dkim.ErrKeyUnavailable) }

// AuthResult returns the result as it goes into an Authentication-Results field (RFC 8617 §6,
// §10.2). The address of the SMTP client is left out if it is not valid.
func (r Result) AuthResult(remoteIP netip.Addr) authres.Result {
	a := authres.Result{Method: "arc", Result: string(r.Status)}
	if r.Err != nil {
		a.Reason = reason(r.Err)
	}
	if r.Status == StatusPass {
		a.Props = append(a.Props, authres.Prop{Type: "header", Property: "oldest-pass", Value: strconv.Itoa(r.OldestPass)})
	}
	if r.Status != StatusNone && remoteIP.IsValid() {
		a.Props = append(a.Props, authres.Prop{Type: "smtp", Property: "remote-ip", Value: remoteIP.Unmap().WithZone("").String()})
	}
	return a
}

// reason returns an error in a few words of printable ASCII, without the details of its cause.
func reason(err error) string {
	prefix := ""
	var f *FieldError
	if errors.As(err, &f) {
		prefix = f.Field
		if f.Instance > 0 {
			prefix += " " + strconv.Itoa(f.Instance)
		}
		prefix += ": "
		err = f.Err
	}
	text, _, _ := strings.Cut(err.Error(), ": ")
	return prefix + strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?' // Of a field of the message.
		}
		return r
	}, text)
}
