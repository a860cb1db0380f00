package store

import (
	"context"
	"fmt"
	"slices"
)

// specialUses are those that a mailbox may have.
var specialUses = [...]SpecialUse{Archive, Drafts, Junk, Sent, Trash}

// SetSpecialUse gives a mailbox a special use in place of the one it has, or with an empty one takes it off. With take
// set the mailbox that has this use loses it, else ErrSpecialUseTaken is returned. Returns ErrNoMailbox,
// ErrBadSpecialUse for a use that is unknown and for any of Inbox.
func (a *Account) SetSpecialUse(ctx context.Context, actor Actor, name string, use SpecialUse, take bool) error {
	acc, err := a.use()
	if err != nil {
		return err
	}
	name = canonicalName(name)
	if use != "" && (name == inboxName || !slices.Contains(specialUses[:], use)) {
		return fmt.Errorf("%w: %q of %s", ErrBadSpecialUse, use, name)
	}
	return acc.write(ctx, "set_special_use", func(tx *txn) error { return tx.setSpecialUse(name, use, take) })
}

func (t *txn) setSpecialUse(name string, use SpecialUse, take bool) error {
	b, err := t.boxNamed(name)
	if err != nil {
		return err
	}
	if b.row.Use == use {
		return nil
	}
	if use != "" {
		if id := t.boxWithUse(use); id != 0 && !take {
			return ErrSpecialUseTaken
		} else if id != 0 {
			other, err := t.box(id)
			if err != nil {
				return err
			}
			t.changeUse(other, "")
		}
	}
	t.changeUse(b, use)
	return nil
}

// changeUse sets the special use of a mailbox.
func (t *txn) changeUse(b *box, use SpecialUse) {
	t.touch(b)
	b.row.Use = use
	t.log(Change{Kind: ChangeMailboxUse, Mailbox: b.row.ID})
}

// boxWithUse returns the mailbox that has a special use, zero if none does.
func (t *txn) boxWithUse(use SpecialUse) MailboxID {
	for id, b := range t.boxes {
		if b.row.Use == use && !b.deleted {
			return id
		}
	}
	t.account.mu.RLock()
	defer t.account.mu.RUnlock()
	for id, mb := range t.account.boxes.byID {
		if mb.row.Use == use && t.boxes[id] == nil {
			return id
		}
	}
	return 0
}

// useTaken reports whether a mailbox has a special use.
func (t *txn) useTaken(use SpecialUse) bool { return t.boxWithUse(use) != 0 }
