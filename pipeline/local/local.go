// Package local delivers to the accounts of this host: the pipeline.Target where mail
// arrives.
package local

import (
	"context"
	"errors"
	"sync"

	"mox/pipeline"
	"mox/smtp"
	"mox/store"
)

// maxParallel bounds how many recipients of one delivery are written at a time. Writes to one
// account share a sync, writes to several need not wait for each other.
const maxParallel = 10

// Target delivers into the mailboxes of accounts. Recipients must have an Account. It puts
// Return-Path in front of everything else, since this is the final delivery (RFC 5321 §4.4).
// It is safe for concurrent use.
type Target struct {
	accounts *store.Store
}

var _ pipeline.Target = (*Target)(nil)

// New returns a Target for the accounts of st.
func New(st *store.Store) *Target { return &Target{st} }

// Begin implements pipeline.Target.
func (t *Target) Begin(ctx context.Context, env pipeline.Envelope) (pipeline.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &delivery{t: t, env: env}, nil
}

type delivery struct {
	t     *Target
	env   pipeline.Envelope
	rcpts []recipient
	body  pipeline.Body
}

// recipient is an accepted recipient with its open account.
type recipient struct {
	pipeline.Recipient
	account *store.Account
}

var _ pipeline.Delivery = (*delivery)(nil)

// Recipient implements pipeline.Delivery. It refuses recipients whose account does not exist.
func (d *delivery) Recipient(ctx context.Context, r pipeline.Recipient) error {
	if r.Account == "" {
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E511UnknownMailbox, "not a local mailbox", nil)
	}
	account, err := d.t.accounts.Open(ctx, r.Account)
	if err != nil {
		return replyFor(err)
	}
	d.rcpts = append(d.rcpts, recipient{r, account})
	return nil
}

// Body implements pipeline.Delivery.
func (d *delivery) Body(ctx context.Context, b pipeline.Body) error {
	d.body = b
	return ctx.Err()
}

// Commit implements pipeline.Delivery.
func (d *delivery) Commit(ctx context.Context) []error {
	defer d.Abort()
	results := make([]error, len(d.rcpts))
	if d.body == nil {
		for i := range results {
			results[i] = errors.New("commit without a body")
		}
		return results
	}
	if len(d.rcpts) == 1 {
		results[0] = d.deliver(ctx, d.rcpts[0])
		return results
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxParallel)
	for i, r := range d.rcpts {
		slots <- struct{}{}
		wg.Go(func() {
			results[i] = d.deliver(ctx, r)
			<-slots
		})
	}
	wg.Wait()
	return results
}

// deliver writes the message for one recipient.
func (d *delivery) deliver(ctx context.Context, r recipient) error {
	id := ""
	if !d.env.Single {
		id = d.env.ID + " " + r.Path.String() // The path tells apart recipients that are the same account.
	}
	_, err := r.account.Deliver(ctx, store.System, store.Delivery{
		NewMessage: store.NewMessage{
			Prefix:   d.prefix(r),
			Body:     d.body,
			Size:     d.body.Size(),
			Root:     d.body.Root(),
			Received: d.env.Received,
			Keywords: r.Keywords,
			Auth:     r.Auth,
		},
		Mailbox: r.Mailbox,
		ID:      id,
	})
	return replyFor(err)
}

func (d *delivery) prefix(r recipient) []byte {
	b := make([]byte, 0, 64+len(r.Prefix))
	b = append(b, "Return-Path: <"...)
	b = append(b, d.env.MailFrom.XString(d.env.SMTPUTF8)...)
	b = append(b, ">\r\n"...)
	return append(b, r.Prefix...)
}

// Abort implements pipeline.Delivery.
func (d *delivery) Abort() {
	for _, r := range d.rcpts {
		r.account.Close()
	}
	d.rcpts = nil
}

// replyFor gives errors of the store the reply that a sender should get. Others stay as they
// are, which means temporary.
func replyFor(err error) error {
	switch {
	case errors.Is(err, store.ErrQuota):
		return smtp.NewError(smtp.C452StorageFull, smtp.E422MailboxFull, "mailbox is full", err)
	case errors.Is(err, store.ErrNoAccount):
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E511UnknownMailbox, "no such user here", err)
	}
	return err
}
