package webmail

import (
	"errors"
	"time"

	"mox/internal/jsoncall"
	"mox/queue"
	"mox/store"
)

// resend has a message that waits leave at another time, or at once if that is not ahead. The Date of a message says when it
// leaves, and one that is days ahead is taken for forged; so the message is taken back, and sent again. It returns the email that has it
// then. If it cannot be sent again it stays a draft, which the error says.
func (c *composing) resend(id store.SubmissionID, at time.Time) (email string, err error) {
	now := c.s.now()
	if at.Sub(now) > queue.MaxSendDelay {
		return "", queue.ErrSendTime
	}
	sub, err := c.acc.Submission(c.ctx, id)
	if err != nil {
		return "", err
	}
	if sub.State == store.SubmissionCanceled {
		return "", store.ErrNoSubmission // It was taken back, or leaves as another one.
	}
	if sub.Email.IsZero() {
		// There is nothing to write it from.
		return "", c.s.opts.Submissions.Reschedule(c.ctx, c.name, id, at)
	}
	if !at.After(now) && sub.SendAt.Sub(now) <= maxHold*time.Second {
		// It is held for being taken back, no more.
		return sub.Email.String(), c.s.opts.Submissions.SendNow(c.ctx, c.name, id)
	}
	d, err := c.takeBack(id)
	if err != nil {
		return "", err
	}
	d.SendAt = 0
	if at.After(now) {
		d.SendAt = at.Unix()
	}
	sent, err := c.send(d, SendOptions{})
	if err != nil {
		c.s.tell(c.ctx, "send again", &err)
		if told, ok := errors.AsType[*jsoncall.Error](err); ok {
			return "", errUser(told.Code, "The message is in Drafts now, as it could not be sent at that time. %s", told.Message)
		}
		return "", err
	}
	if id, err = submissionID(sent.Submission); err != nil {
		return "", err
	}
	if sub, err = c.acc.Submission(c.ctx, id); err != nil {
		return "", err
	}
	return sub.Email.String(), nil
}

// takeBack takes a message back that has not left, and returns it as a draft, which is saved.
func (c *composing) takeBack(id store.SubmissionID) (Draft, error) {
	sub, err := c.acc.Submission(c.ctx, id)
	if err != nil {
		return Draft{}, err
	}
	drafts, err := mailboxFor(c.ctx, c.acc, c.actor, store.Drafts)
	if err != nil {
		return Draft{}, err
	}
	if err := c.s.opts.Submissions.Cancel(c.ctx, c.name, id, drafts.Name); err != nil {
		return Draft{}, err
	}
	if sub.Email.IsZero() {
		return Draft{}, errUser(codeNotFound, "The message was taken back. There is no copy of it.")
	}
	return c.compose(ComposeRequest{Kind: ComposeDraft, Emails: []string{sub.Email.String()}})
}
