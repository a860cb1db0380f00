package imapserver

import (
	"errors"

	"mox/imap"
)

// handleSelect carries out SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3, RFC 7162 §3.1.8).
func (c *conn) handleSelect(r *request) (imap.Code, error) {
	args, err := c.dec.Select()
	// RFC 9051 §6.3.2: also a SELECT that fails deselects, as with a malformed name. One that is not
	// understood does nothing.
	if err != nil && !isNo(err) {
		return "", err
	}
	c.deselect()
	if err != nil {
		return "", err
	}
	if args.CondStore {
		c.enableCondstore()
	}
	acc, actor := c.auth.account, c.auth.actor
	mb, err := acc.MailboxByName(c.srv.ctx, actor, args.Mailbox)
	if err != nil {
		return "", err
	}
	sel, err := acc.Select(c.srv.ctx, actor, mb.ID)
	if err != nil {
		return "", err
	}
	c.selected = &selectedState{Selection: sel, mailbox: sel.Mailbox(), readOnly: r.name == "EXAMINE"}
	c.tellSelected(args.Supplied)
	if c.selected.readOnly {
		return imap.CodeReadOnly, nil
	}
	return imap.CodeReadWrite, nil
}

// deselect closes the mailbox that is selected, if one is, and says so (RFC 9051 §7.1, CLOSED).
func (c *conn) deselect() {
	if c.selected != nil {
		c.unselect()
		c.enc.Status(nil, imap.StatusOK, imap.CodeClosed, "Previous mailbox is closed")
	}
}

// isNo reports whether an error is a refusal of what was understood.
func isNo(err error) bool {
	var ie *imap.Error
	return errors.As(err, &ie) && ie.Status == imap.StatusNo
}

// tellSelected writes what SELECT must tell of the mailbox. Supplied is another form of its name that the client
// used, if it did.
func (c *conn) tellSelected(supplied string) {
	s := c.selected
	view := s.View()
	c.tellKeywords(s.mailbox.Keywords)
	c.tellNumber(view.Len(), "EXISTS")
	c.takeRecent()
	if c.rev2 {
		c.tellMailbox(s.mailbox, supplied)
	} else {
		c.tellRecent()
		c.tellFirstUnseen()
	}
	c.enc.Status(nil, imap.StatusOK, imap.UIDValidity(view.UIDValidity()), "UIDs are valid")
	c.enc.Status(nil, imap.StatusOK, imap.UIDNext(view.UIDNext()), "Next UID")
	c.tellHighestModSeq()
}

// tellFirstUnseen writes the code UNSEEN (RFC 3501 §6.3.1), if there is such a message.
func (c *conn) tellFirstUnseen() {
	if c.selected.mailbox.Counts.Unseen == 0 {
		return
	}
	for seq, e := range c.selected.View().All(1) {
		if !e.Flags.Has(imap.FlagSeen) {
			c.enc.Status(nil, imap.StatusOK, imap.Unseen(seq), "First message not seen")
			return
		}
	}
}
