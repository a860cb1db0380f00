package webmail

import "context"

// Act does something to messages. Large selections are done in batches, with a ProgressEvent now and then.
func (a API) Act(ctx context.Context, selection Selection, action Action) (Acted, error) {
	return Acted{}, errMissing
}

// Undo takes an action back, as far as messages have not changed since.
func (a API) Undo(ctx context.Context, token string) (Acted, error) { return Acted{}, errMissing }

// ActionCancel ends a long action. What it did so far stays, and can be undone.
func (a API) ActionCancel(ctx context.Context, stream, action string) error { return errMissing }
