package store

import (
	"context"

	"mox/imap"
)

// Expunge removes messages and returns their UIDs, ascending, and the modseq of that, zero if there
// were none. If onlyDeleted is set only those with \Deleted; nil uids means all. The content stays
// readable to sessions that still show the messages, for Options.EraseAfter. Returns ErrNoMailbox.
func (a *Account) Expunge(ctx context.Context, actor Actor, mailbox MailboxID, uids imap.UIDSet, onlyDeleted bool) ([]imap.UID, imap.ModSeq, error) {
	acc, err := a.use()
	if err != nil {
		return nil, 0, err
	}
	if onlyDeleted {
		// Looking for them takes time in a large mailbox, so that is done before the transaction.
		if uids, err = acc.deletedMessages(ctx, mailbox, uids); err != nil {
			return nil, 0, err
		}
	}
	var gone []imap.UID
	var modseq imap.ModSeq
	o := &op{label: "expunge"}
	if mb, ok := acc.mailbox(mailbox); ok {
		o.bulk = mb.row.Total > bulkMessages && (uids == nil || uids.Count() > bulkMessages)
	}
	o.run = func(tx *txn) (err error) {
		gone, modseq, err = tx.expunge(mailbox, uids, onlyDeleted)
		return err
	}
	if err := acc.committer.do(ctx, o); err != nil {
		return nil, 0, err
	}
	return gone, modseq, nil
}

func (t *txn) expunge(mailbox MailboxID, uids imap.UIDSet, onlyDeleted bool) ([]imap.UID, imap.ModSeq, error) {
	b, err := t.box(mailbox)
	if err != nil {
		return nil, 0, err
	}
	c := Change{Kind: ChangeExpunge, Mailbox: mailbox}
	var gone []imap.UID
	err = t.messages(mailbox, uids, func(r messageRow) error {
		if onlyDeleted && !r.Flags.Has(imap.FlagDeleted) {
			return nil
		}
		gone = append(gone, r.uid())
		c.UIDs.Add(r.uid())
		c.Emails = append(c.Emails, r.Email)
		if err := t.deleteMessage(b, &r); err != nil {
			return err
		}
		return t.unref(r.Email, r.Size)
	})
	if err != nil || len(gone) == 0 {
		return nil, 0, err
	}
	t.log(c)
	return gone, t.modSeq(), nil
}

// deletedMessages returns the UIDs of messages with \Deleted, of those in a set if that is not nil.
func (a *account) deletedMessages(ctx context.Context, mailbox MailboxID, among imap.UIDSet) (imap.UIDSet, error) {
	found := imap.UIDSet{}
	mb, ok := a.mailbox(mailbox)
	if !ok {
		return nil, &MailboxError{ID: mailbox}
	}
	if mb.row.Deleted == 0 {
		return found, nil
	}
	look := func(uid imap.UID, flags imap.Flags) {
		if flags.Has(imap.FlagDeleted) && (among == nil || among.Contains(uid)) {
			found.Add(uid)
		}
	}
	if v := a.views.peek(mailbox); v != nil {
		for _, e := range v.All(1) {
			look(e.UID, e.Flags)
		}
		return found, nil
	}
	err := a.scanMailbox(ctx, mailbox, 0, func(r *messageRow) { look(r.uid(), r.Flags) })
	return found, err
}
