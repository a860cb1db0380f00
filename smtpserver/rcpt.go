package smtpserver

import (
	"errors"

	"mox/config"
	"mox/pipeline"
	"mox/smtp"
)

// rcpt is RCPT (RFC 5321 §4.1.1.3).
func (c *conn) rcpt(args string) error {
	to, params, err := smtp.ParseRcptTo(args, c.tx.env.SMTPUTF8)
	if err != nil {
		return err
	}
	if len(params) > 0 {
		return unknownParam(params[0])
	}
	if !c.tx.seen[to] {
		if err := c.addRecipient(to); err != nil {
			c.tx.refused = true
			return err
		}
	}
	c.state = StateRcpt
	c.reply(smtp.C250Completed, smtp.E215DestinationValid, "recipient ok")
	return nil
}

// addRecipient adds a recipient that the transaction does not have yet.
func (c *conn) addRecipient(to smtp.Path) error {
	tx := c.tx
	if len(tx.seen) >= c.l.Limits.opts.Recipients {
		// RFC 5321 §4.5.3.1.10. The client sends the others in a transaction of their own.
		return smtp.NewError(smtp.C452StorageFull, smtp.E453TooManyRecipients, "too many recipients", nil)
	}
	r, err := c.resolve(to)
	if err != nil {
		return err
	}
	if refusal := tx.checks.Recipient(c.ctx(), r); refusal != nil {
		return refusal
	}
	tx.seen[to] = true
	return nil
}

// resolve says where mail for a path goes.
func (c *conn) resolve(to smtp.Path) (pipeline.Recipient, error) {
	r := pipeline.Recipient{Path: to}
	addresses := c.s.opts.Addresses()
	lookup := addresses.LookupIncoming
	if c.isSubmission() {
		lookup = addresses.LookupPath
	}
	dest, _, err := lookup(to)
	switch {
	case err == nil:
		r.Account, r.Mailbox = dest.Account, dest.Mailbox
		return r, nil
	case errors.Is(err, config.ErrUnknownDomain) && c.isSubmission():
		return r, nil
	case errors.Is(err, config.ErrUnknownDomain):
		return r, smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, "mail for this domain is not accepted here", nil)
	case errors.Is(err, config.ErrUnknownUser):
		return r, smtp.NewError(smtp.C550MailboxUnavailable, smtp.E511UnknownMailbox, "no such user here", nil)
	case errors.Is(err, config.ErrDomainDisabled):
		return r, smtp.NewError(smtp.C450MailboxUnavailable, smtp.E421MailboxDisabled, "mail for this domain is not accepted for now", nil)
	}
	return r, err
}
