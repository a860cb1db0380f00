package webmail

import (
	"context"
	"errors"
	"slices"

	"mox/store"
)

// Act does something to messages. Large selections are done in batches, with a ProgressEvent now and then.
func (a API) Act(ctx context.Context, selection Selection, action Action) (_ Acted, rerr error) {
	defer a.s.tell(ctx, "Act", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return Acted{}, err
	}
	defer acc.Close()
	return a.s.act(ctx, acc, actor, selection, action)
}

// Undo takes an action back, as far as messages have not changed since, and the mailboxes are still there. After an error the rest
// of it can be tried again.
func (a API) Undo(ctx context.Context, token string) (_ Acted, rerr error) {
	defer a.s.tell(ctx, "Undo", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return Acted{}, err
	}
	defer acc.Close()
	steps, ok := a.s.streams.actions.take(actor.Account, token)
	if !ok {
		return Acted{}, errUser(codeNotFound, "It is too late to undo this.")
	}
	ctx = context.WithoutCancel(ctx) // Not only some of it.
	acted := Acted{}
	marked := targetSet{} // Messages whose flags changed. With other changes they are counted there.
	var gone error
	for i, step := range steps {
		n, err := step.do(ctx, acc, actor)
		switch {
		case errors.Is(err, store.ErrNoMailbox):
			gone = err // What is elsewhere can be undone.
			continue
		case err != nil:
			a.s.streams.actions.keep(actor.Account, token, steps[i:])
			return acted, err
		case step.flags != nil:
			marked.add(step.mailbox, slices.Collect(step.uids.All())...)
		default:
			acted.Count += n
		}
		if step.to != 0 {
			acted.Mailbox = int64(step.to)
		}
	}
	if acted.Count == 0 {
		for _, t := range marked.targets() {
			acted.Count += int64(len(t.uids))
		}
	}
	if acted.Count == 0 {
		return acted, gone
	}
	return acted, nil
}

// ActionCancel ends a long action. What it did so far stays, and can be undone.
func (a API) ActionCancel(ctx context.Context, stream, action string) (rerr error) {
	a.s.streams.actions.cancel(actionKey{session(ctx).Actor().Account, stream, action})
	return nil
}
