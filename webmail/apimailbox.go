package webmail

import "context"

// MailboxCreate makes a mailbox, and missing ones above it.
func (a API) MailboxCreate(ctx context.Context, name string) (Mailbox, error) {
	return Mailbox{}, errMissing
}

// MailboxRename renames a mailbox and those below it.
func (a API) MailboxRename(ctx context.Context, mailbox int64, name string) error { return errMissing }

// MailboxDelete removes a mailbox with its messages, for good.
func (a API) MailboxDelete(ctx context.Context, mailbox int64) error { return errMissing }

// MailboxEmpty removes the messages of a mailbox: for good from Junk, Trash and Rejects, to Trash from others, which can be undone.
func (a API) MailboxEmpty(ctx context.Context, mailbox int64) (Acted, error) {
	return Acted{}, errMissing
}

// MailboxRole gives a mailbox a role, and takes it from the one that has it.
func (a API) MailboxRole(ctx context.Context, mailbox int64, role Role) error { return errMissing }
