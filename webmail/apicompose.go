package webmail

import "context"

// Compose returns what a composer begins with.
func (a API) Compose(ctx context.Context, request ComposeRequest) (Draft, error) {
	return Draft{}, errMissing
}

// DraftSave saves a draft in the mailbox for drafts, in place of its earlier version.
func (a API) DraftSave(ctx context.Context, draft Draft) (Saved, error) { return Saved{}, errMissing }

// DraftDiscard removes a draft. The undo is by Undo.
func (a API) DraftDiscard(ctx context.Context, email string) (Acted, error) {
	return Acted{}, errMissing
}

// Warnings returns what a sender should look at before a draft is sent. None is a refusal.
func (a API) Warnings(ctx context.Context, draft Draft) ([]Warning, error) { return nil, errMissing }

// Send sends a draft. It leaves after the hold, or at its SendAt.
func (a API) Send(ctx context.Context, draft Draft, options SendOptions) (Sent, error) {
	return Sent{}, errMissing
}

// SendUndo takes a message back that has not left, and returns it as a draft, which is saved.
func (a API) SendUndo(ctx context.Context, submission string) (Draft, error) {
	return Draft{}, errMissing
}

// SendNow has a message that waits leave at once.
func (a API) SendNow(ctx context.Context, submission string) error { return errMissing }

// Reschedule changes when a message leaves.
func (a API) Reschedule(ctx context.Context, submission string, at int64) error { return errMissing }

// Scheduled lists messages that wait to be sent, the next one first.
func (a API) Scheduled(ctx context.Context) ([]Submission, error) { return nil, errMissing }

// Recipients completes what is typed for a recipient.
func (a API) Recipients(ctx context.Context, text string) ([]Correspondent, error) {
	return nil, errMissing
}

// RecipientForget has an address not be suggested any more.
func (a API) RecipientForget(ctx context.Context, address string) error { return errMissing }

// RecipientSecurity returns what is known of the ways to recipients. It may take a second, and is remembered.
func (a API) RecipientSecurity(ctx context.Context, addresses []string) ([]Security, error) {
	return nil, errMissing
}
