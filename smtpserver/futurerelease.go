package smtpserver

import (
	"fmt"
	"time"

	"mox/pipeline"
	"mox/smtp"
)

// maxHold is how far ahead a client may have a message sent. The queue takes a little more, for the time that passes until
// it has the message.
const maxHold = 365 * 24 * time.Hour

// futureRelease returns the line of EHLO that says for how long, and until when, a message can be held (RFC 4865 §3).
func (c *conn) futureRelease() string {
	until := c.s.opts.Now().Add(maxHold).UTC()
	return fmt.Sprintf("FUTURERELEASE %d %s", maxHold/time.Second, until.Format(time.RFC3339))
}

// hold is the parameter HOLDFOR or HOLDUNTIL (RFC 4865 §4.2).
func (c *conn) hold(env *pipeline.Envelope, p smtp.Param) error {
	bad := func(text string) error {
		return smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, text, nil)
	}
	now := c.s.opts.Now()
	var at time.Time
	form := "for;"
	var err error
	if p.Keyword == "HOLDFOR" {
		var d time.Duration
		d, err = smtp.ParseHoldFor(p.Value)
		at = now.Add(d)
	} else {
		form = "until;"
		at, err = smtp.ParseHoldUntil(p.Value)
	}
	switch {
	case err != nil:
		return bad("bad value of parameter " + p.Keyword)
	case !c.isSubmission():
		return unknownParam(p)
	case env.FutureRelease != "":
		return bad("only one of HOLDFOR and HOLDUNTIL can be given")
	case at.After(now.Add(maxHold)):
		return bad(fmt.Sprintf("message can be held for %d days at most", maxHold/(24*time.Hour)))
	}
	env.SendAt, env.FutureRelease = at, form+p.Value
	return nil
}
