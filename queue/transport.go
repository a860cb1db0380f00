package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"mox/pipeline"
	"mox/queuedb"
	"mox/smtp"
)

// Job is a message for recipients that share a destination and a transport.
type Job struct {
	Message    queuedb.Message
	Recipients []queuedb.Recipient // At least one; all with the same Prefix.
	Body       io.ReaderAt         // Without prefix.
	Size       int64               // Of Body.
}

// Reader returns the message with its prefix from the start.
func (j *Job) Reader() io.Reader {
	return io.MultiReader(bytes.NewReader(j.Recipients[0].Prefix), io.NewSectionReader(j.Body, 0, j.Size))
}

// Outcome is what became of one recipient.
type Outcome struct {
	// Err is nil when the next hop took responsibility. An *smtp.Error with a 5xx code
	// is final; any other error is temporary. A temporary *smtpclient.Error without reply, and no
	// Remote, says that the destination is out of reach.
	Err    error
	Remote string // Host and address that answered; empty if none did.

	// NoDSN says that the next hop took the message but not what the sender asked about
	// notifications, so that the sender has to be told here (RFC 3461 §5.2.2 b).
	NoDSN bool
}

// Transport makes attempts. Implementations are safe for concurrent use.
type Transport interface {
	// Name is the transport's name in the configuration, for logs and metrics.
	Name() string

	// Deliver makes one attempt and returns an outcome per recipient, in order. The
	// context ends the attempt.
	Deliver(ctx context.Context, j Job) []Outcome
}

// same gives every recipient of the job the same outcome.
func same(j Job, o Outcome) []Outcome {
	l := make([]Outcome, len(j.Recipients))
	for i := range l {
		l[i] = o
	}
	return l
}

// Fail is a transport that answers with an error: it refuses mail by configuration.
type Fail struct {
	TransportName string
	Reply         *smtp.Error
}

var _ Transport = Fail{}

// Name implements Transport.
func (f Fail) Name() string { return f.TransportName }

// Deliver implements Transport.
func (f Fail) Deliver(_ context.Context, j Job) []Outcome { return same(j, Outcome{Err: f.Reply}) }

// local delivers to accounts of this host.
type local struct{ target pipeline.Target }

var _ Transport = local{}

func (local) Name() string { return "local" }

func (l local) Deliver(ctx context.Context, j Job) []Outcome {
	m := &j.Message
	d, err := l.target.Begin(ctx, pipeline.Envelope{
		ID: m.EnvelopeID, MailFrom: m.MailFrom, SMTPUTF8: m.SMTPUTF8, EightBit: m.EightBit, Binary: m.Binary,
		Size: m.Size, Received: m.Received, Account: m.Account, ENVID: m.ENVID, Ret: m.Ret,
		SendAt: m.SendAt, FutureRelease: m.FutureRelease, RequireTLS: m.RequireTLS,
	})
	if err != nil {
		return same(j, Outcome{Err: err})
	}
	defer d.Abort()
	outcomes := make([]Outcome, len(j.Recipients))
	var accepted []int
	for i, r := range j.Recipients {
		outcomes[i].Err = d.Recipient(ctx, pipeline.Recipient{
			Path: r.Path, Account: r.Account, Mailbox: r.Mailbox, Prefix: r.Prefix, Keywords: r.Keywords, Auth: r.Auth,
			Notify: r.Notify, OriginalRecipient: r.OriginalRecipient,
		})
		if outcomes[i].Err == nil {
			accepted = append(accepted, i)
		}
	}
	if len(accepted) == 0 {
		return outcomes
	}
	fail := func(err error) []Outcome {
		for _, i := range accepted {
			outcomes[i].Err = err
		}
		return outcomes
	}
	body, err := newBody(j.Body, j.Size)
	if err != nil {
		return fail(err)
	}
	if err := d.Body(ctx, body); err != nil {
		return fail(err)
	}
	errs := d.Commit(ctx)
	if len(errs) != len(accepted) {
		return fail(fmt.Errorf("local delivery gave %d results for %d recipients", len(errs), len(accepted)))
	}
	for k, i := range accepted {
		outcomes[i].Err = errs[k]
	}
	return outcomes
}

// permanent returns the reply of an error that ends delivery.
func permanent(err error) (*smtp.Error, bool) {
	if e, ok := errors.AsType[*smtp.Error](err); ok && e.Code/100 == 5 {
		return e, true
	}
	return nil, false
}
