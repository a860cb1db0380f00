package webmail

import (
	"context"
	"strings"
)

// MailboxCreate makes a mailbox, and missing ones above it.
func (a API) MailboxCreate(ctx context.Context, name string) (_ Mailbox, rerr error) {
	defer a.s.tell(ctx, "MailboxCreate", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return Mailbox{}, err
	}
	defer acc.Close()
	mb, err := acc.CreateMailbox(ctx, actor, strings.TrimSpace(name), "")
	if err != nil {
		return Mailbox{}, err
	}
	return newMailbox(&mb), acc.Subscribe(ctx, actor, mb.Name)
}

// MailboxRename renames a mailbox and those below it. It returns what Undo takes; empty if nothing changed.
func (a API) MailboxRename(ctx context.Context, mailbox int64, name string) (undo string, rerr error) {
	defer a.s.tell(ctx, "MailboxRename", &rerr)
	acc, actor, mb, err := a.s.openMailbox(ctx, mailbox)
	if err != nil {
		return "", err
	}
	defer acc.Close()
	switch roleOf(&mb) {
	case RoleInbox, RoleRejects, RoleScheduled:
		return "", errUser(codeBad, "This mailbox is known by its name, which stays.")
	}
	name = strings.TrimSpace(name)
	if name == mb.Name {
		return "", nil
	}
	made, err := missingAbove(ctx, acc, actor, name)
	if err != nil {
		return "", err
	}
	if err := renameMailbox(ctx, acc, actor, a.s.log, mb, name); err != nil {
		return "", err
	}
	return a.s.streams.actions.remember(actor.Account, []undoStep{{restore: renameBack(a.s.log, mb.ID, mb.Name, made)}}), nil
}

// MailboxDelete removes a mailbox. It returns what Undo takes if the mailbox was empty. Messages are removed with it for good, if full
// says that there may be some.
func (a API) MailboxDelete(ctx context.Context, mailbox int64, full bool) (undo string, rerr error) {
	defer a.s.tell(ctx, "MailboxDelete", &rerr)
	acc, actor, mb, err := a.s.openMailbox(ctx, mailbox)
	if err != nil {
		return "", err
	}
	defer acc.Close()
	if mb.Counts.Total > 0 && !full {
		return "", errUser(codeBad, "There are messages in it by now.")
	}
	if err := acc.DeleteMailbox(ctx, actor, mb.Name); err != nil {
		return "", err
	}
	if !mb.HasChildren {
		if err := acc.Unsubscribe(ctx, actor, mb.Name); err != nil {
			return "", err
		}
	}
	if mb.Counts.Total > 0 {
		return "", nil
	}
	return a.s.streams.actions.remember(actor.Account, []undoStep{{restore: makeAgain(mb)}}), nil
}

// MailboxEmpty removes the messages of a mailbox: for good from Junk, Trash and Rejects, to Trash from others, which can be undone.
func (a API) MailboxEmpty(ctx context.Context, mailbox int64) (_ Acted, rerr error) {
	defer a.s.tell(ctx, "MailboxEmpty", &rerr)
	acc, actor, mb, err := a.s.openMailbox(ctx, mailbox)
	if err != nil {
		return Acted{}, err
	}
	defer acc.Close()
	kind := ActTrash
	if roleOf(&mb).discarded() {
		kind = ActExpunge
	}
	all := Selection{All: true, Query: &Query{Scope: ScopeMailbox, Mailbox: mailbox}}
	return a.s.act(ctx, acc, actor, all, Action{Kind: kind})
}

// MailboxRole gives a mailbox a role, and takes it from the one that has it.
func (a API) MailboxRole(ctx context.Context, mailbox int64, role Role) (rerr error) {
	defer a.s.tell(ctx, "MailboxRole", &rerr)
	acc, actor, mb, err := a.s.openMailbox(ctx, mailbox)
	if err != nil {
		return err
	}
	defer acc.Close()
	use, _ := roleUse(role)
	switch has := roleOf(&mb); {
	case role != RoleNone && use == "":
		return errUser(codeBad, "A mailbox cannot be given this role.")
	case has == RoleInbox || has == RoleRejects || has == RoleScheduled:
		return errUser(codeBad, "This mailbox keeps its role.")
	}
	return acc.SetSpecialUse(ctx, actor, mb.Name, use, true)
}
