package store

import (
	"context"
	"errors"

	"mox/imap"
)

// Copied pairs the UIDs of COPY and MOVE (COPYUID, RFC 9051 §7.1). Source and Dest have
// equal length; both ascend.
type Copied struct {
	UIDValidity  uint32 // Of the destination.
	Source, Dest []imap.UID
	ModSeq       imap.ModSeq // Of the new messages, and of the expunge when moving. Zero if there were none.
}

// Copy copies the messages that exist to mailbox dest in one transaction. Copies of an email count once against
// the quota. Returns ErrNoMailbox (of dest: *MailboxError with Dest set), ErrTooManyKeywords.
func (a *Account) Copy(ctx context.Context, actor Actor, mailbox MailboxID, uids imap.UIDSet, dest MailboxID) (Copied, error) {
	return a.transfer(ctx, "copy", mailbox, uids, dest, (*txn).copy)
}

// Move moves the messages that exist to mailbox dest in one transaction (RFC 6851).
// Moving within one mailbox gives the messages new UIDs. Returns errors as Copy.
func (a *Account) Move(ctx context.Context, actor Actor, mailbox MailboxID, uids imap.UIDSet, dest MailboxID) (Copied, error) {
	return a.transfer(ctx, "move", mailbox, uids, dest, (*txn).move)
}

// transfer runs an operation that brings messages from one mailbox to another.
func (a *Account) transfer(ctx context.Context, label string, mailbox MailboxID, uids imap.UIDSet, dest MailboxID, do func(t *txn, from *box, uids imap.UIDSet, to *box) (Copied, error)) (Copied, error) {
	acc, err := a.use()
	if err != nil {
		return Copied{}, err
	}
	if uids == nil {
		uids = imap.UIDSet{} // Nil is all.
	}
	var res Copied
	o := &op{label: label, bulk: uids.Count() > bulkMessages}
	o.run = func(tx *txn) error {
		from, err := tx.box(mailbox)
		if err != nil {
			return err
		}
		to, err := tx.box(dest)
		var merr *MailboxError
		if errors.As(err, &merr) {
			merr.Dest = true
		}
		if err != nil {
			return err
		}
		res, err = do(tx, from, uids, to)
		return err
	}
	if err := acc.committer.do(ctx, o); err != nil {
		return Copied{}, err
	}
	return res, nil
}

// copy adds the messages in a set to another mailbox, or the same one.
func (t *txn) copy(from *box, uids imap.UIDSet, to *box) (Copied, error) {
	res := Copied{UIDValidity: to.row.UIDValidity}
	var rows []messageRow
	err := t.messages(from.row.ID, uids, func(r messageRow) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		return res, err
	}
	for _, r := range rows {
		if err := t.ref(r.Email); err != nil {
			return res, err
		}
		uid, err := t.place(&r, to)
		if err != nil {
			return res, err
		}
		res.Source = append(res.Source, r.uid())
		res.Dest = append(res.Dest, uid)
	}
	t.logPlaced(&res, rows, to)
	return res, nil
}

// place inserts a copy of a message into a mailbox.
func (t *txn) place(r *messageRow, to *box) (imap.UID, error) {
	if err := t.useKeywords(to, r.Keywords); err != nil {
		return 0, err
	}
	uid, err := t.newUID(to)
	if err != nil {
		return 0, err
	}
	n := *r
	n.ID = messageID(to.row.ID, uid)
	n.ModSeq = t.modSeq()
	n.Saved = t.now.Unix()
	return uid, t.insertMessage(to, &n)
}

// logPlaced logs what copy or move added, and completes the result.
func (t *txn) logPlaced(res *Copied, rows []messageRow, to *box) {
	if len(rows) == 0 {
		return
	}
	res.ModSeq = t.modSeq()
	c := Change{Kind: ChangeAdd, Mailbox: to.row.ID, Emails: emailsOf(rows)}
	for _, uid := range res.Dest {
		c.UIDs.Add(uid)
	}
	t.log(c)
}

func emailsOf(rows []messageRow) []EmailID {
	l := make([]EmailID, len(rows))
	for i := range rows {
		l[i] = rows[i].Email
	}
	return l
}

// move is copy, after which the messages are gone where they were. The emails stay referred to as often as
// before.
func (t *txn) move(from *box, uids imap.UIDSet, to *box) (Copied, error) {
	res := Copied{UIDValidity: to.row.UIDValidity}
	var rows []messageRow
	var gone imap.UIDSet
	err := t.messages(from.row.ID, uids, func(r messageRow) error {
		rows = append(rows, r)
		gone.Add(r.uid())
		return nil
	})
	if err != nil {
		return res, err
	}
	for i := range rows {
		r := &rows[i]
		uid, err := t.place(r, to)
		if err != nil {
			return res, err
		}
		if err := t.deleteMessage(from, r); err != nil {
			return res, err
		}
		res.Source = append(res.Source, r.uid())
		res.Dest = append(res.Dest, uid)
	}
	if len(rows) > 0 {
		t.log(Change{Kind: ChangeExpunge, Mailbox: from.row.ID, UIDs: gone, Emails: emailsOf(rows)})
	}
	t.logPlaced(&res, rows, to)
	return res, nil
}
