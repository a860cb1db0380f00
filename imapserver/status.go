package imapserver

import (
	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// handleStatus carries out STATUS (RFC 9051 §6.3.11, RFC 8438).
func (c *conn) handleStatus(_ *request) (imap.Code, error) {
	args, err := c.dec.Status()
	if err != nil {
		return "", err
	}
	if err := c.checkStatusItems(args.Items); err != nil {
		return "", err
	}
	if args.Items&wire.StatusHighestModSeq != 0 {
		c.enableCondstore() // RFC 7162 §3.1: a CONDSTORE-enabling command.
	}
	mb, err := c.auth.account.MailboxByName(c.srv.ctx, c.auth.actor, args.Mailbox)
	if err != nil {
		return "", err
	}
	return "", c.writeStatus(mb, args.Items)
}

// checkStatusItems refuses items that the revision in use has not.
func (c *conn) checkStatusItems(items wire.StatusItems) error {
	if c.rev2 && items&wire.StatusRecent != 0 {
		return imap.Bad("RECENT is not an item of STATUS in IMAP4rev2") // RFC 9051 §6.3.11.
	}
	return nil
}

// writeStatus writes a STATUS response (RFC 9051 §7.3.3, RFC 3501 §7.2.4).
func (c *conn) writeStatus(mb store.Mailbox, items wire.StatusItems) error {
	recent := int64(0)
	if items&wire.StatusRecent != 0 {
		var err error
		if recent, err = c.statusRecent(mb); err != nil {
			return err
		}
	}
	c.enc.Untagged().Atom("STATUS").Mailbox(wireName(mb.Name)).Open()
	for _, it := range []struct {
		item  wire.StatusItems
		name  string
		value int64
	}{
		{wire.StatusMessages, "MESSAGES", mb.Counts.Total},
		{wire.StatusRecent, "RECENT", recent},
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
	return c.writeError()
}
