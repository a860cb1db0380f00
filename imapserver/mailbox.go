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
