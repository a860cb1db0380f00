package imapserver

import (
	"mox/imap"
)

// handleSubscribe carries out SUBSCRIBE (RFC 9051 §6.3.7, RFC 3501 §6.3.6).
func (c *conn) handleSubscribe(_ *request) (imap.Code, error) {
	name, err := c.mailboxArg()
	if err != nil {
		return "", err
	}
	if name, err = newMailboxName(name); err != nil {
		return "", err
	}
	return "", c.auth.account.Subscribe(c.srv.ctx, c.auth.actor, name)
}

// handleUnsubscribe carries out UNSUBSCRIBE (RFC 9051 §6.3.8, RFC 3501 §6.3.7).
func (c *conn) handleUnsubscribe(_ *request) (imap.Code, error) {
	name, err := c.mailboxArg()
	if err != nil {
		return "", err
	}
	return "", c.auth.account.Unsubscribe(c.srv.ctx, c.auth.actor, name)
}
