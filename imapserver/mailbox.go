package imapserver

import (
	"strings"

	"mox/imap"
	"mox/store"
)

// mailboxArg reads the only argument of a command, a mailbox.
func (c *conn) mailboxArg() (string, error) {
	c.dec.SP()
	name := c.dec.Mailbox()
	return name, c.end()
}

// wireName is the name under which a mailbox is shown: the inbox in capitals (RFC 9051 §5.1).
func wireName(name string) string {
	if canonical, err := imap.CanonicalMailbox(name); err == nil {
		return canonical
	}
	return name
}

// newMailboxName checks the name of a mailbox to be made. A separator at the end announces
// that mailboxes will be made below it (RFC 9051 §6.3.4) and is no part of the name.
func newMailboxName(name string) (string, error) {
	name, err := imap.CheckMailbox(strings.TrimSuffix(name, string(imap.Separator)))
	if err != nil {
		return "", imap.No(imap.CodeCannot, "This mailbox name is not allowed", err)
	}
	return name, nil
}

// handleDelete carries out DELETE (RFC 9051 §6.3.5).
func (c *conn) handleDelete(_ *request) (imap.Code, error) {
	name, err := c.mailboxArg()
	if err != nil {
		return "", err
	}
	acc, actor := c.auth.account, c.auth.actor
	mb, err := acc.MailboxByName(c.srv.ctx, actor, name)
	if err != nil && !isNoMailbox(err) {
		return "", err
	}
	if err := acc.DeleteMailbox(c.srv.ctx, actor, name); err != nil {
		return "", err
	}
	// Other sessions that have it selected are ended.
	if c.selected != nil && c.selected.mailbox.ID == mb.ID {
		c.deselect()
	}
	return "", nil
}

// handleRename carries out RENAME (RFC 9051 §6.3.6).
func (c *conn) handleRename(_ *request) (imap.Code, error) {
	c.dec.SP()
	from := c.dec.Mailbox()
	c.dec.SP()
	to := c.dec.Mailbox()
	if err := c.end(); err != nil {
		return "", err
	}
	to, err := newMailboxName(to)
	if err != nil {
		return "", err
	}
	return "", c.auth.account.RenameMailbox(c.srv.ctx, c.auth.actor, from, to)
}

// handleSubscribe carries out SUBSCRIBE (RFC 9051 §6.3.7).
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

// handleUnsubscribe carries out UNSUBSCRIBE (RFC 9051 §6.3.8).
func (c *conn) handleUnsubscribe(_ *request) (imap.Code, error) {
	name, err := c.mailboxArg()
	if err != nil {
		return "", err
	}
	return "", c.auth.account.Unsubscribe(c.srv.ctx, c.auth.actor, name)
}

// destination finds the mailbox that COPY, MOVE and APPEND add to.
func (c *conn) destination(name string) (store.Mailbox, error) {
	mb, err := c.auth.account.MailboxByName(c.srv.ctx, c.auth.actor, name)
	if err == nil && !mb.NoSelect {
		return mb, nil
	}
	if err == nil || isNoMailbox(err) {
		// RFC 9051 §6.3.12: TRYCREATE unless it cannot be created.
		if _, err := newMailboxName(name); err != nil {
			return mb, err
		}
		return mb, imap.No(imap.CodeTryCreate, "No such mailbox; create it first", err)
	}
	return mb, err
}
