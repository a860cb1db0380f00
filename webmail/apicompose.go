package webmail

import (
	"context"
	"strconv"
	"time"

	"mox/store"
)

// Compose returns what a composer begins with.
func (a API) Compose(ctx context.Context, request ComposeRequest) (_ Draft, rerr error) {
	defer a.s.tell(ctx, "Compose", &rerr)
	c, err := a.s.newComposing(ctx)
	if err != nil {
		return Draft{}, err
	}
	defer c.acc.Close()
	return c.compose(request)
}

// DraftSave saves a draft in the mailbox for drafts, in place of its earlier version.
func (a API) DraftSave(ctx context.Context, draft Draft) (_ Saved, rerr error) {
	defer a.s.tell(ctx, "DraftSave", &rerr)
	c, err := a.s.newComposing(ctx)
	if err != nil {
		return Saved{}, err
	}
	defer c.acc.Close()
	return c.saveDraft(draft)
}

// DraftDiscard removes a draft: it is moved to Trash, which can be undone by Undo.
func (a API) DraftDiscard(ctx context.Context, email string) (_ Acted, rerr error) {
	defer a.s.tell(ctx, "DraftDiscard", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return Acted{}, err
	}
	defer acc.Close()
	id, ok := parseEmailID(email)
	if !ok {
		return Acted{}, nil
	}
	l, err := acc.Instances(ctx, actor, []store.EmailID{id})
	if err != nil {
		return Acted{}, err
	}
	var sel Selection
	for _, at := range l {
		sel.Messages = append(sel.Messages, Place{Mailbox: int64(at.Mailbox), UID: int64(at.UID)})
	}
	if len(sel.Messages) == 0 {
		return Acted{}, nil
	}
	return a.Act(ctx, sel, Action{Kind: ActTrash})
}

// Warnings returns what a sender should look at before a draft is sent. None is a refusal.
func (a API) Warnings(ctx context.Context, draft Draft) (_ []Warning, rerr error) {
	defer a.s.tell(ctx, "Warnings", &rerr)
	c, err := a.s.newComposing(ctx)
	if err != nil {
		return nil, err
	}
	defer c.acc.Close()
	if err := (&writing{s: a.s, d: draft}).check(); err != nil {
		return nil, err
	}
	return c.warnings(draft), nil
}

// Send sends a draft. It leaves after the hold, or at its SendAt.
func (a API) Send(ctx context.Context, draft Draft, how SendOptions) (_ Sent, rerr error) {
	defer a.s.tell(ctx, "Send", &rerr)
	c, err := a.s.newComposing(ctx)
	if err != nil {
		return Sent{}, err
	}
	defer c.acc.Close()
	// A page that goes away does not change what was asked for.
	c.ctx = context.WithoutCancel(ctx)
	return c.send(draft, how)
}

// SendUndo takes a message back that has not left, and returns it as a draft, which is saved.
func (a API) SendUndo(ctx context.Context, submission string) (_ Draft, rerr error) {
	defer a.s.tell(ctx, "SendUndo", &rerr)
	id, err := submissionID(submission)
	if err != nil {
		return Draft{}, err
	}
	c, err := a.s.newComposing(ctx)
	if err != nil {
		return Draft{}, err
	}
	defer c.acc.Close()
	return c.takeBack(id)
}

// SendNow has a message that waits leave at once. It returns the email of its copy, which can be another one than before.
func (a API) SendNow(ctx context.Context, submission string) (email string, rerr error) {
	defer a.s.tell(ctx, "SendNow", &rerr)
	return a.s.resend(ctx, submission, time.Time{})
}

// Reschedule changes when a message leaves, and returns as SendNow.
func (a API) Reschedule(ctx context.Context, submission string, at int64) (email string, rerr error) {
	defer a.s.tell(ctx, "Reschedule", &rerr)
	return a.s.resend(ctx, submission, time.Unix(at, 0))
}

// resend has a message that waits leave at another time, and returns the email of its copy.
func (s *Server) resend(ctx context.Context, submission string, at time.Time) (string, error) {
	id, err := submissionID(submission)
	if err != nil {
		return "", err
	}
	c, err := s.newComposing(ctx)
	if err != nil {
		return "", err
	}
	defer c.acc.Close()
	// A page that goes away does not leave it half done.
	c.ctx = context.WithoutCancel(ctx)
	return c.resend(id, at)
}

// Scheduled lists messages that wait to be sent, the next one first.
func (a API) Scheduled(ctx context.Context) (_ []Submission, rerr error) {
	defer a.s.tell(ctx, "Scheduled", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer acc.Close()
	subs, err := acc.ScheduledSubmissions(ctx)
	if err != nil || len(subs) == 0 {
		return nil, err
	}
	l, now := make([]Submission, len(subs)), a.s.now()
	var ids []store.EmailID
	for i, sub := range subs {
		l[i] = Submission{ID: strconv.FormatInt(int64(sub.ID), 10), State: stateOf(&sub, now), SendAt: sub.SendAt.Unix()}
		if !sub.Email.IsZero() {
			l[i].Email = sub.Email.String()
		}
		for _, rcpt := range sub.RcptTo {
			l[i].To = append(l[i].To, Person{Address: rcpt})
		}
		ids = append(ids, sub.Email)
	}
	err = acc.Emails(ctx, actor, ids, func(i int, e *store.Email) error {
		if e == nil {
			return nil
		}
		env := e.ParseEnvelope()
		l[i].Subject = env.Subject
		if to := people(env.To); len(to) > 0 {
			l[i].To = append(to, people(env.CC)...)
		}
		return nil
	})
	return l, err
}

// submissionID parses the id of a submission as pages have it.
func submissionID(text string) (store.SubmissionID, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, store.ErrNoSubmission
	}
	return store.SubmissionID(n), nil
}

// Recipients completes what is typed for a recipient.
func (a API) Recipients(ctx context.Context, text string) (_ []Correspondent, rerr error) {
	defer a.s.tell(ctx, "Recipients", &rerr)
	acc, _, err := a.s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer acc.Close()
	return a.s.recipients(ctx, acc, text)
}

// RecipientForget has an address not be suggested any more.
func (a API) RecipientForget(ctx context.Context, address string) (rerr error) {
	defer a.s.tell(ctx, "RecipientForget", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return err
	}
	defer acc.Close()
	return acc.RemoveCorrespondent(ctx, actor, address)
}

// RecipientSecurity returns what is known of the ways to recipients. It may take a second, and is remembered.
func (a API) RecipientSecurity(ctx context.Context, addresses []string) (_ []Security, rerr error) {
	defer a.s.tell(ctx, "RecipientSecurity", &rerr)
	if len(addresses) > maxRecipients {
		return nil, errUser(codeLimit, "There are more than %d recipients.", maxRecipients)
	}
	return a.s.security(ctx, addresses), nil
}
