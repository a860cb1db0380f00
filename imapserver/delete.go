package imapserver

import (
	"errors"

	"mox/imap"
	"mox/store"
)

// handleDelete carries out DELETE (RFC 9051 §6.3.5, RFC 3501 §6.3.4).
func (c *conn) handleDelete(_ *request) (imap.Code, error) {
	c.dec.SP()
	name, supplied := c.dec.MailboxForm()
	if err := c.end(); err != nil {
		return "", err
	}
	acc, actor := c.auth.account, c.auth.actor
	mb, err := acc.MailboxByName(c.srv.ctx, actor, name)
	if err != nil && !isNoMailbox(err) {
		return "", err
	}
	err = acc.DeleteMailbox(c.srv.ctx, actor, name)
	if mb.ID == 0 && errors.Is(err, store.ErrMailboxInUse) {
		return "", imap.No(imap.CodeHasChildren, "This name only has mailboxes below it", err)
	} else if err != nil {
		return "", err
	}
	if c.rev2 && supplied != "" {
		c.enc.Untagged().Atom("LIST").Open().Atom(`\NonExistent`).Close().String("/").Mailbox(wireName(name))
		c.writeOldName(supplied)
		c.enc.CRLF()
	}
	// Other sessions that have it selected are ended.
	if c.selected != nil && c.selected.mailbox.ID == mb.ID {
		c.deselect()
	}
	return "", nil
}
