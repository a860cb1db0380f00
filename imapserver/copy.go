package imapserver

import (
	"context"

	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// handleCopy carries out COPY and UID COPY (RFC 9051 §6.4.7).
func (c *conn) handleCopy(r *request) (imap.Code, error) {
	return c.copyOrMove(r, c.auth.account.Copy)
}

// handleMove carries out MOVE and UID MOVE (RFC 9051 §6.4.8, RFC 6851).
func (c *conn) handleMove(r *request) (imap.Code, error) {
	if err := c.writable(); err != nil {
		return "", err
	}
	code, err := c.copyOrMove(r, c.auth.account.Move)
	if err != nil || code == "" {
		return "", err
	}
	// RFC 6851 §4.3: COPYUID comes before the EXPUNGE responses, in an untagged OK.
	c.enc.Status(nil, imap.StatusOK, code, "Moved")
	return "", nil
}

type copyFunc func(ctx context.Context, actor store.Actor, from store.MailboxID, uids imap.UIDSet, to store.MailboxID) (store.Copied, error)

// copyOrMove returns the COPYUID code, empty if there was nothing to do.
func (c *conn) copyOrMove(r *request, do copyFunc) (imap.Code, error) {
	c.dec.SP()
	var set wire.NumSet
	c.dec.NumSet(numKind(r), &set)
	c.dec.SP()
	name := c.dec.Mailbox()
	if err := c.end(); err != nil {
		return "", err
	}
	pos, err := c.positions(&set)
	if err != nil {
		return "", err
	}
	to, err := c.destination(name)
	if err != nil || len(pos) == 0 {
		return "", err
	}
	res, err := do(c.ctx, c.auth.actor, c.selected.mailbox.ID, uids(c.selected.View(), pos), to.ID)
	if err != nil || len(res.Source) == 0 {
		return "", err
	}
	return imap.CopyUID(res.UIDValidity, imap.SetOf(res.Source...), imap.SetOf(res.Dest...)), nil
}
