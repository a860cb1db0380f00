package imapserver

import (
	"context"

	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// handleCopy carries out COPY and UID COPY (RFC 9051 §6.4.7, RFC 3501 §6.4.7).
func (c *conn) handleCopy(r *request) (imap.Code, error) {
	code, _, err := c.copyOrMove(r, c.auth.account.Copy)
	return code, err
}

// handleMove carries out MOVE and UID MOVE (RFC 9051 §6.4.8, RFC 6851).
func (c *conn) handleMove(r *request) (imap.Code, error) {
	if err := c.writable(); err != nil {
		return "", err
	}
	code, modseq, err := c.copyOrMove(r, c.auth.account.Move)
	if err != nil || code == "" {
		return "", err
	}
	// RFC 6851 §4.3: COPYUID comes before the EXPUNGE responses, in an untagged OK.
	c.enc.Status(nil, imap.StatusOK, code, "Moved")
	if c.condstore {
		return imap.HighestModSeq(modseq), nil // RFC 6851 §4.4.
	}
	return "", nil
}

type copyFunc func(ctx context.Context, actor store.Actor, from store.MailboxID, uids imap.UIDSet, to store.MailboxID) (store.Copied, error)

// copyOrMove returns the COPYUID code and the modseq of the change. The code is empty if there was nothing to
// do. Messages that were expunged meanwhile are left out: COPYUID tells which were not, and the client hears of
// the others' EXPUNGE before the tagged response (RFC 2180 §4.4.2).
func (c *conn) copyOrMove(r *request, do copyFunc) (imap.Code, imap.ModSeq, error) {
	c.dec.SP()
	var set wire.NumSet
	c.dec.NumSet(numKind(r), &set)
	c.dec.SP()
	name := c.dec.Mailbox()
	if err := c.end(); err != nil {
		return "", 0, err
	}
	pos, err := c.positions(&set)
	if err != nil {
		return "", 0, err
	}
	to, err := c.destination(name)
	if err != nil || len(pos) == 0 {
		return "", 0, err
	}
	res, err := do(c.srv.ctx, c.auth.actor, c.selected.mailbox.ID, uids(c.selected.View(), pos), to.ID)
	if err != nil || len(res.Source) == 0 {
		return "", 0, err
	}
	return imap.CopyUID(res.UIDValidity, imap.SetOf(res.Source...), imap.SetOf(res.Dest...)), res.ModSeq, nil
}
