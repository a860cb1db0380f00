package smtpserver

import (
	"errors"
	"strings"
	"unicode"

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
	asked := pipeline.Recipient{Path: to}
	if err := c.rcptParams(&asked, params); err != nil {
		return err
	}
	if !c.tx.seen[to] {
		if err := c.addRecipient(asked); err != nil {
			c.tx.refused = true
			return err
		}
	}
	c.state = StateRcpt
	c.reply(smtp.C250Completed, smtp.E215DestinationValid, "recipient ok")
	return nil
}

// rcptParams handles the parameters of RCPT.
func (c *conn) rcptParams(r *pipeline.Recipient, params smtp.Params) error {
	for _, p := range params {
		var err error
		switch p.Keyword {
		case "NOTIFY": // RFC 3461 §4.1.
			r.Notify, err = smtp.ParseNotify(p.Value)
		case "ORCPT": // RFC 3461 §4.2, RFC 6533 §3.
			r.OriginalRecipient, err = parseORCPT(p.Value, c.tx.env.SMTPUTF8)
		default:
			return unknownParam(p)
		}
		if err != nil {
			return smtp.NewError(smtp.C501BadParamSyntax, smtp.E554InvalidArguments, "bad value of parameter "+p.Keyword, err)
		}
	}
	return nil
}

// parseORCPT parses an original recipient, in which UTF-8 needs SMTPUTF8 (RFC 6533 §3). It is not
// compared with the recipient: no valid value may lead to a refusal (RFC 3461 §5.1).
func parseORCPT(s string, utf8 bool) (smtp.OriginalRecipient, error) {
	if !utf8 && strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		return smtp.OriginalRecipient{}, errors.New("original recipient is not ASCII")
	}
	return smtp.ParseOriginalRecipient(s)
}

// addRecipient adds a recipient that the transaction does not have yet. asked is what the client
// said.
func (c *conn) addRecipient(asked pipeline.Recipient) error {
	tx := c.tx
	if len(tx.seen) >= c.l.Limits.opts.Recipients {
		// RFC 5321 §4.5.3.1.10. The client sends the others in a transaction of their own.
		return smtp.NewError(smtp.C452StorageFull, smtp.E453TooManyRecipients, "too many recipients", nil)
	}
	if alias := c.s.opts.Addresses().LookupAlias(asked.Path); alias != nil {
		if err := c.addAlias(alias, asked); err != nil {
			return err
		}
		tx.seen[asked.Path] = true
		return nil
	}
	r, err := c.resolve(asked)
	if err != nil {
		return err
	}
	if refusal := tx.checks.Recipient(c.ctx(), r); refusal != nil {
		return refusal
	}
	tx.seen[asked.Path] = true
	return nil
}

// resolve says where mail for the path of r goes. Who is not logged in is given no way through (RFC 5321 §7.9), and
// nobody is told of another address, or which one an alias stands for (§3.4, §3.9.1, §7.4).
func (c *conn) resolve(r pipeline.Recipient) (pipeline.Recipient, error) {
	addresses := c.s.opts.Addresses()
	lookup := addresses.LookupIncoming
	if c.isSubmission() {
		lookup = addresses.LookupPath
	}
	dest, _, err := lookup(r.Path)
	switch {
	case err == nil:
		r.Account, r.Mailbox = dest.Account, dest.Mailbox
		return r, nil
	case errors.Is(err, config.ErrUnknownDomain) && c.isSubmission():
		return r, nil
	}
	return r, lookupError(err)
}

// lookupError turns an error of a look-up of a recipient into the reply.
func lookupError(err error) error {
	switch {
	case errors.Is(err, config.ErrUnknownDomain):
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, "mail for this domain is not accepted here", nil)
	case errors.Is(err, config.ErrUnknownUser):
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E511UnknownMailbox, "no such user here", nil)
	case errors.Is(err, config.ErrDomainDisabled):
		return smtp.NewError(smtp.C450MailboxUnavailable, smtp.E421MailboxDisabled, "mail for this domain is not accepted for now", nil)
	}
	return err
}
