package webmail

import (
	"context"
	"slices"

	"mox/store"
)

// conversation returns the messages of a thread that are in mailboxes which are not aside, or in that of a view.
func (s *Server) conversation(ctx context.Context, acc *store.Account, thread store.ThreadID, mailbox int64) (Conversation, error) {
	m, err := s.newItemMaker(ctx, acc, mailbox)
	if err != nil {
		return Conversation{}, err
	}
	instances, err := acc.ThreadMessages(ctx, m.actor, []store.ThreadID{thread})
	if err != nil {
		return Conversation{}, err
	}
	c := Conversation{Thread: threadText(thread), Muted: acc.Muted(thread)}
	if c.Items, err = m.items(ctx, m.belonging(instances)); err != nil {
		return Conversation{}, err
	}
	if len(c.Items) > 0 {
		c.Subject = c.Items[0].Subject
	}
	return c, nil
}

// belonging returns the messages that belong to a conversation, as it is looked at from a mailbox.
func (m *itemMaker) belonging(instances []store.Instance) []store.Instance {
	in := map[store.EmailID]bool{}
	for _, i := range instances {
		if id := int64(i.Mailbox); id == m.mailbox || !m.folders.aside(id) {
			in[i.Email] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(instances), func(i store.Instance) bool { return !in[i.Email] })
}
