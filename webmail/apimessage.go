package webmail

import (
	"context"
	"errors"

	"mox/store"
)

// Thread returns a conversation, oldest message first. Mailbox is that of the view, whose places come first: if it is Junk,
// Trash or Rejects, messages there are in it, which are left out else. A stream, if it is not empty, gets ThreadEvents from now on.
func (a API) Thread(ctx context.Context, stream, view, thread string, mailbox int64) (_ Conversation, rerr error) {
	defer a.s.tell(ctx, "Thread", &rerr)
	id, ok := parseThreadID(thread)
	if !ok {
		return Conversation{}, errUser(codeNotFound, "There is no such conversation.")
	}
	acc, _, err := a.s.open(ctx)
	if err != nil {
		return Conversation{}, err
	}
	defer acc.Close()
	c, err := a.s.conversation(ctx, acc, id, mailbox)
	if err != nil {
		return Conversation{}, err
	}
	if len(c.Items) == 0 {
		return Conversation{}, errUser(codeNotFound, "All messages of this conversation are gone, or in another mailbox.")
	}
	var emails []store.EmailID
	for _, it := range c.Items {
		if email, ok := parseEmailID(it.Email); ok {
			emails = append(emails, email)
		}
	}
	return c, a.s.streams.watchThread(ctx, stream, view, id, mailbox, emails)
}

// Find returns the item of an email, for links to it.
func (a API) Find(ctx context.Context, email string) (_ Item, rerr error) {
	defer a.s.tell(ctx, "Find", &rerr)
	id, ok := parseEmailID(email)
	if !ok {
		return Item{}, store.ErrExpunged
	}
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return Item{}, err
	}
	defer acc.Close()
	m, err := a.s.newItemMaker(ctx, acc, 0)
	if err != nil {
		return Item{}, err
	}
	instances, err := acc.Instances(ctx, actor, []store.EmailID{id})
	if err != nil {
		return Item{}, err
	}
	l, err := m.items(ctx, instances)
	if err != nil {
		return Item{}, err
	}
	if len(l) == 0 {
		return Item{}, store.ErrExpunged
	}
	return l[0], nil
}

// Message returns a message. Seen is set if that is asked for. Path is that of a message within it, empty for itself.
func (a API) Message(ctx context.Context, email, path string, seen bool) (_ Message, rerr error) {
	defer a.s.tell(ctx, "Message", &rerr)
	var msg Message
	err := a.s.withMessage(ctx, email, path, func(m *openedMessage) (err error) {
		if msg, err = m.message(); err != nil {
			return err
		}
		if seen && !msg.Item.Seen {
			err = m.items.seen(ctx, msg.Item.Places)
			msg.Item.Seen = true
		}
		return err
	})
	return msg, err
}

// withMessage calls fn with a message that is opened.
func (s *Server) withMessage(ctx context.Context, email, path string, fn func(m *openedMessage) error) error {
	id, ok := parseEmailID(email)
	if !ok {
		return store.ErrExpunged
	}
	acc, _, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer acc.Close()
	m, content, err := s.openMessage(ctx, acc, id, path)
	if errors.Is(err, errNoPart) {
		return errUser(codeNotFound, "There is no message at this place in the message.")
	} else if err != nil {
		return err
	}
	defer content.Close()
	return fn(m)
}

// Hints returns what takes longer to find out about a message: whether its sender is new.
func (a API) Hints(ctx context.Context, email string) (l []Hint, rerr error) {
	defer a.s.tell(ctx, "Hints", &rerr)
	err := a.s.withMessage(ctx, email, "", func(m *openedMessage) (err error) {
		l, err = m.slowHints()
		return err
	})
	return l, err
}

// Headers returns the whole header of a message.
func (a API) Headers(ctx context.Context, email, path string) (l []Header, rerr error) {
	defer a.s.tell(ctx, "Headers", &rerr)
	err := a.s.withMessage(ctx, email, path, func(m *openedMessage) error {
		l = headersOf(m.letter.header)
		return nil
	})
	return l, err
}

// Unsubscribe leaves the list of a message by one request of the server (RFC 8058).
func (a API) Unsubscribe(ctx context.Context, email string) (rerr error) {
	defer a.s.tell(ctx, "Unsubscribe", &rerr)
	return a.s.withMessage(ctx, email, "", func(m *openedMessage) error {
		u, to := unsubscribeOf(m.letter, m.evidence)
		if u == nil || !u.OneClick || a.s.opts.Client == nil {
			return errUser(codeBad, "The list of this message cannot be left by one click.")
		}
		if err := leaveList(ctx, a.s.opts.Client, to); errors.Is(err, errUnsubscribe) {
			a.s.log.Info("list not left", "host", to.Hostname(), "err", err)
			return errUser(codeRefused, "%s did not take the request. Try its page, or a message to it.", to.Hostname())
		} else if err != nil {
			return err
		}
		return nil
	})
}
