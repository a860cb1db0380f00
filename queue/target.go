package queue

import (
	"context"
	"errors"

	"mox/message"
	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
)

type target struct{ q *Queue }

var _ pipeline.Target = target{}

// Target returns the queue as a pipeline.Target: every recipient becomes a row, local ones
// (Recipient.Account set) and remote ones alike, in one transaction.
func (q *Queue) Target() pipeline.Target { return target{q} }

// Begin implements pipeline.Target.
func (t target) Begin(ctx context.Context, env pipeline.Envelope) (pipeline.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &delivery{q: t.q, env: env}, nil
}

type delivery struct {
	q     *Queue
	env   pipeline.Envelope
	rcpts []queuedb.Recipient
	body  pipeline.Body
	ended bool

	unsigned bool // It is signed when it is sent.

	id queuedb.MessageID // After a good commit.
}

var _ pipeline.Delivery = (*delivery)(nil)

var (
	errEnded  = errors.New("delivery has ended")
	errNoBody = errors.New("commit without a body")
)

func (d *delivery) Recipient(ctx context.Context, r pipeline.Recipient) error {
	if d.ended {
		return errEnded
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d.rcpts = append(d.rcpts, queuedb.Recipient{
		Path: r.Path, Account: r.Account, Mailbox: r.Mailbox, Keywords: r.Keywords, Auth: r.Auth, Prefix: r.Prefix,
		Notify: r.Notify, OriginalRecipient: r.OriginalRecipient,
		Destination: destination(r.Path, r.Account), State: queuedb.Waiting,
	})
	return nil
}

func (d *delivery) Body(ctx context.Context, b pipeline.Body) error {
	if d.ended {
		return errEnded
	}
	d.body = b
	return ctx.Err()
}

func (d *delivery) Commit(ctx context.Context) []error {
	errs := make([]error, len(d.rcpts))
	err := d.commit(ctx)
	d.ended = true
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func (d *delivery) commit(ctx context.Context) error {
	switch {
	case d.ended:
		return errEnded
	case d.body == nil:
		return errNoBody
	}
	// All are due at the same moment, so that they are claimed together.
	due := later(d.q.opts.Now(), d.env.SendAt)
	for i := range d.rcpts {
		d.rcpts[i].NextAttempt = due
	}
	m := queuedb.Message{
		EnvelopeID: d.env.ID, MailFrom: d.env.MailFrom, SMTPUTF8: d.env.SMTPUTF8, EightBit: d.env.EightBit, Binary: d.env.Binary,
		Size: d.body.Size(), Received: d.env.Received, Account: d.env.Account, ENVID: d.env.ENVID, Ret: d.env.Ret,
		SendAt: d.env.SendAt, FutureRelease: d.env.FutureRelease, RequireTLS: requireTLS(d.env.RequireTLS, d.body.Root()),
		Unsigned: d.unsigned,
	}
	m.HeaderMessageID, m.Subject = threading(d.body.Root())
	var err error
	d.id, err = d.q.add(ctx, queuedb.NewMessage{Message: m, Recipients: d.rcpts, Body: d.body})
	return err
}

// threading returns what notifications about a message refer to.
func threading(root *message.Part) (messageID, subject string) {
	if env := root.Envelope; env != nil {
		return env.MessageID, env.Subject
	}
	return "", ""
}

func (d *delivery) Abort() { d.ended = true }

// destination groups recipients: see queuedb.Recipient.Destination.
func destination(p smtp.Path, account string) string {
	switch {
	case account != "":
		return localPrefix + account
	case p.IPDomain.Domain.IsZero():
		return "[" + p.IPDomain.IP.String() + "]"
	}
	return p.IPDomain.Domain.ASCII
}
