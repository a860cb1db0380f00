package webmail

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"mox/pipeline"
	"mox/store"
)

// scheduledMailbox is where messages are that are sent later.
const scheduledMailbox = "Scheduled"

// roleOf returns the role of a mailbox.
func roleOf(m *store.Mailbox) Role {
	switch m.SpecialUse {
	case store.Drafts:
		return RoleDrafts
	case store.Sent:
		return RoleSent
	case store.Archive:
		return RoleArchive
	case store.Junk:
		return RoleJunk
	case store.Trash:
		return RoleTrash
	}
	switch m.Name {
	case "Inbox":
		return RoleInbox
	case pipeline.RejectsMailbox:
		return RoleRejects
	case scheduledMailbox:
		return RoleScheduled
	}
	return RoleNone
}

// roleUse is the special use of roles that are one, with the name of the mailbox that is made if there is none.
func roleUse(r Role) (use store.SpecialUse, name string) {
	switch r {
	case RoleDrafts:
		return store.Drafts, "Drafts"
	case RoleSent:
		return store.Sent, "Sent"
	case RoleArchive:
		return store.Archive, "Archive"
	case RoleJunk:
		return store.Junk, "Junk"
	case RoleTrash:
		return store.Trash, "Trash"
	}
	return "", ""
}

// rank is where mailboxes with a role stand, before all others.
func (r Role) rank() int {
	order := [...]Role{RoleInbox, RoleDrafts, RoleScheduled, RoleSent, RoleArchive, RoleJunk, RoleTrash, RoleRejects}
	if i := slices.Index(order[:], r); i >= 0 {
		return i
	}
	return len(order)
}

// discarded tells of mailboxes that conversations and most searches leave out.
func (r Role) discarded() bool { return r == RoleJunk || r == RoleTrash || r == RoleRejects }

// sending tells of mailboxes with messages that the account writes, whose rows show recipients.
func (r Role) sending() bool { return r == RoleSent || r == RoleDrafts || r == RoleScheduled }

// mailboxes returns all mailboxes: those with a role first, in fixed order, then others by name.
func mailboxes(ctx context.Context, acc *store.Account, actor store.Actor) ([]Mailbox, error) {
	all, err := acc.Mailboxes(ctx, actor)
	if err != nil {
		return nil, err
	}
	l := make([]Mailbox, len(all))
	for i := range all {
		l[i] = newMailbox(&all[i])
	}
	slices.SortStableFunc(l, func(a, b Mailbox) int {
		return cmp.Or(cmp.Compare(a.Role.rank(), b.Role.rank()), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return l, nil
}

func newMailbox(m *store.Mailbox) Mailbox {
	return Mailbox{
		ID: int64(m.ID), Name: m.Name, Role: roleOf(m), NoSelect: m.NoSelect,
		Total: m.Counts.Total, Unread: m.Counts.Unread, Size: m.Counts.Size,
		Labels: labelsOf(m.Keywords),
	}
}

// labelsOf returns the keywords that are labels for users. It is never nil.
func labelsOf(keywords []string) []string {
	l := []string{}
	for _, k := range keywords {
		if isLabel(k) {
			l = append(l, k)
		}
	}
	return l
}

// roles returns the mailboxes that have a role, by it, and the role of each mailbox.
func roles(l []Mailbox) (byRole map[Role]int64, of map[int64]Role) {
	byRole, of = map[Role]int64{}, map[int64]Role{}
	for _, m := range l {
		of[m.ID] = m.Role
		if m.Role != RoleNone {
			byRole[m.Role] = m.ID
		}
	}
	return byRole, of
}
