package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// CreateMailbox makes a mailbox and its missing parents; use may be empty.
// Returns ErrMailboxExists, ErrSpecialUseTaken, ErrBadName.
func (a *Account) CreateMailbox(ctx context.Context, actor Actor, name string, use SpecialUse) (Mailbox, error) {
	acc, err := a.use()
	if err != nil {
		return Mailbox{}, err
	}
	name, err = checkName(name)
	if err != nil {
		return Mailbox{}, err
	}
	var id MailboxID
	err = acc.write(ctx, "create_mailbox", func(tx *txn) error {
		if _, err := tx.boxNamed(name); err == nil {
			return ErrMailboxExists
		}
		if use != "" && tx.useTaken(use) {
			return ErrSpecialUseTaken
		}
		b, err := tx.createMailbox(name, use, false)
		if err != nil {
			return err
		}
		id = b.row.ID
		return nil
	})
	if err != nil {
		return Mailbox{}, err
	}
	return a.MailboxByID(ctx, actor, id)
}

// maxMailboxID is the highest id that fits in the key of messageRow.
const maxMailboxID = 1<<31 - 1

// createMailbox makes a mailbox of a checked name that no mailbox has, and its missing parents.
func (t *txn) createMailbox(name string, use SpecialUse, subscribe bool) (*box, error) {
	if parent, ok := imap.ParentMailbox(name); ok {
		if _, err := t.boxNamed(parent); err != nil {
			if _, err := t.createMailbox(parent, "", subscribe); err != nil {
				return nil, err
			}
		}
	}
	if t.row.NextMailbox > maxMailboxID {
		return nil, fmt.Errorf("account has used up its mailbox ids")
	}
	b := &box{inserted: true}
	b.row = mailboxRow{
		ID: t.row.NextMailbox, Name: name, Use: use,
		UIDValidity: t.row.newUIDValidity(t.now), UIDNext: 1,
		ModSeq: t.modSeq(), Created: t.modSeq(),
	}
	t.row.NextMailbox++
	t.boxes[b.row.ID] = b
	t.names[name] = b.row.ID
	t.log(Change{Kind: ChangeMailboxCreate, Mailbox: b.row.ID})
	if subscribe {
		return b, t.subscribe(name, true)
	}
	return b, nil
}

// RenameMailbox renames a mailbox and those below it (RFC 9051 §6.3.6). Renaming
// Inbox moves its messages to a new mailbox and leaves Inbox, empty, in place.
// Returns ErrNoMailbox, ErrMailboxExists, ErrBadName.
func (a *Account) RenameMailbox(ctx context.Context, actor Actor, name, newName string) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	name = canonicalName(name)
	newName, err = checkName(newName)
	if err != nil {
		return err
	}
	if below(newName, name) && name != inboxName {
		return fmt.Errorf("%w: below the mailbox that is renamed", ErrBadName)
	}
	o := &op{label: "rename_mailbox", bulk: name == inboxName}
	o.run = func(tx *txn) error {
		if _, err := tx.boxNamed(newName); err == nil || name == newName && tx.hasBelow(name) {
			return ErrMailboxExists
		}
		if name == inboxName {
			return tx.emptyInbox(newName)
		}
		return tx.renameMailboxes(name, newName)
	}
	return acc.committer.do(ctx, o)
}

// emptyInbox moves all messages of Inbox to a new mailbox.
func (t *txn) emptyInbox(newName string) error {
	inbox, err := t.boxNamed(inboxName)
	if err != nil {
		return err
	}
	dest, err := t.createMailbox(newName, "", false)
	if err != nil {
		return err
	}
	_, err = t.move(inbox, nil, dest)
	return err
}

// renameMailboxes gives new names to the mailbox with a name, if there is one, and all below.
func (t *txn) renameMailboxes(name, newName string) error {
	var old []string
	for _, n := range t.allNames() {
		if n == name || below(n, name) {
			old = append(old, n)
		}
	}
	if len(old) == 0 {
		return ErrNoMailbox
	}
	slices.Sort(old)
	for _, n := range old {
		target := newName + n[len(name):]
		if _, err := checkName(target); err != nil {
			return err
		}
		if _, err := t.boxNamed(target); err == nil && !(target == name || below(target, name)) {
			return fmt.Errorf("%w: %s", ErrMailboxExists, target)
		}
	}
	if parent, ok := imap.ParentMailbox(newName); ok {
		if _, err := t.boxNamed(parent); err != nil {
			if _, err := t.createMailbox(parent, "", false); err != nil {
				return err
			}
		}
	}
	renamed := make([]*box, len(old))
	for i, n := range old {
		b, err := t.boxNamed(n)
		if err != nil {
			return err
		}
		renamed[i] = b
	}
	for _, n := range old {
		t.names[n] = 0
	}
	for i, n := range old {
		b := renamed[i]
		b.row.Name = newName + strings.TrimPrefix(n, name)
		t.names[b.row.Name] = b.row.ID
		t.touch(b)
		t.log(Change{Kind: ChangeMailboxRename, Mailbox: b.row.ID})
	}
	return nil
}

// hasBelow reports whether there are mailboxes below a name.
func (t *txn) hasBelow(name string) bool {
	return slices.ContainsFunc(t.allNames(), func(n string) bool { return below(n, name) })
}

// allNames returns the names of all mailboxes.
func (t *txn) allNames() []string {
	t.account.mu.RLock()
	defer t.account.mu.RUnlock()
	var l []string
	for name := range t.account.boxes.byName {
		if _, changed := t.names[name]; !changed {
			l = append(l, name)
		}
	}
	for name, id := range t.names {
		if id != 0 {
			l = append(l, name)
		}
	}
	return l
}

// DeleteMailbox removes a mailbox. It is gone from all lists when the call returns; its messages are
// removed in batches, by the call or if its context ends, later. A mailbox with
// children keeps its name as a NoSelect parent (RFC 9051 §6.3.5). Inbox cannot be deleted.
// Returns ErrNoMailbox, ErrMailboxInUse for Inbox and NoSelect names with children.
func (a *Account) DeleteMailbox(ctx context.Context, actor Actor, name string) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	name = canonicalName(name)
	if name == inboxName {
		return ErrMailboxInUse
	}
	var id MailboxID
	err = acc.write(ctx, "delete_mailbox", func(tx *txn) error {
		b, err := tx.boxNamed(name)
		if err != nil {
			if tx.hasBelow(name) {
				return ErrMailboxInUse
			}
			return ErrNoMailbox
		}
		id = b.row.ID
		tx.deleteMailbox(b)
		return nil
	})
	if err != nil {
		return err
	}
	for more := true; more; {
		// What is left when the context ends, or the disk has an error, is a chore of the committer.
		if err := acc.committer.do(ctx, removeGoneOp(id, &more)); err != nil {
			return nil
		}
	}
	return nil
}

// deleteMailbox takes a mailbox off all lists. Its messages stay for removeGoneOp.
func (t *txn) deleteMailbox(b *box) {
	t.touch(b)
	t.names[b.row.Name] = 0
	b.row.Gone = true
	b.row.Name = ""
	b.row.Use = ""
	b.deleted = true
	t.gone = append(t.gone, b.row.ID)
	t.log(Change{Kind: ChangeMailboxDelete, Mailbox: b.row.ID})
}

// goneBatch is how many messages of a deleted mailbox are removed in one transaction.
const goneBatch = 500

// errStop ends a loop over rows.
var errStop = errors.New("stop")

// removeGoneOp returns an op that removes some messages of a deleted mailbox, and at the end its row. It sets more to
// whether there is something left to do.
func removeGoneOp(id MailboxID, more *bool) *op {
	return &op{label: "remove_mailbox", bulk: true, run: func(tx *txn) error {
		*more = false
		row := mailboxRow{ID: id}
		if err := tx.get(&row); err == bstore.ErrAbsent {
			return nil
		} else if err != nil {
			return err
		}
		var uids imap.UIDSet
		var emails []EmailID
		err := tx.messageRange(messageID(id, 0), messageID(id, 1<<32-1), func(r messageRow) error {
			if len(emails) == goneBatch {
				*more = true
				return errStop
			}
			uids.Add(r.uid())
			emails = append(emails, r.Email)
			row.count(&r, -1)
			if err := tx.delete(&r); err != nil {
				return err
			}
			return tx.unref(r.Email, r.Size)
		})
		if err != nil && err != errStop {
			return err
		}
		if len(emails) > 0 {
			tx.log(Change{Kind: ChangeExpunge, Mailbox: id, UIDs: uids, Emails: emails})
		}
		if *more {
			return tx.update(&row)
		}
		keywords := mailboxKeywordsRow{Mailbox: id}
		if err := tx.delete(&keywords); err != nil && err != bstore.ErrAbsent {
			return err
		}
		return tx.delete(&row)
	}}
}

// Subscribe and Unsubscribe keep a name on or off the list of subscriptions; the
// mailbox need not exist (RFC 9051 §6.3.7). Returns ErrBadName.
func (a *Account) Subscribe(ctx context.Context, actor Actor, name string) error {
	return a.setSubscribed(ctx, name, true)
}
func (a *Account) Unsubscribe(ctx context.Context, actor Actor, name string) error {
	return a.setSubscribed(ctx, name, false)
}

func (a *Account) setSubscribed(ctx context.Context, name string, on bool) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	if name, err = checkName(name); err != nil {
		return err
	}
	return acc.write(ctx, "subscribe", func(tx *txn) error { return tx.subscribe(name, on) })
}

// subscribe puts a name on or off the list of subscriptions. It does nothing if it is there, or not.
func (t *txn) subscribe(name string, on bool) error {
	row := subscriptionRow{Name: name}
	err := t.get(&row)
	if err != nil && err != bstore.ErrAbsent {
		return err
	}
	if on == (err == nil) {
		return nil
	}
	t.subs[name] = on
	t.log(Change{Kind: ChangeSubscription})
	t.modSeq()
	if on {
		return t.insert(&row)
	}
	return t.delete(&row)
}
