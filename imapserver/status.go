package imapserver

import (
	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// handleStatus carries out STATUS (RFC 9051 §6.3.11).
func (c *conn) handleStatus(_ *request) (imap.Code, error) {
	args, err := c.dec.Status()
	if err != nil {
		return "", err
	}
	if args.Items&wire.StatusHighestModSeq != 0 {
		c.enableCondstore() // RFC 7162 §3.1: a CONDSTORE-enabling command.
	}
	mb, err := c.auth.account.MailboxByName(c.srv.ctx, c.auth.actor, args.Mailbox)
	if err != nil {
		return "", err
	}
	if mb.NoSelect {
		return "", imap.No(imap.CodeNonExistent, "This name only has mailboxes below it", nil)
	}
	c.writeStatus(mb, args.Items)
	return "", c.writeError()
}

// writeStatus writes a STATUS response.
func (c *conn) writeStatus(mb store.Mailbox, items wire.StatusItems) {
	c.enc.Untagged().Atom("STATUS").Mailbox(wireName(mb.Name)).Open()
	for _, it := range []struct {
		item  wire.StatusItems
		name  string
		value int64
	}{
		{wire.StatusMessages, "MESSAGES", mb.Counts.Total},
		{wire.StatusRecent, "RECENT", 0},
		{wire.StatusUIDNext, "UIDNEXT", int64(mb.UIDNext)},
		{wire.StatusUIDValidity, "UIDVALIDITY", int64(mb.UIDValidity)},
		{wire.StatusUnseen, "UNSEEN", mb.Counts.Unseen},
		{wire.StatusDeleted, "DELETED", mb.Counts.Deleted},
		{wire.StatusSize, "SIZE", mb.Counts.Size},
		{wire.StatusHighestModSeq, "HIGHESTMODSEQ", int64(max(mb.ModSeq, 1))},
	} {
		if items&it.item != 0 {
			c.enc.Atom(it.name).Number64(it.value)
		}
	}
	c.enc.Close().CRLF()
}
