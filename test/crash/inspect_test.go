package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"mox/imap"
	"mox/store"
)

// inspect opens the account in a directory as after a crash and returns the states of the messages
// in it. It returns as an error if a message is not whole, is twice in a mailbox, or if the account
// is inconsistent.
func inspect(dir string) (_ map[messageID]string, rerr error) {
	ctx := context.Background()
	s, err := store.New(store.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer func() { rerr = errors.Join(rerr, s.Close()) }()
	a, err := s.Open(ctx, accountName)
	if errors.Is(err, store.ErrNoAccount) {
		return nil, nil // Nothing was promised about it before the first delivery.
	} else if err != nil {
		return nil, err
	}
	defer a.Close()

	places := map[messageID]map[string]bool{}
	mailboxes, err := a.Mailboxes(ctx, store.System)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, mb := range mailboxes {
		if mb.NoSelect {
			continue
		}
		if err := inspectMailbox(ctx, a, mb, places); err != nil {
			wrong = append(wrong, fmt.Errorf("mailbox %s: %w", mb.Name, err))
		}
	}
	err = s.Verify(ctx, accountName, true, func(p store.Problem) {
		wrong = append(wrong, fmt.Errorf("verify: %s (%s)", p.What, p.Cure))
	})
	found := map[messageID]string{}
	for id, in := range places {
		found[id] = stateOf(in)
	}
	return found, errors.Join(append(wrong, err)...)
}

func inspectMailbox(ctx context.Context, a *store.Account, mb store.Mailbox, places map[messageID]map[string]bool) error {
	sel, err := a.Select(ctx, store.System, mb.ID)
	if err != nil {
		return err
	}
	defer sel.Close()
	if int64(sel.View().Len()) != mb.Counts.Total {
		return fmt.Errorf("has %d messages, counted %d", sel.View().Len(), mb.Counts.Total)
	}
	var wrong []error
	for _, e := range sel.View().All(1) {
		content, err := readAll(ctx, a, e.Email)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("uid %d: %w", e.UID, err))
			continue
		}
		id, ok := idOf(content)
		if !ok || !bytes.Equal(content, id.body()) {
			wrong = append(wrong, fmt.Errorf("uid %d: content of message %q is not what was delivered", e.UID, id))
			continue
		}
		if places[id] == nil {
			places[id] = map[string]bool{}
		}
		if _, twice := places[id][mb.Name]; twice {
			wrong = append(wrong, fmt.Errorf("uid %d: message %s is there twice", e.UID, id))
		}
		places[id][mb.Name] = e.Flags.Has(imap.FlagFlagged)
	}
	return errors.Join(wrong...)
}

func readAll(ctx context.Context, a *store.Account, id store.EmailID) ([]byte, error) {
	c, err := a.Open(ctx, store.System, id)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
}
