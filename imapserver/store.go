package imapserver

import (
	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// handleStore carries out STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
func (c *conn) handleStore(r *request) (imap.Code, error) {
	var args wire.Store
	if err := c.dec.Store(numKind(r), &args); err != nil {
		return "", err
	}
	if args.HasUnchangedSince {
		c.condstore = true
	}
	if err := c.writable(); err != nil {
		return "", err
	}
	pos, err := c.positions(&args.Set)
	if err != nil || len(pos) == 0 {
		return "", err
	}
	view := c.selected.View()
	change := store.FlagChange{UIDs: uids(view, pos), Op: flagOp(args.Op), Flags: args.Flags, Keywords: args.Keywords, UnchangedSince: -1}
	if args.HasUnchangedSince {
		change.UnchangedSince = args.UnchangedSince
	}
	res, err := c.auth.account.SetFlags(c.ctx, c.auth.actor, c.selected.mailbox.ID, change)
	if err != nil {
		return "", err
	}
	if err := c.tellStored(&args, pos, res); err != nil {
		return "", err
	}
	if len(res.Modified) == 0 {
		return "", nil
	}
	if r.uid {
		return imap.Modified(imap.SetOf(res.Modified...)), nil
	}
	return imap.Modified(uidPositions(c.selected.View(), imap.SetOf(res.Modified...))), nil
}

// tellStored tells the flags of the messages the command was about, and other changes.
func (c *conn) tellStored(args *wire.Store, pos imap.SeqSet, res store.FlagResult) error {
	ch := c.selected.Refresh(false)
	own := imap.SetOf(res.Changed...)
	if args.Silent {
		// RFC 7162 §3.1.3: with CONDSTORE the new MODSEQ is told even then, without FLAGS.
		view := c.selected.View()
		for _, seq := range ch.Flags {
			if e := view.At(seq); c.condstore && e.ModSeq == res.ModSeq && own.Contains(e.UID) {
				c.tellModSeq(seq, e)
			}
		}
		return c.tellChanges(ch, func(e store.Entry) bool { return e.ModSeq == res.ModSeq && own.Contains(e.UID) })
	}
	skip := imap.SetOf(res.Modified...)
	told := imap.UIDSet{}
	view := c.selected.View()
	if err := c.tellChanges(store.Changes{Keywords: ch.Keywords, Deleted: ch.Deleted}, nil); err != nil {
		return err
	}
	for seq := range pos.All() {
		// Sequence numbers stay the same as long as nothing is expunged.
		if e := view.At(seq); !skip.Contains(e.UID) {
			c.tellFlags(seq, e)
			told.Add(e.UID)
		}
	}
	ch.Keywords = nil
	return c.tellChanges(ch, func(e store.Entry) bool { return told.Contains(e.UID) })
}

// tellModSeq tells a new MODSEQ without flags.
func (c *conn) tellModSeq(seq imap.SeqNum, e store.Entry) {
	c.enc.Untagged().Number(uint32(seq)).Atom("FETCH").Open().Atom("UID").Number(uint32(e.UID))
	c.writeModSeq(e.ModSeq)
	c.enc.Close().CRLF()
}

func numKind(r *request) wire.NumKind {
	if r.uid {
		return wire.UIDNums
	}
	return wire.SeqNums
}

func flagOp(op wire.StoreOp) store.FlagOp {
	switch op {
	case wire.StoreAdd:
		return store.FlagsAdd
	case wire.StoreRemove:
		return store.FlagsRemove
	}
	return store.FlagsReplace
}
