package webmail

import "context"

// Thread returns a conversation, oldest message first. Mailbox is that of the view, whose places come first: if it is Junk,
// Trash or Rejects, messages there are in it, which are left out else. A stream, if it is not empty, gets ThreadEvents from now on.
func (a API) Thread(ctx context.Context, stream, view, thread string, mailbox int64) (Conversation, error) {
	return Conversation{}, errMissing
}

// Find returns the item of an email, for links to it.
func (a API) Find(ctx context.Context, email string) (Item, error) { return Item{}, errMissing }

// Message returns a message. Seen is set if that is asked for. Path is that of a message within it, empty for itself.
func (a API) Message(ctx context.Context, email, path string, seen bool) (Message, error) {
	return Message{}, errMissing
}

// Hints returns what takes longer to find out about a message: whether its sender is new.
func (a API) Hints(ctx context.Context, email string) ([]Hint, error) { return nil, errMissing }

// Headers returns the whole header of a message.
func (a API) Headers(ctx context.Context, email, path string) ([]Header, error) {
	return nil, errMissing
}

// Unsubscribe leaves the list of a message by one request of the server (RFC 8058).
func (a API) Unsubscribe(ctx context.Context, email string) error { return errMissing }
