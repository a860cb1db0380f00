package imapserver

import "mox/imap"

// handleClose carries out CLOSE (RFC 9051 §6.4.1, RFC 3501 §6.4.2): messages with \Deleted are removed without
// a word, unless the mailbox was opened read-only.
func (c *conn) handleClose(_ *request) (imap.Code, error) {
	if err := c.end(); err != nil {
		return "", err
	}
	if !c.selected.readOnly {
		_, _, err := c.auth.account.Expunge(c.srv.ctx, c.auth.actor, c.selected.mailbox.ID, nil, true)
		if err != nil && !isNoMailbox(err) {
			return "", err
		}
	}
	c.unselect()
	return "", nil
}

// handleUnselect carries out UNSELECT (RFC 9051 §6.4.2).
func (c *conn) handleUnselect(_ *request) (imap.Code, error) {
	if err := c.end(); err != nil {
		return "", err
	}
	c.unselect()
	return "", nil
}
