package imapserver

import (
	"cmp"

	"mox/imap"
)

// handleRename carries out RENAME (RFC 9051 §6.3.6).
func (c *conn) handleRename(_ *request) (imap.Code, error) {
	c.dec.SP()
	from, suppliedFrom := c.dec.MailboxForm()
	c.dec.SP()
	to, suppliedTo := c.dec.MailboxForm()
	if err := c.end(); err != nil {
		return "", err
	}
	to, err := newMailboxName(to)
	if err != nil {
		return "", err
	}
	if err := c.auth.account.RenameMailbox(c.srv.ctx, c.auth.actor, from, to); err != nil {
		return "", err
	}
	if suppliedFrom != "" || suppliedTo != "" {
		return "", c.tellNormalized(to, cmp.Or(suppliedFrom, from))
	}
	return "", nil
}
