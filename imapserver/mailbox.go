package imapserver

import (
	"cmp"
	"errors"
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

// tellNormalized tells the name that a mailbox got, where the client named it in another form (RFC 9051 §6.3.4,
// §6.3.6).
func (c *conn) tellNormalized(name, oldName string) error {
	if !c.rev2 {
		return nil
	}
	mb, err := c.auth.account.MailboxByName(c.srv.ctx, c.auth.actor, name)
	if isNoMailbox(err) {
		return nil // Somebody else was faster, or it is only a parent.
	} else if err != nil {
		return err
	}
	c.tellMailbox(mb, oldName)
	return nil
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
	if isNoMailbox(err) {
		// RFC 9051 §6.3.12: TRYCREATE unless it cannot be created.
		if _, err := newMailboxName(name); err != nil {
			return mb, err
		}
		return mb, imap.No(imap.CodeTryCreate, "No such mailbox; create it first", err)
	}
	return mb, err
}
