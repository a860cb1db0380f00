package webmail

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"mox/store"
)

// renameMailbox renames a mailbox and those below it. What is subscribed of them follows; that it cannot is logged, as the mailbox is renamed
// by then.
func renameMailbox(ctx context.Context, acc *store.Account, actor store.Actor, log *slog.Logger, mb store.Mailbox, newName string) error {
	subscribed, err := acc.Subscriptions(ctx, actor)
	if err != nil {
		return err
	}
	if err := acc.RenameMailbox(ctx, actor, mb.Name, newName); err != nil {
		return err
	}
	// The name may have been given in another form.
	renamed, err := acc.MailboxByID(ctx, actor, mb.ID)
	if err == nil {
		err = subscribeRenamed(ctx, acc, actor, subscribed, mb.Name, renamed.Name)
	}
	if err != nil {
		log.Error("subscriptions do not follow a mailbox that was renamed", "account", acc.Name(), "mailbox", mb.ID, "err", err)
	}
	return nil
}

// subscribeRenamed has subscriptions follow, as IMAP clients show what is subscribed.
func subscribeRenamed(ctx context.Context, acc *store.Account, actor store.Actor, subscribed []string, name, newName string) error {
	for _, old := range subscribed {
		renamed, ok := renamedMailbox(old, name, newName)
		if !ok {
			continue
		}
		if err := acc.Subscribe(ctx, actor, renamed); err != nil {
			return err
		}
		if err := acc.Unsubscribe(ctx, actor, old); err != nil {
			return err
		}
	}
	return nil
}

// renamedMailbox returns the name of a mailbox after another one was renamed; false if it is neither that nor below it.
func renamedMailbox(mailbox, name, newName string) (string, bool) {
	below, ok := strings.CutPrefix(mailbox, name)
	if !ok || below != "" && below[0] != '/' {
		return mailbox, false
	}
	return newName + below, true
}

// renameBack gives a mailbox its former name. Mailboxes that were made to hold it go, if nothing is in them.
func renameBack(log *slog.Logger, id store.MailboxID, name string, made []string) restore {
	return func(ctx context.Context, acc *store.Account, actor store.Actor) error {
		mb, err := acc.MailboxByID(ctx, actor, id)
		if err != nil {
			return err
		}
		if err := renameMailbox(ctx, acc, actor, log, mb, name); err != nil {
			return err
		}
		for _, parent := range made {
			mb, err := acc.MailboxByName(ctx, actor, parent)
			if err != nil || mb.NoSelect || mb.HasChildren || mb.Counts.Total > 0 {
				break // It is used.
			}
			if err := acc.DeleteMailbox(ctx, actor, parent); err != nil {
				return err
			}
		}
		return nil
	}
}

// missingAbove returns the names above a mailbox that no mailbox has, the longest first.
func missingAbove(ctx context.Context, acc *store.Account, actor store.Actor, name string) ([]string, error) {
	var l []string
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		_, err := acc.MailboxByName(ctx, actor, name[:i])
		switch {
		case errors.Is(err, store.ErrNoMailbox):
			l = append(l, name[:i])
		case err != nil:
			return nil, err
		}
	}
	return l, nil
}

// makeAgain makes a mailbox that was deleted when nothing was in it. Settings know it by its new id then.
func makeAgain(was store.Mailbox) restore {
	return func(ctx context.Context, acc *store.Account, actor store.Actor) error {
		mb, err := acc.CreateMailbox(ctx, actor, was.Name, was.SpecialUse)
		if errors.Is(err, store.ErrSpecialUseTaken) {
			mb, err = acc.CreateMailbox(ctx, actor, was.Name, "")
		}
		if err != nil {
			return err
		}
		err = replaceInSettings(ctx, acc, actor, int64(was.ID), int64(mb.ID))
		if was.Subscribed {
			err = errors.Join(err, acc.Subscribe(ctx, actor, was.Name))
		}
		return err
	}
}

// replaceInSettings has what settings say of a mailbox said of another one. They stay unwritten where they say nothing of it.
func replaceInSettings(ctx context.Context, acc *store.Account, actor store.Actor, id, other int64) error {
	st, err := settings(ctx, acc)
	if err != nil || !st.replaceMailbox(id, other) {
		return err
	}
	_, err = changeSettings(ctx, acc, actor, func(st *Settings) { st.replaceMailbox(id, other) })
	return err
}
